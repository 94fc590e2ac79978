package sys

// Making sockets on macOS, one flag at a time.

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func socket(family int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	if err := prepare(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func socketpair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return fds, err
	}
	for _, fd := range fds {
		if err := prepare(fd); err != nil {
			unix.Close(fds[0])
			unix.Close(fds[1])
			return fds, err
		}
	}
	return fds, nil
}

// prepare makes a new socket what every socket here is.
func prepare(fd int) error {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return noSIGPIPE(fd)
}

// noSIGPIPE sets SO_NOSIGPIPE. A socket whose peer has gone already takes no options
// (EINVAL), and what it received must not be lost for that; Go ignores the signal for all
// descriptors but 1 and 2.
func noSIGPIPE(fd int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
	if err == unix.EINVAL {
		return nil
	}
	return err
}

// NoSIGPIPE keeps sends on a socket from elsewhere from raising SIGPIPE, for
// which there is no flag.
func NoSIGPIPE(fd int) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	return errnoOf(noSIGPIPE(fd))
}

const noSignal = 0

// lingerOption counts in seconds; SO_LINGER counts in ticks here.
const lingerOption = unix.SO_LINGER_SEC

const reusePort = unix.SO_REUSEPORT

const somaxconnName = "kern.ipc.somaxconn"

// OutQueue is the number of bytes sent that the peer has not acknowledged.
func OutQueue(fd int) (int, Errno) {
	if e := fault(CallIoctl); e != 0 {
		return 0, e
	}
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NWRITE)
	return n, errnoOf(err)
}
