//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package sys

import "golang.org/x/sys/unix"

// Close closes fd. It is never retried, whatever it returns: the number is free
// then, and may already be somebody else's. With a linger time set it blocks.
// An injected failure closes too.
func Close(fd int) Errno {
	var injected Errno
	if seam {
		injected = fault(CallClose)
		unwatched(fd)
		released(fd)
	}
	if err := unix.Close(fd); err != nil {
		return err.(Errno)
	}
	return injected
}
