//go:build !simkernel

package sys

// epoll(7): the readiness queue of Linux.

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// EpollCreate returns a new epoll descriptor, closed on exec.
func EpollCreate() (int, Errno) {
	if e := fault(CallEpollCreate); e != 0 {
		return -1, e
	}
	fd, _, e := syscall.RawSyscall(unix.SYS_EPOLL_CREATE1, unix.EPOLL_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, e
	}
	opened(int(fd))
	return int(fd), 0
}

// EpollCtl changes the registration of fd in epfd.
func EpollCtl(epfd, op, fd int, events uint32, data uint64) Errno {
	if e := fault(CallEpollCtl); e != 0 {
		return e
	}
	ev := newEpollEvent(events, data)
	_, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	if e == 0 {
		watched(epfd, op, fd, events, data)
	}
	return e
}

// EpollPoll fills events, which must not be empty, with what is ready now and
// returns how many it filled.
func EpollPoll(epfd int, events []EpollEvent) (int, Errno) {
	if e := fault(CallEpollWait); e != 0 {
		return 0, e
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	return embellish(epfd, events, int(n), e)
}

// EpollWait fills events, which must not be empty, and returns how many it
// filled. A timeout below 0 waits without limit; before Linux 5.11 others are rounded
// up to milliseconds. EINTR is the caller's to handle, since only the caller knows the
// time left.
func EpollWait(epfd int, events []EpollEvent, timeout time.Duration) (int, Errno) {
	if e := fault(CallEpollWait); e != 0 {
		return 0, e
	}
	if timeout > 0 && timeout%time.Millisecond != 0 && !coarse.Load() {
		n, e := waitPrecisely(epfd, events, timeout)
		if e != ENOSYS && e != EPERM {
			return embellish(epfd, events, n, e)
		}
		coarse.Store(true)
	}
	// epoll_pwait without a mask is epoll_wait, which arm64 does not have.
	n, _, e := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(milliseconds(timeout)), 0, 0)
	return embellish(epfd, events, int(n), e)
}

// coarse is set where epoll_pwait2 is missing, or where a filter of system calls that
// does not know it refuses it.
var coarse atomic.Bool

// waitPrecisely is a wait whose timeout is not rounded.
func waitPrecisely(epfd int, events []EpollEvent, timeout time.Duration) (int, Errno) {
	limit := struct{ seconds, nanoseconds int64 }{int64(timeout / time.Second), int64(timeout % time.Second)}
	n, _, e := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(unsafe.Pointer(&limit)), 0, 0)
	return int(n), e
}
