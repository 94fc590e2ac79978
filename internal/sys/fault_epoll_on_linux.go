//go:build faultinject && !simkernel

package sys

// Readiness in a test build: what is registered where, so that it can be
// signalled again, or without a reason.

import (
	"maps"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A watch is the registration of a descriptor, the latest if it has several.
type watch struct {
	epfd   int
	events uint32
	data   uint64
}

var watches = struct {
	sync.Mutex
	of map[int]watch // by descriptor
}{of: map[int]watch{}}

// watched is told of a change that the kernel has taken.
func watched(epfd, op, fd int, events uint32, data uint64) {
	watches.Lock()
	defer watches.Unlock()
	if op == EPOLL_CTL_DEL {
		delete(watches.of, fd)
		return
	}
	watches.of[fd] = watch{epfd, events, data}
}

// unwatched is told that fd is about to be closed.
func unwatched(fd int) {
	watches.Lock()
	defer watches.Unlock()
	delete(watches.of, fd)
}

// signalAgain makes an edge-triggered registration of fd report what fd is
// ready for. A one-shot one must not be armed by this.
func signalAgain(fd int) {
	watches.Lock()
	defer watches.Unlock()
	w, ok := watches.of[fd]
	if !ok || w.events&(EPOLLET|EPOLLONESHOT) != EPOLLET {
		return
	}
	ev := newEpollEvent(w.events, w.data)
	syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(w.epfd), EPOLL_CTL_MOD, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
}

// embellish is addEvents for a wait on epfd, unless that failed.
func embellish(epfd int, events []EpollEvent, n int, e Errno) (int, Errno) {
	if e != 0 {
		return n, e
	}
	return addEvents(CallEpollWait, events, n, func() []EpollEvent { return falseEvents(epfd) }), 0
}

// falseEvents says of all registrations in epfd but the one-shot ones that they are
// readable and writable, as far as they want to know.
func falseEvents(epfd int) (list []EpollEvent) {
	watches.Lock()
	defer watches.Unlock()
	for _, fd := range slices.Sorted(maps.Keys(watches.of)) {
		if w := watches.of[fd]; w.epfd == epfd && w.events&EPOLLONESHOT == 0 {
			list = append(list, newEpollEvent(w.events&(EPOLLIN|EPOLLOUT), w.data))
		}
	}
	return list
}
