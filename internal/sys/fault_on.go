//go:build faultinject || (linux && simkernel)

package sys

import (
	"sync/atomic"
	"time"
)

// disturber decides what a test build does to the calls of this package. Its
// methods may be called from several goroutines at once.
type disturber interface {
	// delay returns how much longer a call takes; it is spent before the call.
	delay(c Call) time.Duration
	// fail returns what a call fails with instead of being made, or 0.
	fail(c Call) Errno
	// transfer is fail for a call that moves bytes, and returns how many of size it may
	// move. The readiness that it leaves behind then, or with EAGAIN, is signalled again.
	transfer(c Call, size int) (int, Errno)
	// interrupted tells whether a signal interrupts a try of a call.
	interrupted() bool
	// extra returns how many of the n events of a wait are reported once more, and
	// how many descriptors are reported that may not be ready.
	extra(n int) (again, spurious int)
	// choose returns one of n.
	choose(n int) int
	// note is told of each fault that took place.
	note(f Fault)
}

// injected is what disturbs now, nil when nothing does.
var injected atomic.Pointer[disturber]

func inject(d disturber) (remove func()) {
	if !injected.CompareAndSwap(nil, &d) {
		panic("sys: faults are injected already")
	}
	return func() { injected.CompareAndSwap(&d, nil) }
}

// Inject makes every call of this package ask hook first and fail with what it
// returns, unless that is 0. The hook may be called from several goroutines at
// once. It stays until the returned function is called; what is injected does not
// nest.
func Inject(hook func(Call) Errno) (remove func()) { return inject(failHook(hook)) }

// failHook only makes calls fail.
type failHook func(Call) Errno

func (f failHook) delay(Call) time.Duration               { return 0 }
func (f failHook) fail(c Call) Errno                      { return f(c) }
func (f failHook) transfer(c Call, size int) (int, Errno) { return size, f(c) }
func (f failHook) interrupted() bool                      { return false }
func (f failHook) extra(int) (again, spurious int)        { return 0, 0 }
func (f failHook) choose(int) int                         { return 0 }
func (f failHook) note(Fault)                             {}

func fault(c Call) Errno {
	d := injected.Load()
	if d == nil {
		return 0
	}
	hesitate(*d, c)
	e := (*d).fail(c)
	if e != 0 {
		(*d).note(Fault{c, e.Error()})
	}
	return e
}

// struck is told of every call that an injected errno made fail, and of which descriptor.
var struck atomic.Pointer[func(c Call, fd int, e Errno)]

// OnFault sets what is told of the calls on descriptors that are made to fail, nil for
// nobody. It may be called from several goroutines at once.
func OnFault(f func(c Call, fd int, e Errno)) { struck.Store(&f) }

func strike(c Call, fd int, e Errno) {
	if f := struck.Load(); f != nil && *f != nil {
		(*f)(c, fd, e)
	}
}

func disturb(c Call, fd, size int) (int, Errno) {
	d := injected.Load()
	if d == nil || size == 0 {
		return size, 0
	}
	hesitate(*d, c)
	limit, e := (*d).transfer(c, size)
	switch {
	case e != 0:
		(*d).note(Fault{c, e.Error()})
		strike(c, fd, e)
	case limit < size:
		(*d).note(Fault{c, Short})
	}
	if e == EAGAIN || limit < size {
		signalAgain(fd)
	}
	return limit, e
}

// hesitate lets a call take longer.
func hesitate(d disturber, c Call) {
	if pause := d.delay(c); pause > 0 {
		d.note(Fault{Kind: Late})
		time.Sleep(pause)
	}
}

// addEvents adds to the n events that a wait by c found some of them once more, and
// some of those that may not be ready, of which others is the list.
func addEvents[E any](c Call, events []E, n int, others func() []E) int {
	d := injected.Load()
	if d == nil {
		return n
	}
	again, spurious := (*d).extra(n)
	for range min(again, len(events)-n) {
		events[n] = events[(*d).choose(n)]
		n++
		(*d).note(Fault{c, Twice})
	}
	if spurious == 0 || n == len(events) {
		return n
	}
	list := others()
	for range min(spurious, len(events)-n, len(list)) {
		events[n] = list[(*d).choose(len(list))]
		n++
		(*d).note(Fault{c, Spurious})
	}
	return n
}
