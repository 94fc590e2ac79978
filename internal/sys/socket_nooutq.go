//go:build openbsd || dragonfly

package sys

import "golang.org/x/sys/unix"

// OutQueue is not told here: TIOCOUTQ is for terminals alone.
func OutQueue(int) (int, Errno) { return 0, unix.ENOTSUP }
