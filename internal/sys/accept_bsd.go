//go:build darwin || netbsd || openbsd

package sys

// Accepting where x/sys has no accept4.

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func accept(fd int) (int, unix.Sockaddr, error) {
	// A child forked in between would inherit the descriptor. The listener does
	// not block, so that the lock is held for a moment only.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, sa, err := unix.Accept(fd)
	if err != nil {
		return -1, nil, err
	}
	if err := prepare(n); err != nil {
		unix.Close(n)
		return -1, nil, err
	}
	return n, sa, nil
}
