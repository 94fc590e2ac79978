//go:build !simkernel

package sys

// pipe(2), and read(2) and write(2) on nonblocking pipes and eventfds.

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pipe returns the read and the write end of a new pipe, both nonblocking and
// closed on exec.
func Pipe() (r, w int, e Errno) {
	if e := fault(CallPipe); e != 0 {
		return -1, -1, e
	}
	var p [2]int32
	_, _, e = syscall.RawSyscall(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&p)), unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if e != 0 {
		return -1, -1, e
	}
	opened(int(p[0]))
	opened(int(p[1]))
	return int(p[0]), int(p[1]), 0
}

// Read reads once from a nonblocking pipe or eventfd. EINTR is retried.
func Read(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallRead, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return transfer(unix.SYS_READ, fd, p[:size])
}

// Write writes once to a nonblocking pipe or eventfd. EINTR is retried.
func Write(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallWrite, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return transfer(unix.SYS_WRITE, fd, p[:size])
}

func transfer(call uintptr, fd int, p []byte) (int, Errno) {
	for {
		if interrupted() {
			continue
		}
		n, _, e := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e == 0 {
			return int(n), 0
		}
		if e != EINTR {
			return 0, e
		}
	}
}
