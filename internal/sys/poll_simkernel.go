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

// KeventApply makes all changes, each by itself, and leaves in each what became
// of it. It takes no events. It fails as a whole only if kq is bad.
func KeventApply(kq int, changes []Kevent) Errno {
	if e := check(kq); e != 0 {
		return e
	}
	for i := range changes {
		if e := change(kq, &changes[i]); e != 0 {
			changes[i].Fail(e)
		}
	}
	return 0
}

// change makes one change. A rule may refuse what registers a filter; to delete, disable
// or trigger what is there takes no memory, and no kernel refuses it.
func change(kq int, c *Kevent) Errno {
	if c.Flags()&EV_ADD != 0 {
		if e := faultOf(CallKevent, c.Ident()); e != 0 {
			return e
		}
	}
	machine.Lock()
	defer machine.Unlock()
	return Errno(machine.kernel.Change(kq, sim.Kevent{
		Ident: c.Ident(), Filter: c.Filter(), Flags: c.Flags(), Fflags: c.Fflags(), Data: c.Data(),
	}))
}

// KeventWait fills events, which must not be empty, and returns how many it
// filled. A timeout below 0 waits without limit, 0 does not wait.
func KeventWait(kq int, events []Kevent, timeout time.Duration) (int, Errno) {
	if e := fault(CallKeventWait); e != 0 {
		return 0, e
	}
	return awaitEvents(timeout, func(k *sim.Kernel) (int, sim.Errno) {
		list := scratch(&machine.kevents, len(events))
		n, e := k.KeventWait(kq, list)
		if e == 0 {
			n = addEvents(CallKeventWait, list, n, func() []sim.Kevent { return k.Notes(kq) })
		}
		for i, ev := range list[:n] {
			events[i].Set(ev.Ident, ev.Filter, ev.Flags, ev.Fflags, ev.Data)
		}
		return n, e
	})
}

// scratch returns n elements of what list keeps.
func scratch[T any](list *[]T, n int) []T {
	if n > len(*list) {
		*list = make([]T, n)
	}
	return (*list)[:n]
}
