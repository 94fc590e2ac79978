//go:build (faultinject && (darwin || freebsd || netbsd || openbsd || dragonfly)) || (linux && simkernel)

package sys

// Readiness of a kqueue in a test build: which filters stand in which queue, so that
// they can be signalled again, or without a reason.

import (
	"cmp"
	"slices"
	"sync"
)

// notebook is what is known of filters. The zero notebook is ready.
type notebook struct {
	mu sync.Mutex
	of map[noteID]Kevent // the change that each was added by, enabled or not
}

type noteID struct{ kq, fd, filter int }

// note is told of changes, as they were asked for and as they came out.
func (b *notebook) note(kq int, asked, done []Kevent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range asked {
		if done[i].Errno() == 0 {
			b.take(kq, asked[i])
		}
	}
}

func (b *notebook) take(kq int, c Kevent) {
	id := noteID{kq, c.Ident(), c.Filter()}
	old, known := b.of[id]
	switch {
	case c.Flags()&EV_DELETE != 0:
		delete(b.of, id)
	case c.Flags()&EV_ADD != 0:
		if b.of == nil {
			b.of = map[noteID]Kevent{}
		}
		b.of[id] = c
	case known && c.Flags()&EV_DISABLE != 0:
		old.Set(id.fd, id.filter, old.Flags()|EV_DISABLE, old.Fflags(), old.Data())
		b.of[id] = old
	}
}

// forget is told that fd is about to be closed.
func (b *notebook) forget(fd int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.of {
		if id.fd == fd || id.kq == fd {
			delete(b.of, id)
		}
	}
}

// signalAgain makes the edge-triggered filters of fd report what it is ready for: a
// filter that is added looks at its descriptor, one that is there does not. One that is
// disabled is added so.
func (b *notebook) signalAgain(fd int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.of {
		if id.fd != fd || c.Flags()&EV_CLEAR == 0 {
			continue
		}
		again := make([]Kevent, 2)
		again[0].Set(fd, id.filter, EV_DELETE, c.Fflags(), 0)
		again[1] = c
		applyEach(id.kq, again)
	}
}

// falseEvents says of all filters of sockets and pipes in kq that they are true, but of
// those that are reported once.
func (b *notebook) falseEvents(kq int) (list []Kevent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.of {
		if id.kq == kq && (id.filter == EVFILT_READ || id.filter == EVFILT_WRITE) && c.Flags()&(EV_DISABLE|EV_DISPATCH) == 0 {
			c.Set(id.fd, id.filter, c.Flags()&EV_CLEAR, 0, c.Data())
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Kevent) int {
		return cmp.Or(cmp.Compare(a.Ident(), b.Ident()), cmp.Compare(a.Filter(), b.Filter()))
	})
	return list
}
