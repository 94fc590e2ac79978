package wheel_test

// What timers cost, beside the standard library's where it does the same.

import (
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

// randomOrder returns the indexes that a benchmark visits, so that it does not measure the generator.
func randomOrder() []uint32 {
	order := make([]uint32, 1<<20)
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
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			w.Set(&conns[order[i%len(order)]].timer, int64(time.Hour)+million+int64(i))
		}
	})

	// The dear case: each timer goes to an earlier slot, which touches its neighbours in both.
	b.Run("wheelEarlier", func(b *testing.B) {
		w := wheel.New(0)
		conns := armedConns(w)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			t := &conns[order[i%len(order)]].timer
			w.Set(t, t.When()/2+int64(i%64)<<30)
		}
	})

	b.Run("time.Timer", func(b *testing.B) {
		timers := armedTimers()
		defer stopTimers(timers)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			timers[order[i%len(order)]].Reset(time.Hour)
		}
		b.StopTimer()
	})

	b.Run("clock", func(b *testing.B) {
		start := time.Now()
		for b.Loop() {
			time.Since(start)
		}
	})
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
		from := next % (len(order) - batch)
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
}

// BenchmarkFire pops one timer a tick and sets it again, ten thousand ticks ahead.
func BenchmarkFire(b *testing.B) {
	w := wheel.New(0)
	timers := make([]wheel.Timer, 10_000)
	for i := range timers {
		w.Set(&timers[i], int64(i)*tick)
	}
	b.ReportAllocs()
	now := int64(0)
	for b.Loop() {
		now += tick
		w.Collect(now)
		for t := w.Pop(); t != nil; t = w.Pop() {
			w.Set(t, now+int64(len(timers))*tick)
		}
	}
}

// BenchmarkEmptyTurn is what a turn of the loop pays when no timer is due.
func BenchmarkEmptyTurn(b *testing.B) {
	w := wheel.New(0)
	var t wheel.Timer
	w.Set(&t, int64(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		w.Collect(100 * tick)
		if w.Pop() != nil {
			b.Fatal("fired")
		}
		w.Next()
	}
}
