package client

// The window of a generator: what is counted between its beginning and its end.

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// lead is the time from asking for a window to its beginning: who asks is awake on one
// of the cores.
const lead = 5 * time.Millisecond

// A lingerer is a driver whose windows are not complete at their end.
type lingerer interface {
	// linger calls then when the window that has ended, w, is.
	linger(w *window, then func())
}

// mark is a window: when it began and ends, and the accounts at its beginning.
type mark struct {
	from, to  int64
	replies   uint64
	cpu, spun time.Duration
}

// covers tells whether the moment at is in the window.
func (m *mark) covers(at int64) bool { return m.from <= at && at < m.to }

func (g *generator) measure(d time.Duration) (window, error) {
	w := new(window)
	err := g.request(false, func() {
		g.loop.AfterFunc(lead, func() {
			g.startWindow()
			g.loop.AfterFunc(d, func() { g.finishWindow(w) })
		})
	})
	if err != nil {
		return window{}, err // a timer may still fire
	}
	return *w, nil
}

func (g *generator) startWindow() {
	empty(g.each)
	empty(g.all)
	g.driver.measured(new(window))
	g.mark = mark{g.now(), math.MaxInt64, g.replies, cpuTime(), g.engine.Stats().Spun}
}

// finishWindow ends the window under way, and the request for it when all is known.
func (g *generator) finishWindow(w *window) {
	*w = g.endWindow()
	whole := func() {
		g.latencies(w)
		g.complete()
	}
	if d, ok := g.driver.(lingerer); ok {
		d.linger(w, whole)
		return
	}
	whole()
}

// endWindow ends the window under way, whose latencies may not all be known yet.
func (g *generator) endWindow() window {
	g.mark.to = g.now()
	w := window{
		Mode:     g.spec.Mode,
		CPU:      cpuTime() - g.mark.cpu,
		Spun:     g.engine.Stats().Spun - g.mark.spun,
		Wall:     time.Duration(g.mark.to - g.mark.from),
		Requests: g.replies - g.mark.replies,
	}
	w.Bytes = w.Requests * uint64(g.exchange.inSize)
	g.driver.measured(&w)
	w.Spun = min(w.Spun, w.Wall) // the loop's account is as of its last turn
	return w
}

// latencies adds to a window the latencies that were recorded.
func (g *generator) latencies(w *window) {
	var err error
	if w.Each, err = encode(g.each); err == nil {
		w.All, err = encode(g.all)
	}
	empty(g.each)
	empty(g.all)
	if err != nil {
		g.fail(err)
	}
}

// cpuTime returns the processor time of this process.
func cpuTime() time.Duration {
	var ts unix.Timespec
	// The clock exists, and ts is writable.
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}
