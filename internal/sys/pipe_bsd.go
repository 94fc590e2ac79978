//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// pipe(2), and read(2) and write(2) on nonblocking pipes.

import (
	"golang.org/x/sys/unix"
)

// Pipe returns the read and the write end of a new pipe, both nonblocking and
// closed on exec.
func Pipe() (r, w int, e Errno) {
	if e := fault(CallPipe); e != 0 {
		return -1, -1, e
	}
	var p [2]int
	if err := pipe(p[:]); err != nil {
		return -1, -1, err.(Errno)
	}
	opened(p[0])
	opened(p[1])
	return p[0], p[1], 0
}

// Read reads once from a nonblocking pipe. EINTR is retried.
func Read(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallRead, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return transfer(unix.Read, fd, p[:size])
}

// Write writes once to a nonblocking pipe. EINTR is retried.
func Write(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallWrite, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return transfer(unix.Write, fd, p[:size])
}

func transfer(call func(int, []byte) (int, error), fd int, p []byte) (int, Errno) {
	for {
		if interrupted() {
			continue
		}
		n, err := call(fd, p)
		if err == nil {
			return n, 0
		}
		if err != EINTR {
			return 0, err.(Errno)
		}
	}
}
