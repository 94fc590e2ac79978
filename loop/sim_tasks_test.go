//go:build linux

package loop

// The tasks and timers of a simulated run, and writes through a Ref.

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// refer does something as another goroutine would.
func (x *simConn) refer(rng *rand.Rand) {
	w, ref := x.w, x.c.Ref()
	gone := x.c.gone.Load()
	var err error
	switch rng.IntN(8) {
	case 0, 1, 2:
		x.refWrite(ref, rng)
		return
	case 3, 4:
		err = x.refDo(ref, rng)
	case 5:
		if !w.may(simCloses) {
			return
		}
		number := x.site.nextTask()
		if err = ref.Close(); err == nil {
			x.everQuiet, x.refClosed = true, true
			x.site.give(simGiven{task: number, x: x, ends: true})
		}
		x.tell("Ref.Close: %v", err)
	default:
		w.post(x.site, func() { x.act(rng) })
		return
	}
	x.checkRefused(err, gone, 0)
}

// refWrite writes frames of the second lane, which are sent if the connection
// lives until then.
func (x *simConn) refWrite(ref Ref, rng *rand.Rand) {
	w := x.w
	p := w.frame(x, simReferred, w.length(rng))
	gone, number := x.c.gone.Load(), x.site.nextTask()
	n, err := ref.Write(p)
	x.tell("Ref.Write %d: %d %v", len(p), n, err)
	tooLong := len(p) > min(int(w.cfg.MaxTaskBytes), w.cfg.MaxPending)
	switch {
	case err == nil && (n != len(p) || tooLong):
		x.fail("Ref.Write took %d of %d", n, len(p))
	case err == nil:
		x.referred = true
		x.site.carry(x.w, n)
		size := n - (n+simMost+simHeader-1)/(simMost+simHeader)*simHeader
		x.wrote[simReferred] += size
		x.writes = append(x.writes, simGiven{task: number, size: size})
	case n != 0:
		x.fail("Ref.Write took %d and returned %v", n, err)
	case errors.Is(err, os.ErrInvalid):
		if !tooLong {
			x.fail("Ref.Write of %d: %v", len(p), err)
		}
	default:
		x.checkRefused(err, gone, len(p))
	}
}

// checkRefused judges the error of a call through a Ref that carries size bytes.
func (x *simConn) checkRefused(err error, gone bool, size int) {
	switch s := x.site; {
	case err == nil && gone:
		x.fail("C8: a Ref of a connection that is gone reports success")
	case err == nil:
	case errors.Is(err, ErrBackpressure):
		tasks, bytes := s.tasks.Len(), s.carriedBytes()
		if tasks < x.w.cfg.MaxTasks && bytes+int64(size) <= x.w.cfg.MaxTaskBytes {
			x.fail("C4: a Ref reports %v of %d bytes, with %d tasks and %d bytes queued", err, size, tasks, bytes)
		}
	case errors.Is(err, net.ErrClosed):
		if !gone && !x.site.over && !x.site.stopping {
			x.fail("a Ref reports %v, and the connection is there", err)
		}
	default:
		x.fail("a Ref reports %v", err)
	}
}

// simCarried are the bytes of writes through Refs that a loop has not taken out of
// its queue.
type simCarried struct {
	bytes  int64
	writes []simCarry // in the order of the queue
}

type simCarry struct {
	task uint64 // which of all tasks of the loop it is
	size int
}

// carry notes that a write through a Ref was accepted, and holds the queue to its bound.
func (s *simSite) carry(w *simWorld, size int) {
	bytes := s.carriedBytes() + int64(size)
	if bytes > w.cfg.MaxTaskBytes {
		w.fail("C4: the tasks carry %d bytes, MaxTaskBytes is %d", bytes, w.cfg.MaxTaskBytes)
	}
	s.carried.bytes = bytes
	s.carried.writes = append(s.carried.writes, simCarry{s.taken() + uint64(s.tasks.Len()), size})
}

// carriedBytes is how many bytes the queue holds.
func (s *simSite) carriedBytes() int64 {
	k := &s.carried
	for len(k.writes) > 0 && k.writes[0].task <= s.taken() {
		k.bytes -= int64(k.writes[0].size)
		k.writes = k.writes[1:]
	}
	return k.bytes
}

// taken is how many tasks were taken out of the queue.
func (s *simSite) taken() uint64 { return s.stats.Tasks + uint64(len(s.batch)-s.next) }

// post gives a function to a loop, and expects it to run in its turn.
func (w *simWorld) post(s *simSite, f func()) {
	number := s.nextTask()
	err := s.Post(func() {
		w.called++
		s.checkTurnOf(w, number)
		s.ran++
		w.tell("task %d of loop %d", number, s.index)
		f()
		if w.may(simPanics) && w.rng.IntN(60) == 0 {
			w.panics++
			panic(errSimPanic)
		}
	})
	switch {
	case err == nil:
		s.posted++
	case errors.Is(err, ErrBackpressure):
		if s.tasks.Len() < w.cfg.MaxTasks {
			w.fail("Post: %v with %d tasks queued", err, s.tasks.Len())
		}
	case !s.over && !s.stopping:
		w.fail("Post: %v", err)
	}
}

// chain posts a task that posts another, and so on: whatever was accepted runs,
// however late it was posted.
func (w *simWorld) chain(s *simSite, n int) {
	if n > 0 {
		w.post(s, func() { w.chain(s, n-1) })
	}
}

// simTimer is a timer of a loop.
type simTimer struct {
	w      *simWorld
	site   *simSite
	t      *Timer
	period int64
	armed  bool
	due    int64 // it must not fire before
	latest int64 // a turn that begins after this must fire it; 0: to be set at the turn's end
	wait   int64 // what latest is counted from the turn's end
	turn   int   // when it fired last
}

// simMaxTimers is how many timers there are at most.
const simMaxTimers = 12

// timer does something to a timer, or makes one.
func (w *simWorld) timer(s *simSite, rng *rand.Rand) {
	d := time.Duration(rng.IntN(int(8 * simTimeUnit)))
	if rng.IntN(4) == 0 {
		d = time.Duration(rng.IntN(3)) - 1
	}
	if w.may(simGaps) && rng.IntN(3) == 0 {
		w.pass(time.Duration(rng.IntN(int(simTimeUnit)))) // the turn's clock is old now
	}
	if len(w.timers) < simMaxTimers {
		w.newTimer(s, rng, d)
		return
	}
	t := w.timers[rng.IntN(len(w.timers))]
	if t.site != s || t.t == nil {
		return
	}
	if rng.IntN(3) == 0 {
		if was := t.t.Stop(); was != t.armed {
			w.fail("C9: Stop returns %v for a timer that is armed: %v", was, t.armed)
		}
		t.armed = false
		return
	}
	if w.may(simRushes) && t.armed && rng.IntN(100) == 0 {
		for range len(s.noted.timers) { // more than are noted by one reading of the clock
			t.t.Reset(d)
		}
	}
	t.set(d)
	if was := t.t.Reset(d); was != t.armed {
		w.fail("C9: Reset returns %v for a timer that is armed: %v", was, t.armed)
	}
	t.armed = true
}

func (w *simWorld) newTimer(s *simSite, rng *rand.Rand, d time.Duration) {
	t := &simTimer{w: w, site: s}
	w.timers = append(w.timers, t)
	t.set(d)
	t.armed = true
	if rng.IntN(4) > 0 {
		t.t = s.AfterFunc(d, t.fire)
		return
	}
	d = max(d, simTimeUnit/4)
	t.period = int64(d)
	t.set(d)
	var err error
	if t.t, err = s.Every(d, t.fire); err != nil {
		w.fail("Every: %v", err)
	}
}

func (t *simTimer) set(d time.Duration) {
	t.due = t.w.now() + int64(max(d, 0))
	t.latest, t.wait, t.turn = 0, int64(max(d, 0)), 0
}

// simTick is the most by which the wheel rounds up, and the turn's clock besides.
const simTick = int64(2 * time.Millisecond)

func (t *simTimer) fire() {
	w := t.w
	w.called++
	w.tell("timer fires")
	switch early := t.due - w.now(); {
	case !t.armed:
		w.fail("C9: a timer fires that is not armed")
	case early > 0:
		w.fail("C9: a timer fires %v early", time.Duration(early))
	case t.turn == w.turns && t.period > 0 && w.panics == w.panicked: // or the turn goes on behind it, by a later clock
		w.fail("C9: a timer fires twice in a turn")
	}
	t.turn = w.turns
	t.armed = t.period > 0
	t.due += t.period
	t.latest, t.wait = 0, t.period
	if w.calm {
		if t.armed {
			t.t.Stop()
			t.armed = false
		}
		return
	}
	if x := w.someone(t.site.Loop); x != nil && w.may(simOthers) {
		x.act(w.rng)
	}
	if w.may(simPanics) && w.rng.IntN(30) == 0 {
		w.panics++
		t.armed = t.armed && t.period == 0 // one of Every stops
		panic(errSimPanic)
	}
}

// checkTimers wants every timer of the loop that was due when the turn began to
// have fired.
func (w *simWorld) checkTimers(s *simSite) {
	now := w.now()
	for _, t := range w.timers {
		if t.site != s || !t.armed {
			continue
		}
		if t.latest == 0 {
			t.latest = now + t.wait + simTick
		} else if w.began > t.latest {
			w.fail("C9: a timer has not fired %v after it was due", time.Duration(w.began-t.due))
		}
	}
}
