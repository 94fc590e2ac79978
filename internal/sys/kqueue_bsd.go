//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// kqueue(2): the readiness queue of the BSDs and macOS.

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filters that every kqueue has.
const (
	EVFILT_READ  = unix.EVFILT_READ
	EVFILT_WRITE = unix.EVFILT_WRITE
)

// receipts tells whether this system's kevent gives them.
const receipts = EV_RECEIPT != 0

// Kevent is one change or one event. It has the layout of the system's struct
// kevent, but is made of words: the user data are a number here, and a number in
// a field of pointer type could make the garbage collector fail.
type Kevent struct {
	words [unsafe.Sizeof(unix.Kevent_t{}) / unsafe.Sizeof(uintptr(0))]uintptr
}

func (k *Kevent) raw() *unix.Kevent_t { return (*unix.Kevent_t)(unsafe.Pointer(k)) }

func (k *Kevent) udata() *uintptr { return (*uintptr)(unsafe.Pointer(&k.raw().Udata)) }

// Set makes k a change. The data are returned with each of its events.
func (k *Kevent) Set(ident, filter, flags int, fflags, data uint32) {
	*k = Kevent{}
	unix.SetKevent(k.raw(), ident, filter, flags)
	k.raw().Fflags = fflags
	*k.udata() = uintptr(data)
}

// Ident returns the descriptor.
func (k *Kevent) Ident() int { return int(k.raw().Ident) }

// Filter returns the filter.
func (k *Kevent) Filter() int { return int(k.raw().Filter) }

// Flags returns the actions and flags.
func (k *Kevent) Flags() int { return int(k.raw().Flags) }

// Fflags returns the flags that belong to the filter; with EV_EOF, a socket's error.
func (k *Kevent) Fflags() uint32 { return k.raw().Fflags }

// Data returns the 32 bits given to Set.
func (k *Kevent) Data() uint32 { return uint32(*k.udata()) }

// Errno returns what became of a change after KeventApply.
func (k *Kevent) Errno() Errno {
	if k.Flags()&EV_ERROR == 0 {
		return 0
	}
	return Errno(k.raw().Data)
}

// demandReceipt asks for what becomes of a change, even if it succeeds.
func (k *Kevent) demandReceipt() { k.raw().Flags |= EV_RECEIPT }

// Fail sets what Errno returns.
func (k *Kevent) Fail(e Errno) {
	k.raw().Flags |= EV_ERROR
	k.raw().Data = int64(e)
}

// Kqueue returns a new queue, closed on exec. A forked child does not inherit it.
func Kqueue() (int, Errno) {
	if e := fault(CallKqueue); e != 0 {
		return -1, e
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Kqueue()
	if err != nil {
		return -1, err.(Errno)
	}
	unix.CloseOnExec(fd)
	opened(fd)
	return fd, 0
}

// refuse lets a rule fail a list of changes.
func refuse([]Kevent) Errno { return fault(CallKevent) }

// kevent is kevent(2). A timeout below 0 waits without limit.
func kevent(kq int, changes, events []Kevent, timeout time.Duration) (int, Errno) {
	var limit *unix.Timespec
	if timeout >= 0 {
		ts := unix.NsecToTimespec(int64(timeout))
		limit = &ts
	}
	n, err := unix.Kevent(kq, kevents(changes), kevents(events), limit)
	if err != nil {
		return 0, err.(Errno)
	}
	return n, 0
}

func kevents(list []Kevent) []unix.Kevent_t {
	return unsafe.Slice((*unix.Kevent_t)(unsafe.Pointer(unsafe.SliceData(list))), len(list))
}
