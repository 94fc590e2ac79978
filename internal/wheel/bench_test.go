package wheel_test

// What timers cost, beside the standard library's where it does the same.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/wheel"
)

const million = 1_000_000

// conn is as large as an idle connection may be, so that the timers lie as far apart as they will in use.
type conn struct {
	timer wheel.Timer
	_     [256 - 48]byte
}

// orders is how many indexes randomOrder returns.
const orders = 1 << 20

// randomOrder returns the indexes that a benchmark visits, so that it does not measure the generator.
func randomOrder() []uint32 {
	order := make([]uint32, orders)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range order {
		order[i] = r.Uint32N(million)
	}
	return order
}

// armedConns returns a million connections whose deadlines are an hour away.
func armedConns(w *wheel.Wheel) []conn {
	conns := make([]conn, million)
	for i := range conns {
		w.Set(&conns[i].timer, int64(time.Hour)+int64(i))
	}
	return conns
}

// armedTimers returns a million of the standard library's timers, an hour away.
func armedTimers() []*time.Timer {
	timers := make([]*time.Timer, million)
	for i := range timers {
		timers[i] = time.AfterFunc(time.Hour, func() {})
	}
	return timers
}

func stopTimers(timers []*time.Timer) {
	for _, t := range timers {
		t.Stop()
	}
}

// BenchmarkRearmAmongMillion moves armed timers, picked at random from a million, to an hour from now. Reset
// reads the clock itself, a loop has read it for the turn: clock is that part of Reset's cost.
func BenchmarkRearmAmongMillion(b *testing.B) {
	order := randomOrder()

	b.Run("wheel", func(b *testing.B) {
		w := wheel.New(0)
		conns := armedConns(w)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			w.Set(&conns[order[i%orders]].timer, int64(time.Hour)+million+int64(i))
			i++
		}
		expectArmed(b, w, &conns[order[(i-1)%orders]].timer, int64(time.Hour)+million+int64(i-1))
	})

	// The dear case: each timer goes to an earlier slot, which touches its neighbours in both.
	b.Run("wheelEarlier", func(b *testing.B) {
		w := wheel.New(0)
		conns := armedConns(w)
		i, when := 0, int64(0)
		b.ReportAllocs()
		for b.Loop() {
			t := &conns[order[i%orders]].timer
			when = t.When()/2 + int64(i%64)<<30
			w.Set(t, when)
			i++
		}
		expectArmed(b, w, &conns[order[(i-1)%orders]].timer, when)
	})

	b.Run("time.Timer", func(b *testing.B) {
		timers := armedTimers()
		defer stopTimers(timers)
		i, fired := 0, 0
		b.ReportAllocs()
		for b.Loop() {
			if !timers[order[i%orders]].Reset(time.Hour) {
				fired++
			}
			i++
		}
		if fired != 0 {
			b.Fatalf("%d of %d timers were not armed", fired, b.N)
		}
	})

	b.Run("clock", func(b *testing.B) {
		start := time.Now()
		last := time.Duration(0)
		for b.Loop() {
			last = time.Since(start)
		}
		if last <= 0 {
			b.Fatalf("the clock stands at %v", last)
		}
	})
}

// expectArmed wants the million timers that were armed to be so still, and t to be set to when.
func expectArmed(b *testing.B, w *wheel.Wheel, t *wheel.Timer, when int64) {
	b.Helper()
	if w.Len() != million || !t.Armed() || t.When() != when {
		b.Fatalf("%d timers are armed, and the last moved is set to %d, not %d", w.Len(), t.When(), when)
	}
}

// BenchmarkStopSet disarms a timer, picked at random from a million, and sets it to an hour from now: what a
// deadline costs that is cleared between messages. Both touch its neighbours.
func BenchmarkStopSet(b *testing.B) {
	order := randomOrder()
	w := wheel.New(0)
	conns := armedConns(w)
	i, idle := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		t := &conns[order[i%orders]].timer
		if !w.Stop(t) {
			idle++
		}
		w.Set(t, int64(time.Hour)+million+int64(i))
		i++
	}
	if idle != 0 {
		b.Fatalf("%d of %d timers were not armed", idle, b.N)
	}
	expectArmed(b, w, &conns[order[(i-1)%orders]].timer, int64(time.Hour)+million+int64(i-1))
}

// BenchmarkRearmRatio re-arms a batch on either side in turn, so that both meet the same machine, and reports
// the median of time.Timer's time over the wheel's.
func BenchmarkRearmRatio(b *testing.B) {
	const batch = 100_000
	order := randomOrder()
	w := wheel.New(0)
	conns := armedConns(w)
	timers := armedTimers()
	defer stopTimers(timers)

	var ratios []float64
	next := 0
	for b.Loop() {
		from := next % (orders - batch)
		next += batch

		start := time.Now()
		for i, j := range order[from : from+batch] {
			w.Set(&conns[j].timer, int64(time.Hour)+million+int64(next+i))
		}
		wheelTook := time.Since(start)

		start = time.Now()
		for _, j := range order[from : from+batch] {
			timers[j].Reset(time.Hour)
		}
		ratios = append(ratios, float64(time.Since(start))/float64(wheelTook))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "timer/wheel")
	if w.Len() != million {
		b.Fatalf("%d timers are armed", w.Len())
	}
}

// BenchmarkFire is a tick in which one of timers fires and is set again, as far ahead as there are timers. With a
// million, all the way from a coarse slot to its tick is in the figure, and in most of it the caches miss.
func BenchmarkFire(b *testing.B) {
	for _, timers := range []int{10_000, million} {
		b.Run(fmt.Sprintf("timers=%d", timers), func(b *testing.B) {
			w := wheel.New(0)
			conns := make([]conn, timers)
			for i, j := range rand.New(rand.NewPCG(1, 2)).Perm(timers) {
				w.Set(&conns[j].timer, int64(i)*tick)
			}
			w.Collect(0)
			fired, early := 0, 0
			now := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				now += tick
				w.Collect(now)
				for t := w.Pop(); t != nil; t = w.Pop() {
					if t.When() > now {
						early++
					}
					w.Set(t, now+int64(timers)*tick)
					fired++
				}
			}
			// The first comes with what the first Collect found.
			if fired < b.N || fired > b.N+1 || early != 0 || w.Len() != timers {
				b.Fatalf("%d timers fired in %d ticks, %d of them early; %d are armed", fired, b.N, early, w.Len())
			}
		})
	}
}

// BenchmarkFireAtOnce sets a million timers within a second and has all of them due at one Collect, as they are
// for a loop that was suspended. ns/timer is what one of them costs, from Set to Pop.
func BenchmarkFireAtOnce(b *testing.B) {
	w := wheel.New(0)
	conns := make([]conn, million)
	now, fired := int64(0), 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range conns {
			w.Set(&conns[i].timer, now+int64(i)*1000)
		}
		now += int64(time.Hour)
		w.Collect(now)
		for w.Pop() != nil {
			fired++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*million), "ns/timer")
	if fired != b.N*million || w.Len() != 0 {
		b.Fatalf("%d timers fired of %d, %d are armed", fired, b.N*million, w.Len())
	}
}

// BenchmarkEmptyTurn is what a turn of the loop pays when no timer is due.
func BenchmarkEmptyTurn(b *testing.B) {
	w := wheel.New(0)
	var t wheel.Timer
	w.Set(&t, int64(time.Hour))
	fired := 0
	b.ReportAllocs()
	for b.Loop() {
		w.Collect(100 * tick)
		if w.Pop() != nil {
			fired++
		}
		w.Next()
	}
	if fired != 0 || !t.Armed() {
		b.Fatalf("%d timers fired that were not due", fired)
	}
}
