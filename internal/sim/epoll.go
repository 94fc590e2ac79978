package sim

// epoll(7), by the rules of the kernel's own list: a change puts a registration on
// it, a wait takes it off and looks at the object, and only what is level-triggered
// goes back.

import (
	"fmt"
	"slices"
)

// Event is what an epoll reports: readiness and the registration's data.
type Event struct {
	Events Events
	Data   uint64
}

type epoll struct {
	base
	items map[itemKey]*item
	list  []*item // signalled, to be looked at
}

// itemKey is what a registration is for: the object behind a number at the time
// of the call.
type itemKey struct {
	o  object
	fd int
}

type item struct {
	itemKey
	queue  *epoll
	events Events
	data   uint64
	listed bool
	gone   bool
}

// The operations of EpollCtl.
const (
	CtlAdd = 1
	CtlDel = 2
	CtlMod = 3
)

// EpollCreate returns a new epoll.
func (k *Kernel) EpollCreate() (int, Errno) {
	if !k.room(1) {
		return -1, EMFILE
	}
	return k.install(&epoll{base: base{kernel: k}, items: map[itemKey]*item{}}), 0
}

// EpollCtl changes the registration of fd in epfd.
func (k *Kernel) EpollCtl(epfd, op, fd int, events Events, data uint64) Errno {
	if e := k.Check(epfd); e != 0 {
		return e
	}
	o, e := k.object(fd)
	if e != 0 {
		return e
	}
	q, e := the[*epoll](k, epfd, EINVAL)
	if e != 0 {
		return e
	}
	if o == object(q) {
		return EINVAL
	}
	key := itemKey{o, fd}
	i := q.items[key]
	switch {
	case op == CtlAdd && i != nil:
		return EEXIST
	case op == CtlAdd:
		i = &item{itemKey: key, queue: q}
		q.items[key] = i
		o.common().watch(i)
	case op != CtlMod && op != CtlDel:
		return EINVAL
	case i == nil:
		return ENOENT
	}
	if op == CtlDel {
		i.remove()
		return 0
	}
	i.events, i.data = events|always, data
	if o.poll()&i.events != 0 {
		i.signal()
	}
	return 0
}

// remove ends the registration.
func (i *item) remove() {
	i.gone = true
	delete(i.queue.items, i.itemKey)
	i.o.common().unwatch(i)
}

func (i *item) wake(key Events) {
	if i.events&^manner == 0 || key != 0 && key&i.events == 0 {
		return
	}
	i.signal()
}

// signal puts i on the list.
func (i *item) signal() {
	if i.listed {
		return
	}
	i.listed = true
	i.queue.list = append(i.queue.list, i)
	i.queue.wake(In)
}

// EpollWait fills events with what is ready and returns how many it filled.
func (k *Kernel) EpollWait(epfd int, events []Event) (int, Errno) {
	q, e := the[*epoll](k, epfd, EINVAL)
	if e != 0 {
		return 0, e
	}
	if len(events) == 0 {
		return 0, EINVAL
	}
	n, looked := 0, 0
	list := q.list
	for _, i := range list {
		if n == len(events) {
			break
		}
		looked++
		i.listed = false
		if i.gone {
			continue
		}
		ready := i.o.poll() & i.events
		if ready == 0 {
			continue
		}
		events[n] = Event{ready, i.data}
		n++
		switch {
		case i.events&OneShot != 0:
			i.events &= manner
		case i.events&Edge == 0:
			i.listed = true
			q.list = append(q.list, i)
		}
	}
	q.list = slices.Delete(q.list, 0, looked)
	return n, 0
}

// Registered returns the data and the events of all registrations of epfd that
// are armed, in no order that means anything but the same each time.
func (k *Kernel) Registered(epfd int) []Event {
	q, e := the[*epoll](k, epfd, EINVAL)
	if e != 0 {
		return nil
	}
	var list []Event
	for fd, o := range k.files {
		if i := q.items[itemKey{o, fd}]; o != nil && i != nil && i.events&^(manner|always) != 0 {
			list = append(list, Event{i.events, i.data})
		}
	}
	return list
}

// Signal makes everything edge-triggered that watches fd look at it again.
func (k *Kernel) Signal(fd int) {
	o, e := k.object(fd)
	if e != 0 {
		return
	}
	o.common().wake(0)
}

func (q *epoll) poll() Events {
	for _, i := range q.list {
		if !i.gone && i.o.poll()&i.events != 0 {
			return In
		}
	}
	return 0
}

func (q *epoll) release() {
	for _, i := range q.items {
		i.gone = true
		i.o.common().unwatch(i)
	}
	q.items, q.list = nil, nil
}

func (q *epoll) String() string { return fmt.Sprintf("epoll of %d", len(q.items)) }
