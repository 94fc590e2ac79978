//go:build !(simkernel && simkqueue)

package poller

// Linux: epoll(7), and an eventfd for Wake.

import (
	"time"

	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

type backend = epoll

// epoll is the kernel's half of a Poller. The kernel keeps the registrations
// and their tokens, so there is nothing to lock.
type epoll struct {
	// bell is the eventfd that Wake writes to.
	bell descriptor.Descriptor
	// list is where the kernel puts its events; it grows with the caller's slice.
	list []sys.EpollEvent
}

func (b *epoll) open(queue *descriptor.Descriptor) failure {
	epfd, e := sys.EpollCreate()
	if e != 0 {
		return failure{sys.CallEpollCreate, e}
	}
	queue.Init(epfd)
	bell, e := sys.Eventfd()
	if e != 0 {
		queue.Close()
		return failure{sys.CallEventfd, e}
	}
	b.bell.Init(bell)
	e = sys.EpollCtl(epfd, sys.EPOLL_CTL_ADD, bell, sys.EPOLLIN|sys.EPOLLET, uint64(ReservedToken))
	if e != 0 {
		b.bell.Close()
		queue.Close()
		return failure{sys.CallEpollCtl, e}
	}
	return failure{}
}

func (b *epoll) add(epfd, fd int, interest Interest, token Token) failure {
	e := sys.EpollCtl(epfd, sys.EPOLL_CTL_ADD, fd, epollInterest(interest), uint64(token))
	return failure{sys.CallEpollCtl, e}
}

func (b *epoll) modify(epfd, fd int, interest Interest, token Token) failure {
	e := sys.EpollCtl(epfd, sys.EPOLL_CTL_MOD, fd, epollInterest(interest), uint64(token))
	return failure{sys.CallEpollCtl, e}
}

func (b *epoll) remove(epfd, fd int) failure {
	return failure{sys.CallEpollCtl, sys.EpollCtl(epfd, sys.EPOLL_CTL_DEL, fd, 0, 0)}
}

// wait makes one epoll_wait and returns how many of its events are the caller's
// and whether the bell was among them.
func (b *epoll) wait(epfd int, events []Event, timeout time.Duration) (n int, woken bool, f failure) {
	size := min(len(events), maxBatch)
	if size > len(b.list) {
		b.list = make([]sys.EpollEvent, size)
	}
	var got int
	var e sys.Errno
	if timeout == 0 {
		got, e = sys.EpollPoll(epfd, b.list[:size])
	} else {
		got, e = sys.EpollWait(epfd, b.list[:size], timeout)
	}
	if e != 0 {
		return 0, false, failure{sys.CallEpollWait, e}
	}
	list := b.list[:got]
	for i := range list {
		token := Token(list[i].Data())
		if token == ReservedToken {
			woken = true
			continue
		}
		events[n] = Event{Token: token, Ready: epollReady(list[i].Events)}
		n++
	}
	return n, woken, failure{}
}

func (b *epoll) ring(int) failure {
	if !b.bell.Acquire() {
		return failure{}
	}
	fd := b.bell.FD()
	f := ring(fd, fd)
	b.bell.Release()
	return f
}

func (b *epoll) holdBell() bool { return b.bell.Acquire() }

func (b *epoll) releaseBell() { b.bell.Release() }

func (b *epoll) close() { b.bell.Close() }
