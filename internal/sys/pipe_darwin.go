package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe sets the flags after the fact, because Darwin has no pipe2; the lock
// keeps a fork from coming between.
func pipe(p []int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(p); err != nil {
		return err
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(p[0])
			unix.Close(p[1])
			return err
		}
	}
	return nil
}
