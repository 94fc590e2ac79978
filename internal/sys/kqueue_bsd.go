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

// KeventApply makes all changes, each by itself, and leaves in each what became
// of it. It takes no events. It fails as a whole only if kq or the list is bad.
func KeventApply(kq int, changes []Kevent) Errno {
	if e := fault(CallKevent); e != 0 {
		return e
	}
	if EV_RECEIPT == 0 {
		return applyEach(kq, changes)
	}
	for i := range changes {
		changes[i].raw().Flags |= EV_RECEIPT
	}
	// With a receipt for every change the list is full and no event fits. The
	// kernel allows one array for both.
	list := kevents(changes)
	_, err := unix.Kevent(kq, list, list, &unix.Timespec{})
	return applied(err)
}

// applyEach serves kernels without receipts: where there is no place for events,
// a failed change is the result of the call.
func applyEach(kq int, changes []Kevent) Errno {
	for i := range changes {
		_, err := unix.Kevent(kq, kevents(changes[i:i+1]), nil, &unix.Timespec{})
		if e := applied(err); e != 0 {
			changes[i].Fail(e)
		}
	}
	return 0
}

// applied gives the errno of a call with changes; after EINTR they are made.
func applied(err error) Errno {
	if err == nil || err == EINTR {
		return 0
	}
	return err.(Errno)
}

// KeventWait fills events, which must not be empty, and returns how many it
// filled. A timeout below 0 waits without limit, 0 does not wait. EINTR is the
// caller's to handle, since only the caller knows the time left.
func KeventWait(kq int, events []Kevent, timeout time.Duration) (int, Errno) {
	if e := fault(CallKeventWait); e != 0 {
		return 0, e
	}
	var limit *unix.Timespec
	var ts unix.Timespec
	if timeout >= 0 {
		ts = unix.NsecToTimespec(int64(timeout))
		limit = &ts
	}
	n, err := unix.Kevent(kq, nil, kevents(events), limit)
	if err != nil {
		return 0, err.(Errno)
	}
	return n, 0
}

func kevents(list []Kevent) []unix.Kevent_t {
	return unsafe.Slice((*unix.Kevent_t)(unsafe.Pointer(unsafe.SliceData(list))), len(list))
}
