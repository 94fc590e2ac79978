package client

// The open loop.

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

func TestOpenLoopKeepsItsRate(t *testing.T) {
	const rate = 2000
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Open, Conns: 3, Size: 16, Rate: rate})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	r := measured(t, g, 100)
	checkResult(t, r, 16)
	if x := r.Extra; x["late"] > x["due"] || x["lateness µs"] < 0 {
		t.Errorf("%v", x)
	}
	onLoop(t, g, func() {
		d := g.driver.(*openLoop)
		due := func() int64 { return (g.now() - d.begun) * rate / int64(time.Second) }
		least := due()
		d.pace()
		if most := due() + 1; d.sent < least || d.sent > most {
			t.Errorf("%d messages became due, want %d to %d", d.sent, least, most)
		}
	})
	finish(t, g)
}

func TestAStallShowsInTheLatencyOfAllWhoWait(t *testing.T) {
	const rate, stall = 1000, 200 * time.Millisecond
	stalled := make(chan struct{})
	var once sync.Once
	var begun atomic.Bool
	addr := serverstest.Serve(t, serverstest.Through(func(p []byte, _ int) []byte {
		if begun.Load() {
			once.Do(func() {
				<-time.After(stall) // the fault that is tested for
				close(stalled)
			})
		}
		return p
	}))
	g := generatorFor(t, Spec{Addr: addr, Mode: Open, Conns: 1, Size: 16, Rate: rate})
	must(t, "open", g.open())
	begun.Store(true)
	onLoop(t, g, g.startWindow)
	must(t, "begin", g.begin())
	<-stalled
	finish(t, g)
	var w window
	onLoop(t, g, func() { w = g.window() })
	r, err := describe([]window{w})
	must(t, "describe", err)
	if r.Latency == nil {
		t.Fatal("no latency was recorded")
	}
	if r.Latency.Max < int64(stall) {
		t.Errorf("the longest latency is %v, the server stalled for %v", time.Duration(r.Latency.Max), stall)
	}
	// The messages that were due during the stall waited each for the rest of it,
	// those of its first half longer than half of it. A closed loop would have seen
	// one. The curve tells their number to a factor of two.
	half := stall.Seconds() / 2
	waited := 0.0
	for _, q := range r.Latency.Curve {
		if q.NS >= int64(stall/2) {
			waited = max(waited, (1-q.Q)*float64(r.Requests))
		}
	}
	if waited < rate*half/2 {
		t.Errorf("%.0f of %d messages waited for half of the stall or longer, want %v: %+v", waited, r.Requests, rate*half, r.Latency)
	}
}

func TestALateGeneratorChargesItself(t *testing.T) {
	const rate, late = 10_000, 50 * time.Millisecond
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Open, Conns: 3, Size: 16, Rate: rate})
	must(t, "open", g.open())
	onLoop(t, g, g.startWindow)
	must(t, "begin", g.begin())
	onLoop(t, g, func() {
		for from := g.now(); g.now() < from+int64(late); { // nobody else gets a turn
		}
	})
	finish(t, g)
	var w window
	onLoop(t, g, func() { w = g.window() })
	r, err := describe([]window{w})
	must(t, "describe", err)
	// What became due meanwhile is sent before the load ends: a loop delivers events,
	// the timer's among them, before it runs tasks.
	if r.Extra["due"] < rate*late.Seconds() {
		t.Errorf("%v messages became due in %v", r.Extra["due"], late)
	}
	if r.Latency == nil || r.Latency.Max < int64(late) || r.Extra["late"] < rate*(late-2*tardy).Seconds() || !r.Saturated {
		t.Errorf("%v late: %+v, %v, saturated %v", late, r.Latency, r.Extra, r.Saturated)
	}
}

func TestWhatNeverComesBackIsReported(t *testing.T) {
	var begun atomic.Bool
	addr := serverstest.Serve(t, serverstest.Through(func(p []byte, _ int) []byte {
		if begun.Load() {
			return []byte{}
		}
		return p
	}))
	g := generatorFor(t, Spec{Addr: addr, Mode: Open, Conns: 2, Size: 16, Rate: 10_000})
	must(t, "open", g.open())
	begun.Store(true)
	must(t, "begin", g.begin())
	w, err := g.measure(20 * time.Millisecond)
	must(t, "measure", err)
	r, err := describe([]window{w})
	must(t, "describe", err)
	if r.Latency != nil || r.Requests != 0 {
		t.Errorf("there were replies: %+v", r)
	}
	if r.Extra["outstanding"] < r.Extra["due"] || r.Extra["due"] == 0 || r.Extra["oldest µs"] < r.Seconds*1e6 {
		t.Errorf("after %v s without a reply: %v", r.Seconds, r.Extra)
	}
}
