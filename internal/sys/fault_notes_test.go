//go:build linux && simkernel

package sys

// What a test build of the BSDs makes up of readiness, on the model's kevent.

import (
	"fmt"
	"slices"
	"testing"
)

// noting is a queue whose changes are noted.
type noting struct {
	t    *testing.T
	kq   int
	book notebook
}

func (n *noting) apply(list ...Kevent) {
	n.t.Helper()
	asked := slices.Clone(list)
	succeed(n.t, KeventApply(n.kq, list))
	n.book.note(n.kq, asked, list)
}

func (n *noting) change(fd, filter, flags int, data uint32) {
	n.t.Helper()
	var c Kevent
	c.Set(fd, filter, flags, 0, data)
	n.apply(c)
}

// An edge that was taken comes again, with what its filter has now, as long as that is
// there, enabled and an edge.
func TestEdgesOfAKqueueAreSignalledAgain(t *testing.T) {
	const edge = EV_ADD | EV_CLEAR
	for _, tc := range []struct {
		name string
		do   func(n *noting, fd int)
		want string
	}{
		{"an edge", func(n *noting, fd int) { n.change(fd, EVFILT_WRITE, edge, 7) }, "[7]"},
		{"both ways", func(n *noting, fd int) {
			n.change(fd, EVFILT_WRITE, edge, 7)
			n.change(fd, EVFILT_READ, edge, 7)
		}, "[7]"}, // there is nothing to be read
		{"added anew", func(n *noting, fd int) {
			n.change(fd, EVFILT_WRITE, edge, 7)
			n.change(fd, EVFILT_WRITE, EV_DELETE, 0)
			n.change(fd, EVFILT_WRITE, edge, 8)
		}, "[8]"},
		{"deleted", func(n *noting, fd int) {
			n.change(fd, EVFILT_WRITE, edge, 7)
			n.change(fd, EVFILT_WRITE, EV_DELETE, 0)
		}, "[]"},
		{"disabled", func(n *noting, fd int) {
			n.change(fd, EVFILT_WRITE, edge, 7)
			n.change(fd, EVFILT_WRITE, EV_DISABLE, 7)
		}, "[]"},
		{"told once", func(n *noting, fd int) { n.change(fd, EVFILT_WRITE, EV_ADD|EV_DISPATCH, 7) }, "[]"},
		{"closed", func(n *noting, fd int) {
			n.change(fd, EVFILT_WRITE, edge, 7)
			n.book.forget(fd)
		}, "[]"},
		{"its queue closed", func(n *noting, fd int) {
			n.change(fd, EVFILT_WRITE, edge, 7)
			n.book.forget(n.kq)
		}, "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T) {
				n := &noting{t: t, kq: own(t)(Kqueue())}
				fd := own(t)(Eventfd())
				tc.do(n, fd)
				data(t, n.kq)
				if got := data(t, n.kq); got != "[]" {
					t.Fatalf("it is no edge: %s", got)
				}
				n.book.signalAgain(fd)
				if got := data(t, n.kq); got != tc.want {
					t.Errorf("reported are %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func TestFailedChangesAreNotNoted(t *testing.T) {
	n := &noting{t: t, kq: own(t)(Kqueue())}
	fd := own(t)(Eventfd())
	n.apply(writes(EV_ADD, fd, 1<<20)...)
	if list := n.book.falseEvents(n.kq); len(list) != 1 || list[0].Ident() != fd {
		t.Error(list)
	}
}

// Every filter of a queue may be reported for nothing, but those that are reported once.
func TestFalseEventsOfAKqueue(t *testing.T) {
	n := &noting{t: t, kq: own(t)(Kqueue())}
	a, b := own(t)(Eventfd()), own(t)(Eventfd())
	n.change(b, EVFILT_READ, EV_ADD|EV_CLEAR, 2)
	n.change(a, EVFILT_WRITE, EV_ADD, 1)
	n.change(a, EVFILT_READ, EV_ADD|EV_DISPATCH, 3)
	n.change(b, EVFILT_WRITE, EV_ADD|EV_DISABLE, 4)
	n.change(0, EVFILT_USER, EV_ADD|EV_CLEAR, 0)
	var got string
	for _, ev := range n.book.falseEvents(n.kq) {
		got += fmt.Sprintf("%v:%d:%d:%#x ", ev.Ident() == a, ev.Filter(), ev.Data(), ev.Flags())
	}
	if want := fmt.Sprintf("true:%d:1:0x0 false:%d:2:%#x ", EVFILT_WRITE, EVFILT_READ, EV_CLEAR); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if list := n.book.falseEvents(a); len(list) != 0 {
		t.Errorf("of another queue: %v", list)
	}
}
