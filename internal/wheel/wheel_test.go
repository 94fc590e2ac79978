package wheel_test

// The wheel's promises at the edges, one by one; model_test.go holds them all at once under random use.

import (
	"math"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/eddyline/eddyline/internal/wheel"
)

const (
	tick   = int64(1) << 20
	levels = 8
)

// popAll pops what is due and returns it in order.
func popAll(w *wheel.Wheel) []*wheel.Timer {
	var popped []*wheel.Timer
	for t := w.Pop(); t != nil; t = w.Pop() {
		popped = append(popped, t)
	}
	return popped
}

// expectFired collects at now and expects exactly these timers in this order.
func expectFired(t *testing.T, w *wheel.Wheel, now int64, want ...*wheel.Timer) {
	t.Helper()
	w.Collect(now)
	got := popAll(w)
	if len(got) != len(want) {
		t.Fatalf("Collect(%d) made %d timers due, want %d", now, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("Collect(%d): timer %d in order is the one for %d, want the one for %d", now, i, got[i].When(), want[i].When())
		}
	}
}

func TestNeverEarlyAndNeverATickLate(t *testing.T) {
	for _, origin := range []int64{math.MinInt64, -5, 0, 12345, 1 << 60} {
		for _, after := range []int64{
			1, tick - 1, tick, tick + 1, 63 * tick, 64*tick - 1, 64 * tick, 64*tick + 1, 65*tick + 7,
			4095 * tick, 4096 * tick, 4097*tick - 1, 1 << 40, 1<<40 + 12345, 1<<58 + 1,
		} {
			w := wheel.New(origin)
			var timer wheel.Timer
			when := origin + after
			w.Set(&timer, when)
			expectFired(t, w, when-1)
			if !timer.Armed() || timer.When() != when || w.Len() != 1 {
				t.Fatalf("origin %d, after %d: the timer is not armed any more before its time", origin, after)
			}
			expectFired(t, w, when+tick-1, &timer)
			if timer.Armed() || w.Len() != 0 {
				t.Fatalf("origin %d, after %d: the timer is still armed when it was popped", origin, after)
			}
			expectFired(t, w, math.MaxInt64)
		}
	}
}

func TestPastTimesFireAtTheNextCollect(t *testing.T) {
	for _, when := range []int64{math.MinInt64, -1, 0, 999, 1000, 1000 + 5*tick} {
		w := wheel.New(1000)
		w.Collect(1000 + 5*tick)
		var timer wheel.Timer
		w.Set(&timer, when)
		if w.Pop() != nil {
			t.Fatalf("a timer set to %d was due before Collect", when)
		}
		if next, ok := w.Next(); !ok || next > 1000+5*tick {
			t.Fatalf("Next with an overdue timer is %d, %v: the caller would sleep", next, ok)
		}
		expectFired(t, w, 1000+5*tick, &timer) // the clock has not moved
		if _, ok := w.Next(); ok {
			t.Fatal("Next names a time though no timer is armed")
		}
	}
}

func TestFarthestTimesDoNotOverflow(t *testing.T) {
	for _, origin := range []int64{math.MinInt64, -2, 0, 1, 1 << 62} {
		w := wheel.New(origin)
		var never, late, soon wheel.Timer
		w.Set(&never, math.MaxInt64)
		w.Set(&late, math.MaxInt64-2*tick)
		w.Set(&soon, origin+tick)
		if next, ok := w.Next(); !ok || next > origin+tick || next <= origin {
			t.Fatalf("origin %d: Next is %d, %v", origin, next, ok)
		}
		expectFired(t, w, origin+tick, &soon)
		expectFired(t, w, origin+(math.MaxInt64/2-origin/2))
		expectFired(t, w, math.MaxInt64-3*tick)
		expectFired(t, w, math.MaxInt64-tick+1, &late)
		if next, ok := w.Next(); !ok || next <= math.MaxInt64-tick+1 {
			t.Fatalf("origin %d: Next for a timer that never fires is %d, %v", origin, next, ok)
		}
		expectFired(t, w, math.MaxInt64) // its tick would end after the clock's last nanosecond
		if !w.Stop(&never) || w.Len() != 0 {
			t.Fatalf("origin %d: a timer that never fires cannot be stopped", origin)
		}
	}
}

func TestDueInOrderOfTicksThenOfSetting(t *testing.T) {
	w := wheel.New(0)
	var a, b, c, d, e, f wheel.Timer
	w.Set(&a, 5000*tick)
	w.Set(&b, 70*tick)
	w.Set(&c, 5000*tick-1) // the same tick as a, later set
	w.Set(&d, 1)
	w.Collect(4990 * tick) // moves a and c to a finer level
	w.Set(&e, 5000*tick)
	w.Set(&f, 4999*tick)
	w.Collect(1 << 50)
	for i, want := range []*wheel.Timer{&d, &b, &f, &a, &c, &e} {
		if got := w.Pop(); got != want {
			t.Fatalf("timer %d in order is the wrong one", i)
		}
	}
}

func TestStopTakesBackWhatIsDue(t *testing.T) {
	w := wheel.New(0)
	var a, b, c wheel.Timer
	if w.Stop(&a) {
		t.Fatal("Stop of a timer that was never set reports that it was armed")
	}
	for _, timer := range []*wheel.Timer{&a, &b, &c} {
		w.Set(timer, tick)
	}
	w.Collect(tick)
	if !w.Stop(&b) || w.Stop(&b) {
		t.Fatal("Stop of a due timer must report true once")
	}
	if w.Len() != 2 {
		t.Fatalf("Len is %d with two timers due", w.Len())
	}
	w.Set(&c, 9*tick) // takes back, too
	expectFired(t, w, 8*tick, &a)
	expectFired(t, w, 9*tick, &c)
}

// A callback that re-arms itself for now must not keep the pass going (HAZARDS 40).
func TestRearmWhilePoppingWaitsForTheNextCollect(t *testing.T) {
	w := wheel.New(0)
	var a, b wheel.Timer
	w.Set(&a, 0)
	w.Set(&b, 0)
	for range 3 {
		w.Collect(0)
		for popped := 0; ; popped++ {
			timer := w.Pop()
			if timer == nil && popped == 2 {
				break
			}
			if timer == nil || popped == 2 {
				t.Fatalf("a pass did not hand out each timer once: %d", popped)
			}
			w.Set(timer, -1)
		}
	}
}

func TestBackwardClockStandsStill(t *testing.T) {
	w := wheel.New(0)
	w.Collect(100 * tick)
	var a wheel.Timer
	w.Set(&a, 101*tick)
	expectFired(t, w, 3*tick)
	expectFired(t, w, math.MinInt64)
	expectFired(t, w, 101*tick, &a)
}

// Sleeping until Next and collecting there must reach a timer in few steps, each of them forward: a wake-up
// for each level at most, and one more for each slot in which it was put off.
func TestNextLeadsToTheTimerWithoutSpinning(t *testing.T) {
	for _, after := range []int64{1, 63 * tick, 64*tick + 3, 1 << 35, 1<<45 + 12345, 1 << 61} {
		const start = 77 * tick
		w := wheel.New(0)
		w.Collect(start)
		var timer wheel.Timer
		w.Set(&timer, start+after/3)
		w.Set(&timer, start+after) // put off
		now := start
		for wakes := 1; ; wakes++ {
			next, ok := w.Next()
			if !ok || next <= now {
				t.Fatalf("after %d: Next is %d, %v at %d: no progress", after, next, ok, now)
			}
			if next >= timer.When()+tick {
				t.Fatalf("after %d: Next is %d, past the timer's tick", after, next)
			}
			now = next
			w.Collect(now)
			if w.Pop() != nil {
				break
			}
			if wakes == 2*levels {
				t.Fatalf("after %d: still not fired after %d wake-ups", after, wakes)
			}
		}
		if now < timer.When() {
			t.Fatalf("after %d: fired %d ns early", after, timer.When()-now)
		}
	}
}

// An idle deadline that is moved at every read must wake the loop once per slot, not once per read.
func TestPuttingOffCostsNoWakeUps(t *testing.T) {
	w := wheel.New(0)
	var timer wheel.Timer
	const idle = int64(30 * time.Second)
	wakes := 0
	now := int64(0)
	for ; now < int64(10*time.Minute); now += 3 * tick {
		for next, ok := w.Next(); ok && next <= now; next, ok = w.Next() {
			wakes++
			w.Collect(next)
		}
		w.Set(&timer, now+idle)
	}
	if w.Pop() != nil {
		t.Fatal("a deadline that was always moved in time fired")
	}
	// 30 s ahead is in the third level, whose slots are 4.3 s, so it is met 140 times in ten minutes.
	if limit := 3 * 140; wakes > limit {
		t.Fatalf("%d wake-ups for a deadline put off for ten minutes, want at most %d", wakes, limit)
	}
}

// A gap in the clock must cost by what is armed, not by the ticks in it. A century walked by the tick would
// run into the test's time-out.
func TestClockGapIsNotWalked(t *testing.T) {
	const century = int64(100 * 365 * 24 * time.Hour)
	w := wheel.New(0)
	timers := make([]wheel.Timer, 2*64*levels)
	for i := range timers {
		w.Set(&timers[i], century/int64(len(timers))*int64(i))
	}
	w.Collect(century)
	fired := popAll(w)
	if len(fired) != len(timers) {
		t.Fatalf("%d of %d timers fired", len(fired), len(timers))
	}
	for i, timer := range fired {
		if timer != &timers[i] {
			t.Fatalf("timer %d is out of order", i)
		}
	}
}

// A stopped or popped timer must not keep the timers beside it from being collected.
func TestNoReferencesAfterwards(t *testing.T) {
	w := wheel.New(0)
	var a, b, c wheel.Timer
	for _, timer := range []*wheel.Timer{&a, &b, &c} {
		w.Set(timer, tick)
	}
	w.Stop(&b)
	w.Collect(tick)
	popAll(w)
	for _, timer := range []*wheel.Timer{&a, &b, &c} {
		if !reflect.DeepEqual(*timer, firedAlone(timer.When())) {
			t.Fatalf("a disarmed timer still refers to others: %+v", *timer)
		}
	}
}

// firedAlone returns a timer that never had a neighbour.
func firedAlone(when int64) wheel.Timer {
	w := wheel.New(when)
	var timer wheel.Timer
	w.Set(&timer, when)
	w.Collect(when)
	return *w.Pop()
}

func TestTimerIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(wheel.Timer{}); size > 40 {
		t.Fatalf("a Timer takes %d bytes", size)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	w := wheel.New(0)
	timers := make([]wheel.Timer, 100)
	now := int64(0)
	allocs := testing.AllocsPerRun(100, func() {
		for i := range timers {
			w.Set(&timers[i], now+int64(i)*int64(i)*tick)
		}
		for i := range timers {
			w.Set(&timers[i], now+int64(i)*tick/2)
		}
		w.Stop(&timers[50])
		now += 90 * tick
		w.Collect(now)
		for w.Pop() != nil {
		}
		w.Next()
	})
	if allocs != 0 {
		t.Fatalf("%v allocations per run", allocs)
	}
}
