//go:build linux && simkernel

package sys

// Lists of changes on the model's kevent: with receipts and one by one they come to
// the same, whatever fails where.

import (
	"fmt"
	"testing"
)

// bothWays runs a test with both ways to make a list of changes.
func bothWays(t *testing.T, test func(t *testing.T)) {
	t.Run("with receipts", test)
	SimKqueue(false, true)
	defer SimKqueue(true, true)
	t.Run("one by one", test)
}

// writes is a list of changes to the write filters of descriptors, with the data 1, 2
// and so on.
func writes(flags int, fds ...int) []Kevent {
	list := make([]Kevent, len(fds))
	for i, fd := range fds {
		list[i].Set(fd, EVFILT_WRITE, flags, 0, uint32(i+1))
	}
	return list
}

// results are what became of a list.
func results(list []Kevent) string {
	var all []Errno
	for i := range list {
		all = append(all, list[i].Errno())
	}
	return fmt.Sprintf("%d", all)
}

// data are what a wait reports.
func data(t *testing.T, kq int) string {
	t.Helper()
	events := make([]Kevent, 8)
	n, e := KeventWait(kq, events, 0)
	succeed(t, e)
	var all []uint32
	for i := range events[:n] {
		all = append(all, events[i].Data())
	}
	return fmt.Sprint(all)
}

func TestChangesFailOneByOne(t *testing.T) {
	const closed = 1 << 20
	for _, tc := range []struct {
		name   string
		before []int // are registered, by index of the open ones
		list   func(fds [3]int) []Kevent
		errnos string
		data   string
	}{
		{"all are made", nil, func(fds [3]int) []Kevent { return writes(EV_ADD, fds[:]...) }, "[0 0 0]", "[1 2 3]"},
		{"one is not open", nil, func(fds [3]int) []Kevent { return writes(EV_ADD, fds[0], closed, fds[2]) }, "[0 9 0]", "[1 3]"},
		{"the first and the last are not open", nil, func(fds [3]int) []Kevent { return writes(EV_ADD, closed, fds[1], closed) }, "[9 0 9]", "[2]"},
		{"one is not there to be deleted", []int{0, 2}, func(fds [3]int) []Kevent { return writes(EV_DELETE, fds[:]...) }, "[0 2 0]", "[]"},
		{"one is not there to be touched", []int{0, 2}, func(fds [3]int) []Kevent { return writes(0, fds[:]...) }, "[0 2 0]", "[1 3]"},
		{"one has a filter that is none", nil, func(fds [3]int) []Kevent {
			list := writes(EV_ADD, fds[:]...)
			list[1].Set(fds[1], NoFilter, EV_ADD, 0, 2)
			return list
		}, "[0 22 0]", "[1 3]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T) {
				kq := own(t)(Kqueue())
				var fds [3]int
				for i := range fds {
					fds[i] = own(t)(Eventfd())
				}
				for _, i := range tc.before {
					succeed(t, KeventApply(kq, writes(EV_ADD, fds[i])))
				}
				list := tc.list(fds)
				succeed(t, KeventApply(kq, list))
				if got := results(list); got != tc.errnos {
					t.Errorf("they end with %s, want %s", got, tc.errnos)
				}
				if got := data(t, kq); got != tc.data {
					t.Errorf("reported are %s, want %s", got, tc.data)
				}
			})
		})
	}
}

// A rule refuses one of a list, which is not made, and the others are.
func TestARuleRefusesOneOfAList(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		kq, a, b := own(t)(Kqueue()), own(t)(Eventfd()), own(t)(Eventfd())
		list := writes(EV_ADD, a, b)
		asked := 0
		remove := Inject(func(c Call) Errno {
			if c != CallKevent {
				return 0
			}
			if asked++; asked == 1 {
				return ENOMEM
			}
			return 0
		})
		e := KeventApply(kq, list)
		remove()
		if got := results(list); e != 0 || got != fmt.Sprintf("[%d 0]", ENOMEM) {
			t.Errorf("%v, %s", e, got)
		}
		succeed(t, KeventApply(kq, writes(EV_ADD, a)))
		if got := data(t, kq); got != "[2 1]" {
			t.Errorf("reported are %s", got)
		}
	})
}

// Changes take no events, which are all there afterwards.
func TestChangesTakeNoEvents(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		kq, a, b := own(t)(Kqueue()), own(t)(Eventfd()), own(t)(Eventfd())
		succeed(t, KeventApply(kq, writes(EV_ADD|EV_CLEAR, a)))
		succeed(t, KeventApply(kq, writes(0, b)))
		if got := data(t, kq); got != "[1]" {
			t.Errorf("reported are %s", got)
		}
	})
}

func TestChangesOfNoQueue(t *testing.T) {
	fd := own(t)(Eventfd())
	bothWays(t, func(t *testing.T) {
		list := writes(EV_ADD, fd)
		if e := KeventApply(fd, list); e != EBADF && list[0].Errno() != EBADF {
			t.Errorf("%v, %v", e, list[0].Errno())
		}
	})
}

// Room for results is room for events, if there are no results.
func TestChangesAndAWaitInOneCall(t *testing.T) {
	kq, a, b := own(t)(Kqueue()), own(t)(Eventfd()), own(t)(Eventfd())
	events := make([]Kevent, 4)
	n, e := kevent(kq, writes(EV_ADD, a, b), events, -1)
	if n != 2 || e != 0 || events[0].Errno() != 0 || events[1].Data() != 2 {
		t.Fatal(n, e, events)
	}
	if n, e := kevent(kq, writes(EV_DELETE, a, b), events, 0); n != 0 || e != 0 {
		t.Fatal(n, e)
	}
}
