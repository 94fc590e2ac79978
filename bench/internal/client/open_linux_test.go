package client

// The open loop.

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

// spins are a generator that sleeps and one that does not.
var spins = map[string]bool{"sleeping": false, "spinning": true}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	const rate = 2000
	for name, spin := range spins {
		t.Run(name, func(t *testing.T) {
			g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Open, Conns: 3, Size: 16, Rate: rate, Spin: spin})
			must(t, "open", g.open())
			must(t, "begin", g.begin())
			checkResult(t, measured(t, g, 100), 16)
			w, err := g.measure(50 * time.Millisecond)
			must(t, "measure", err)
			// One more or less lies on the window's edges.
			if want := rate * w.Wall.Seconds(); math.Abs(float64(w.Due)-want) > 1 {
				t.Errorf("%d messages became due in %v, want %v", w.Due, w.Wall, want)
			}
			if w.Spun < 0 || w.Spun > w.Wall || spin && w.Spun == 0 {
				t.Errorf("it spun for %v of %v", w.Spun, w.Wall)
			}
			onLoop(t, g, func() {
				d := g.driver.(*openLoop)
				due := func() int64 { return (g.now() - d.begun) * rate / int64(time.Second) }
				least := due()
				d.pace(g.now())
				if most := due() + 1; d.sent < least || d.sent > most {
					t.Errorf("%d messages became due, want %d to %d", d.sent, least, most)
				}
			})
			finish(t, g)
		})
	}
}

func TestALatencyBelongsToTheWindowInWhichItsMessageWasDue(t *testing.T) {
	for name, spin := range spins {
		t.Run(name, func(t *testing.T) {
			var gate sync.RWMutex // nothing is echoed while it is locked
			addr := serverstest.Serve(t, serverstest.Through(func(p []byte, _ int) []byte {
				gate.RLock()
				defer gate.RUnlock()
				return p
			}))
			g := generatorFor(t, Spec{Addr: addr, Mode: Open, Conns: 2, Size: 16, Rate: 10_000, Spin: spin})
			must(t, "open", g.open())
			gate.Lock()
			must(t, "begin", g.begin())
			lingers := make(chan struct{})
			go func() {
				defer close(lingers)
				await(func() (lingers bool) {
					onLoop(t, g, func() { lingers = g.driver.(*openLoop).whole != nil })
					return lingers
				})
				gate.Unlock()
			}()
			first, err := g.measure(20 * time.Millisecond)
			<-lingers
			must(t, "measure", err)
			second, err := g.measure(20 * time.Millisecond)
			must(t, "measure again", err)
			total := finish(t, g)
			if first.Requests != 0 || first.Unanswered != 0 || first.Outstanding < int(first.Due) {
				t.Errorf("no reply came while the first window was open: %+v", first)
			}
			for _, w := range []window{first, second} {
				if n := recordedIn(t, w); w.Due == 0 || n != int64(w.Due) {
					t.Errorf("%d messages were due, %d latencies were recorded", w.Due, n)
				}
			}
			// What became due between the windows is in the total alone.
			if total.Requests <= first.Due+second.Due {
				t.Errorf("%d of %d replies belong to windows", first.Due+second.Due, total.Requests)
			}
		})
	}
}

// recordedIn is how many latencies a window has.
func recordedIn(t *testing.T, w window) int64 {
	t.Helper()
	h := newHistogram()
	must(t, "merge", merge(h, w.Each))
	return h.TotalCount()
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
	w := ended(t, g)
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
	w := ended(t, g)
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
	g.overtime = 10 * time.Millisecond
	must(t, "open", g.open())
	begun.Store(true)
	must(t, "begin", g.begin())
	w, err := g.measure(20 * time.Millisecond)
	must(t, "measure", err)
	r, err := describe([]window{w})
	must(t, "describe", err)
	if r.Requests != 0 {
		t.Errorf("there were replies: %+v", r)
	}
	// How long they were waited for counts, and all of them do.
	if n := recordedIn(t, w); n != int64(w.Due) || w.Unanswered != w.Due || r.Latency.Curve[0].NS < int64(g.overtime) {
		t.Errorf("%d latencies for %d messages: %+v", n, w.Due, r.Latency)
	}
	if r.Extra["outstanding"] < r.Extra["due"] || r.Extra["due"] == 0 || r.Extra["oldest µs"] < r.Seconds*1e6 {
		t.Errorf("after %v s without a reply: %v", r.Seconds, r.Extra)
	}
}
