//go:build linux && simkernel

package sys

// epoll(7), kqueue(2) and poll(2) of the model kernel.

import (
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

// Poll waits until one of fds is ready and returns how many are. A timeout below 0
// waits without limit, 0 does not wait, others are rounded up to milliseconds.
func Poll(fds []PollFd, timeout time.Duration) (int, Errno) {
	if e := fault(CallPoll); e != 0 {
		return 0, e
	}
	return await(rounded(timeout), func(k *sim.Kernel) (n int, _ sim.Errno) {
		for i := range fds {
			f := &fds[i]
			f.Revents = 0
			if f.Fd < 0 {
				continue
			}
			if f.Revents = int16(k.Poll(int(f.Fd), sim.Events(f.Events))); f.Revents != 0 {
				n++
			}
		}
		return n, 0
	})
}

// rounded is how long a wait lasts that counts in milliseconds.
func rounded(timeout time.Duration) time.Duration {
	if timeout < 0 {
		return -1
	}
	return time.Duration(milliseconds(timeout)) * time.Millisecond
}

// EpollCreate returns a new epoll descriptor.
func EpollCreate() (int, Errno) {
	if e := fault(CallEpollCreate); e != 0 {
		return -1, e
	}
	machine.Lock()
	defer machine.Unlock()
	fd, e := machine.kernel.EpollCreate()
	return fd, Errno(e)
}

// EpollCtl changes the registration of fd in epfd.
func EpollCtl(epfd, op, fd int, events uint32, data uint64) Errno {
	if e := faultOf(CallEpollCtl, fd); e != 0 {
		return e
	}
	machine.Lock()
	defer machine.Unlock()
	return Errno(machine.kernel.EpollCtl(epfd, op, fd, sim.Events(events), data))
}

// EpollPoll fills events, which must not be empty, with what is ready now and
// returns how many it filled.
func EpollPoll(epfd int, events []EpollEvent) (int, Errno) { return EpollWait(epfd, events, 0) }

// EpollWait fills events, which must not be empty, and returns how many it
// filled. A timeout below 0 waits without limit; no other is rounded.
func EpollWait(epfd int, events []EpollEvent, timeout time.Duration) (int, Errno) {
	if e := fault(CallEpollWait); e != 0 {
		return 0, e
	}
	return awaitEvents(timeout, func(k *sim.Kernel) (int, sim.Errno) {
		list := scratch(&machine.events, len(events))
		n, e := k.EpollWait(epfd, list)
		if e == 0 {
			n = addEvents(CallEpollWait, list, n, func() []sim.Event { return falseEvents(k.Registered(epfd)) })
		}
		for i, ev := range list[:n] {
			events[i] = newEpollEvent(uint32(ev.Events), ev.Data)
		}
		return n, e
	})
}

// Kqueue returns a new queue.
func Kqueue() (int, Errno) {
	if e := fault(CallKqueue); e != 0 {
		return -1, e
	}
	machine.Lock()
	defer machine.Unlock()
	fd, e := machine.kernel.Kqueue()
	return fd, Errno(e)
}

// What the kqueues of some systems lack: NetBSD's receipts, OpenBSD's user events.
var receipts, userEvents = true, true

// SimKqueue sets what kqueues have from now on.
func SimKqueue(withReceipts, withUserEvents bool) {
	receipts, userEvents = withReceipts, withUserEvents
}

// kevent is kevent(2) of the model. A timeout below 0 waits without limit.
func kevent(kq int, changes, events []Kevent, timeout time.Duration) (int, Errno) {
	if len(changes) > 0 {
		n, e := exchange(kq, changes, events)
		if n > 0 || e != 0 || len(events) == 0 {
			return n, e
		}
	}
	return awaitEvents(timeout, func(k *sim.Kernel) (int, sim.Errno) {
		list := scratch(&machine.kevents, len(events))
		n, e := k.Kevent(kq, nil, list)
		if e == 0 {
			n = addEvents(CallKeventWait, list, n, func() []sim.Kevent { return k.Notes(kq) })
		}
		fill(events, list[:n])
		return n, e
	})
}

// exchange makes changes and does not wait.
func exchange(kq int, changes, events []Kevent) (int, Errno) {
	if e := check(kq); e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	asked := scratch(&machine.asked, len(changes))
	for i, c := range changes {
		asked[i] = sim.Kevent{
			Ident: c.ident, Filter: known(c.filter), Flags: c.flags, Fflags: c.fflags, Data: c.data, Errno: sim.Errno(c.errno),
		}
	}
	list := scratch(&machine.kevents, len(events))
	n, e := machine.kernel.Kevent(kq, asked, list)
	fill(events, list[:n])
	return n, Errno(e)
}

// known is a filter, or one that no kernel has.
func known(filter int) int {
	if filter == EVFILT_USER && !userEvents {
		return NoFilter
	}
	return filter
}

// demandReceipt asks for what becomes of a change, even if it succeeds.
func (k *Kevent) demandReceipt() { k.flags |= EV_RECEIPT }

// refuse lets rules fail changes, each by itself. They may refuse what registers a filter;
// to delete, disable or trigger what is there takes no memory, and no kernel refuses it.
func refuse(changes []Kevent) Errno {
	for i := range changes {
		changes[i].errno = 0
		if changes[i].flags&EV_ADD != 0 {
			changes[i].errno = faultOf(CallKevent, changes[i].ident)
		}
	}
	return 0
}

// fill gives events of the model their form here.
func fill(events []Kevent, list []sim.Kevent) {
	for i, ev := range list {
		events[i].Set(ev.Ident, ev.Filter, ev.Flags, ev.Fflags, ev.Data)
		events[i].errno = Errno(ev.Errno)
	}
}

// scratch returns n elements of what list keeps.
func scratch[T any](list *[]T, n int) []T {
	if n > len(*list) {
		*list = make([]T, n)
	}
	return (*list)[:n]
}
