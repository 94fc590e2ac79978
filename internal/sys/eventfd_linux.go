//go:build !simkernel

package sys

// eventfd(2): a counter that is readable while it is not zero.

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Eventfd returns a new counter at 0, nonblocking and closed on exec.
func Eventfd() (int, Errno) {
	if e := fault(CallEventfd); e != 0 {
		return -1, e
	}
	fd, _, e := syscall.RawSyscall(unix.SYS_EVENTFD2, 0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK, 0)
	if e != 0 {
		return -1, e
	}
	opened(int(fd))
	return int(fd), 0
}
