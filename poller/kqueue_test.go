//go:build linux

package poller

// The kqueue half of the poller against a model of the kernel's kqueue. The
// model's Kevent can be written, which the real one's results cannot, so these
// run where there is no kqueue.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// knote is one filter of one descriptor in the model.
type knote struct {
	fd, filter int
	flags      int
	data       uint32
	disabled   bool
	queued     bool // an edge that was not reported yet
}

// model behaves as kqueue(2) says. Descriptors are numbers that a test opens.
type model struct {
	notes []*knote
	// ready says which filters of an open descriptor are ready.
	ready map[int]filters
	// eof says which filters report EV_EOF.
	eof map[int]filters
	// noUser and noDispatch take away what not every kernel has.
	noUser, noDispatch bool
	// refuse makes adding a filter fail.
	refuse map[int]sys.Errno
	// calls counts apply and wait; the failAt-th fails.
	calls, failAt int
	// between runs after events were taken and before they are handed over.
	between func()
}

func newModel() *model {
	return &model{ready: map[int]filters{}, eof: map[int]filters{}, refuse: map[int]sys.Errno{}}
}

func (m *model) open(fd int, ready filters) { m.ready[fd] = ready }

// closeFD forgets fd and, as the kernel does, its registrations.
func (m *model) closeFD(fd int) {
	delete(m.ready, fd)
	delete(m.eof, fd)
	kept := m.notes[:0]
	for _, n := range m.notes {
		if n.fd != fd || n.filter == sys.EVFILT_USER {
			kept = append(kept, n)
		}
	}
	m.notes = kept
}

// becomes adds readiness, which is an edge for the filters named.
func (m *model) becomes(fd int, f filters) {
	m.ready[fd] |= f
	for _, n := range m.notes {
		if n.fd == fd && filterOf(n.filter)&f != 0 {
			n.queued = true
		}
	}
}

func (m *model) find(fd, filter int) *knote {
	for _, n := range m.notes {
		if n.fd == fd && n.filter == filter {
			return n
		}
	}
	return nil
}

// held returns the filters of fd in the kernel.
func (m *model) held(fd int) (f filters) {
	for _, n := range m.notes {
		if n.fd == fd {
			f |= filterOf(n.filter)
		}
	}
	return f
}

func (m *model) fails() bool {
	m.calls++
	return m.calls == m.failAt
}

func (m *model) apply(_ int, changes []sys.Kevent) sys.Errno {
	if m.fails() {
		return sys.ENOMEM
	}
	for i := range changes {
		if e := m.change(&changes[i]); e != 0 {
			changes[i].Fail(e)
		}
	}
	return 0
}

func (m *model) change(k *sys.Kevent) sys.Errno {
	user := k.Filter() == sys.EVFILT_USER
	if user && m.noUser {
		return sys.EINVAL
	}
	if _, isOpen := m.ready[k.Ident()]; !isOpen && !user {
		return sys.EBADF
	}
	n := m.find(k.Ident(), k.Filter())
	if n == nil {
		if k.Flags()&sys.EV_ADD == 0 {
			return sys.ENOENT
		}
		if e := m.refuse[k.Filter()]; e != 0 {
			return e
		}
		n = &knote{fd: k.Ident(), filter: k.Filter(), flags: k.Flags()}
		n.queued = m.ready[k.Ident()]&filterOf(k.Filter()) != 0
		m.notes = append(m.notes, n)
	}
	if k.Flags()&sys.EV_DELETE != 0 {
		for i := range m.notes {
			if m.notes[i] == n {
				m.notes = append(m.notes[:i], m.notes[i+1:]...)
				break
			}
		}
		return 0
	}
	n.data = k.Data()
	if k.Flags()&sys.EV_DISABLE != 0 {
		n.disabled = true
	} else if k.Flags()&(sys.EV_ENABLE|sys.EV_ADD) != 0 {
		n.disabled = false
	}
	if user && k.Fflags()&sys.NOTE_TRIGGER != 0 {
		n.queued = true
	}
	return 0
}

func (m *model) wait(_ int, events []sys.Kevent, _ time.Duration) (int, sys.Errno) {
	if m.fails() {
		return 0, sys.ENOMEM
	}
	got := 0
	for _, n := range m.notes {
		if got == len(events) {
			break
		}
		active := n.queued
		if n.flags&sys.EV_CLEAR == 0 {
			active = m.ready[n.fd]&filterOf(n.filter) != 0
		}
		if n.disabled || !active {
			continue
		}
		flags := n.flags
		if m.eof[n.fd]&filterOf(n.filter) != 0 {
			flags |= sys.EV_EOF
		}
		events[got].Set(n.fd, n.filter, flags, 0, n.data)
		got++
		n.queued = false
		if n.flags&sys.EV_DISPATCH != 0 {
			if m.noDispatch {
				panic("EV_DISPATCH for a kernel without it")
			}
			n.disabled = true
		}
	}
	if m.between != nil {
		m.between()
	}
	return got, 0
}

// newQueue returns a kqueue on a model that has all that kernels can have.
func newQueue(t *testing.T, m *model) *kqueue {
	t.Helper()
	b := &kqueue{kernel: m, dispatch: sys.EV_DISPATCH}
	if m.noDispatch {
		b.dispatch = 0
	}
	ok(t, b.hang(0))
	t.Cleanup(b.close)
	return b
}

func ok(t *testing.T, f failure) {
	t.Helper()
	if f.errno != 0 {
		t.Fatalf("%s: %v", f.call, f.errno)
	}
}

func refused(t *testing.T, f failure, want sys.Errno) {
	t.Helper()
	if f.errno != want {
		t.Fatalf("%s: %v, want %v", f.call, f.errno, want)
	}
}

// reports fails unless a wait with that much room brings just these events.
func reports(t *testing.T, b *kqueue, room int, want ...Event) {
	t.Helper()
	events := make([]Event, room)
	n, _, f := b.wait(0, events, 0)
	ok(t, f)
	if n != len(want) {
		t.Fatalf("got %v, want %v", events[:n], want)
	}
	for i := range want {
		if events[i] != want[i] {
			t.Fatalf("got %v, want %v", events[:n], want)
		}
	}
}

const readWrite = filterRead | filterWrite

func TestKqueueMergesTheFiltersOfADescriptor(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	m.open(6, filterWrite)
	m.eof[5] = filterRead
	ok(t, b.add(0, 5, Read|Write, 1<<63|1))
	ok(t, b.add(0, 6, Read|Write, 2))
	reports(t, b, 8, Event{1<<63 | 1, Readable | Writable | ReadClosed}, Event{2, Writable})
	reports(t, b, 1, Event{1<<63 | 1, Readable | ReadClosed})
}

func TestKqueueEdgeReportsOnceAndModifyAgain(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	ok(t, b.add(0, 5, Read|Write|Edge, 1))
	reports(t, b, 8, Event{1, Readable | Writable})
	reports(t, b, 8)
	m.becomes(5, filterRead)
	reports(t, b, 8, Event{1, Readable})
	ok(t, b.modify(0, 5, Read|Edge, 2))
	reports(t, b, 8, Event{2, Readable})
	reports(t, b, 8)
	ok(t, b.modify(0, 5, Read, 3))
	reports(t, b, 8, Event{3, Readable})
	reports(t, b, 8, Event{3, Readable})
}

// EPOLLONESHOT's meaning, whatever the kernel offers and however small the
// slice is: one event, then silence until Modify.
func TestKqueueOneShotDisarmsTheWholeRegistration(t *testing.T) {
	for _, noDispatch := range []bool{false, true} {
		for _, room := range []int{1, 8} {
			t.Run(fmt.Sprintf("noDispatch=%v,room=%d", noDispatch, room), func(t *testing.T) {
				m := newModel()
				m.noDispatch = noDispatch
				b := newQueue(t, m)
				m.open(5, readWrite)
				ok(t, b.add(0, 5, Read|Write|OneShot, 1))
				want := Readable | Writable
				if room == 1 {
					want = Readable
				}
				for token := Token(1); token < 4; token++ {
					reports(t, b, room, Event{token, want})
					reports(t, b, room)
					m.becomes(5, readWrite)
					reports(t, b, room)
					refused(t, b.add(0, 5, Read, 9), sys.EEXIST)
					reports(t, b, room)
					ok(t, b.modify(0, 5, Read|Write|OneShot, token+1))
				}
			})
		}
	}
}

// A Modify between the kernel's event and its delivery arms anew: the old event
// must neither be delivered with the new token's promise broken nor disarm it.
func TestKqueueModifyDuringWaitIsNotDisarmed(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, filterRead)
	ok(t, b.add(0, 5, Read|OneShot, 1))
	m.between = func() {
		m.between = nil
		ok(t, b.modify(0, 5, Read|OneShot, 2))
	}
	reports(t, b, 8)
	reports(t, b, 8, Event{2, Readable})
	reports(t, b, 8)
}

// Hazard 1, inside the poller.
func TestKqueueDropsEventsOfEarlierRegistrations(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	ok(t, b.add(0, 5, Read|Write, 1))
	m.between = func() {
		m.between = nil
		ok(t, b.remove(0, 5))
		ok(t, b.add(0, 5, Read, 2))
	}
	reports(t, b, 8)
	reports(t, b, 8, Event{2, Readable})
	m.between = func() {
		m.between = nil
		ok(t, b.remove(0, 5))
	}
	reports(t, b, 8)
	if held := m.held(5); held != 0 {
		t.Fatalf("the kernel still holds %b", held)
	}
}

func TestKqueueAddTwiceAndUnknown(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, filterRead)
	refused(t, b.modify(0, 5, Read, 1), sys.ENOENT)
	refused(t, b.remove(0, 5), sys.ENOENT)
	ok(t, b.add(0, 5, Read|Edge, 1))
	refused(t, b.add(0, 5, Write, 2), sys.EEXIST)
	reports(t, b, 8, Event{1, Readable})
	refused(t, b.add(0, 5, Write, 2), sys.EEXIST)
	reports(t, b, 8) // the check itself is no new edge
	ok(t, b.remove(0, 5))
	refused(t, b.remove(0, 5), sys.ENOENT)
	refused(t, b.modify(0, 5, Read, 1), sys.ENOENT)
	refused(t, b.add(0, 99, Read, 1), sys.EBADF)
	refused(t, b.modify(0, 99, Read, 1), sys.ENOENT)
}

// Close takes the registrations with it and tells nobody.
func TestKqueueReusedNumberIsANewDescriptor(t *testing.T) {
	for _, interest := range []Interest{Read, Write | Edge, Read | Write | OneShot, 0} {
		t.Run(interest.String(), func(t *testing.T) {
			m := newModel()
			b := newQueue(t, m)
			reopened := func() {
				m.closeFD(5)
				m.open(5, readWrite)
			}
			m.open(5, 0)
			ok(t, b.add(0, 5, interest, 1))
			reopened()
			refused(t, b.modify(0, 5, Read|Write, 2), sys.ENOENT)
			if held := m.held(5); held != 0 {
				t.Fatalf("a failed Modify left %b", held)
			}
			reports(t, b, 8)
			ok(t, b.add(0, 5, interest, 3))
			reopened()
			ok(t, b.add(0, 5, Read|Write, 4))
			reports(t, b, 8, Event{4, Readable | Writable})
			reopened()
			refused(t, b.remove(0, 5), sys.ENOENT)
			ok(t, b.add(0, 5, Read, 5))
			m.closeFD(5)
			refused(t, b.modify(0, 5, Read, 6), sys.EBADF)
			refused(t, b.remove(0, 5), sys.ENOENT)
		})
	}
}

func TestKqueueEmptyInterestIsHeldAndSilent(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	refused(t, b.add(0, 6, 0, 1), sys.EBADF)
	ok(t, b.add(0, 5, 0, 1))
	reports(t, b, 8)
	refused(t, b.add(0, 5, 0, 1), sys.EEXIST)
	reports(t, b, 8)
	ok(t, b.modify(0, 5, Write, 2))
	if held := m.held(5); held != filterWrite {
		t.Fatalf("held %b", held)
	}
	reports(t, b, 8, Event{2, Writable})
	ok(t, b.modify(0, 5, 0, 3))
	reports(t, b, 8)
	ok(t, b.remove(0, 5))
}

// A change that the kernel refuses leaves everything as it was.
func TestKqueueRefusedChangeLeavesTheOldRegistration(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	m.refuse[sys.EVFILT_WRITE] = sys.EPIPE
	refused(t, b.add(0, 5, Read|Write, 1), sys.EPIPE)
	if held := m.held(5); held != 0 {
		t.Fatalf("a failed Add left %b", held)
	}
	reports(t, b, 8)
	ok(t, b.add(0, 5, Read, 2))
	refused(t, b.modify(0, 5, Read|Write|OneShot, 3), sys.EPIPE)
	reports(t, b, 8, Event{2, Readable})
	reports(t, b, 8, Event{2, Readable})

	ok(t, b.modify(0, 5, Read|OneShot, 4))
	reports(t, b, 8, Event{4, Readable})
	refused(t, b.modify(0, 5, Read|Write, 5), sys.EPIPE)
	reports(t, b, 8) // it was disarmed and stays so
}

// Where the old filters are refused too, none of them stays: the kernel would report what
// belongs to no registration, again and again.
func TestKqueueLeavesNoFilterThatItCouldNotRestore(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	ok(t, b.add(0, 5, Read|Write, 1))
	m.refuse[sys.EVFILT_WRITE] = sys.ENOMEM
	refused(t, b.modify(0, 5, Read|Write, 2), sys.ENOMEM)
	if held := m.held(5); held != 0 {
		t.Errorf("the kernel still has %b", held)
	}
	refused(t, b.modify(0, 5, Read, 3), sys.ENOENT)
	ok(t, b.add(0, 5, Read, 4))
	reports(t, b, 8, Event{4, Readable})
}

func TestKqueueBell(t *testing.T) {
	t.Run("user event", func(t *testing.T) {
		m := newModel()
		b := newQueue(t, m)
		if !b.userBell {
			t.Fatal("no user event")
		}
		m.open(0, readWrite) // the bell's own ident must not be mistaken for it
		ok(t, b.add(0, 0, Write, 7))
		ok(t, b.ring(0))
		events := make([]Event, 8)
		n, woken, f := b.wait(0, events, 0)
		ok(t, f)
		if n != 1 || !woken || events[0] != (Event{7, Writable}) {
			t.Fatalf("%v, woken %v", events[:n], woken)
		}
		if _, woken, _ = b.wait(0, events, 0); woken {
			t.Fatal("woken twice")
		}
		m.closeFD(0)
		ok(t, b.ring(0))
		if n, woken, _ = b.wait(0, events, 0); n != 0 || !woken {
			t.Fatalf("%d events, woken %v", n, woken)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		m := newModel()
		m.noUser = true
		// The pipe is a real one; the model learns of it when it is added.
		for fd := range 200 {
			m.open(fd, 0)
		}
		b := newQueue(t, m)
		if b.userBell {
			t.Fatal("a user event that the kernel refused")
		}
		fd := b.bellRead.FD()
		ok(t, b.ring(0))
		buf := make([]byte, 16)
		if n, e := sys.Read(fd, buf); n != len(stroke) || e != 0 {
			t.Fatalf("the pipe has %d bytes, %v", n, e)
		}
		m.becomes(fd, filterRead)
		n, woken, f := b.wait(0, make([]Event, 8), 0)
		ok(t, f)
		if n != 0 || !woken {
			t.Fatalf("%d events, woken %v", n, woken)
		}
		if !b.holdBell() {
			t.Fatal("the bell cannot be held")
		}
		b.close()
		b.releaseBell()
		if b.holdBell() {
			t.Fatal("a closed bell is held")
		}
		ok(t, b.ring(0)) // reaches nothing any more
	})
}

func TestKqueueWithEachCallFailing(t *testing.T) {
	for k := 1; ; k++ {
		m := newModel()
		m.failAt = k
		m.open(5, readWrite)
		b := &kqueue{kernel: m, dispatch: sys.EV_DISPATCH}
		steps := []func() failure{
			func() failure { return b.hang(0) },
			func() failure { return b.add(0, 5, Read, 1) },
			func() failure { return b.modify(0, 5, Read|Write|OneShot, 2) },
			func() failure { return b.ring(0) },
			func() failure { _, _, f := b.wait(0, make([]Event, 1), 0); return f },
			func() failure { return b.remove(0, 5) },
		}
		failed := 0
		for _, step := range steps {
			f := step()
			if f.errno == 0 {
				continue
			}
			failed++
			refused(t, f, sys.ENOMEM)
			if f := step(); f.errno != 0 && f.errno != sys.ENOENT {
				t.Fatalf("call %d failed: then %v", k, f)
			}
		}
		b.close()
		if m.calls < k {
			break
		}
		// The disarming inside a wait has no one to tell its failure to.
		if failed > 1 {
			t.Fatalf("call %d failed, and %d verbs did", k, failed)
		}
	}
}

func TestKqueueSteadyStateDoesNotAllocate(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	ok(t, b.add(0, 5, Read|Write, 1))
	events := make([]Event, 8)
	if n := testing.AllocsPerRun(50, func() { b.wait(0, events, 0) }); n != 0 {
		t.Errorf("wait: %v allocations", n)
	}
	quiet := &kqueue{kernel: silent{}}
	ok(t, quiet.add(0, 5, Read, 1))
	for name, f := range map[string]func(){
		"modify": func() { quiet.modify(0, 5, Read|Write|Edge, 3) },
		"ring":   func() { quiet.userBell = true; quiet.ring(0) },
		"again":  func() { quiet.remove(0, 5); quiet.add(0, 5, Read, 2) },
	} {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// silent is a kernel that takes every change and reports nothing.
type silent struct{}

func (silent) apply(int, []sys.Kevent) sys.Errno { return 0 }

func (silent) wait(int, []sys.Kevent, time.Duration) (int, sys.Errno) { return 0, 0 }

var randomSeed = flag.Uint64("random.seed", 0, "first seed of the random registrations")

// Random registrations, closings and readiness against the rules of epoll, level
// and one-shot: after each step, one wait with room for all brings exactly what
// they say.
func TestKqueueBehavesLikeEpoll(t *testing.T) {
	type expected struct {
		interest Interest
		token    Token
		disarmed bool
	}
	for seed := *randomSeed; seed < *randomSeed+300; seed++ {
		rng := rand.New(rand.NewPCG(seed, 0))
		m := newModel()
		m.noDispatch = seed%2 == 1
		b := newQueue(t, m)
		want := map[int]*expected{}
		for fd := 3; fd < 9; fd++ {
			m.open(fd, 0)
		}
		for step := range 60 {
			fd := 3 + rng.IntN(6)
			interest := []Interest{0, Read, Write, Read | Write}[rng.IntN(4)]
			if rng.IntN(2) == 0 {
				interest |= OneShot
			}
			token := Token(rng.Uint64() >> 1)
			reg := want[fd]
			switch rng.IntN(5) {
			case 0:
				f := b.add(0, fd, interest, token)
				if reg != nil {
					refused(t, f, sys.EEXIST)
				} else {
					ok(t, f)
					want[fd] = &expected{interest: interest, token: token}
				}
			case 1:
				f := b.modify(0, fd, interest, token)
				if reg == nil {
					refused(t, f, sys.ENOENT)
				} else {
					ok(t, f)
					*reg = expected{interest: interest, token: token}
				}
			case 2:
				f := b.remove(0, fd)
				if reg == nil {
					refused(t, f, sys.ENOENT)
				} else {
					ok(t, f)
					delete(want, fd)
				}
			case 3:
				m.closeFD(fd)
				m.open(fd, 0)
				delete(want, fd)
			case 4:
				m.ready[fd] = filters(rng.IntN(4))
			}
			events := make([]Event, 32)
			n, _, f := b.wait(0, events, 0)
			ok(t, f)
			got := map[Token]Ready{}
			for _, ev := range events[:n] {
				got[ev.Token] = ev.Ready
			}
			for fd, reg := range want {
				ready := Ready(wantedFilters(reg.interest) & m.ready[fd])
				if reg.disarmed {
					ready = 0
				}
				if got[reg.token] != ready {
					t.Fatalf("-random.seed %d, step %d, fd %d, %v, disarmed %v: got %v, want %v",
						seed, step, fd, reg.interest, reg.disarmed, got[reg.token], ready)
				}
				if ready != 0 && reg.interest&OneShot != 0 {
					reg.disarmed = true
				}
				delete(got, reg.token)
			}
			if len(got) != 0 {
				t.Fatalf("-random.seed %d, step %d: %v of nobody", seed, step, got)
			}
		}
	}
}

// A one-shot event that the kernel has given, and that a refused Modify of another
// goroutine overtakes before it is reported, is reported once: the filters were put back
// armed.
func TestKqueueOneShotComesOnceAlthoughAModifyIsRefused(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, readWrite)
	ok(t, b.add(0, 5, Read|OneShot, 1))
	m.refuse[sys.EVFILT_WRITE] = sys.EPIPE
	m.between = func() {
		m.between = nil
		refused(t, b.modify(0, 5, Read|Write|OneShot, 2), sys.EPIPE)
	}
	reported := 0
	for range 4 {
		n, _, failed := b.wait(0, make([]Event, 8), 0)
		ok(t, failed)
		reported += n
	}
	if reported != 1 {
		t.Errorf("it is reported %d times", reported)
	}
}
