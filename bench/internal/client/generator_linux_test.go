package client

// What holds of every mode.

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/floor"
	"github.com/eddyline/eddyline/loop"
)

func TestNothingIsCountedOutsideTheLoad(t *testing.T) {
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Closed, Conns: 2, Size: 8})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	measured(t, g, 1)
	finish(t, g)
	w, err := g.measure(time.Millisecond)
	if err != nil || w.Requests != 0 || w.Each != nil {
		t.Errorf("after Finish: %+v, error %v", w, err)
	}
}

func TestWindowsAddUpToTheLoad(t *testing.T) {
	const size, conns = 8, 4
	var received atomic.Uint64
	addr := serveLoop(t, loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		received.Add(uint64(len(in)))
		return c.Write(in)
	}).Protocol())
	for _, spec := range []Spec{
		{Mode: Closed, Pipeline: 3},
		{Mode: Open, Rate: 5000},
		{Mode: Churn},
	} {
		spec.Addr, spec.Conns, spec.Size = addr, conns, size
		g := generatorFor(t, spec)
		must(t, "open", g.open())
		received.Store(0)
		var windows [3]window
		var total Total
		onLoop(t, g, g.startWindow)
		must(t, "begin", g.begin())
		for i := range windows {
			// Without a gap, and the last one until every reply is there.
			if i < len(windows)-1 {
				await(func() bool { return received.Load() >= uint64(i+1)*100*size })
			} else {
				total = finish(t, g)
			}
			onLoop(t, g, func() {
				windows[i] = g.endWindow()
				g.latencies(&windows[i])
				g.startWindow()
			})
		}
		var parts []Result
		for _, w := range windows {
			r, err := describe([]window{w})
			must(t, "describe", err)
			parts = append(parts, r)
		}
		sum, err := Sum(parts...)
		must(t, "sum", err)
		if n := received.Load(); sum.Requests*size != n || sum.Bytes != n {
			t.Errorf("%s: %d requests of %d bytes, %d bytes in all; the server received %d", spec.Mode, sum.Requests, size, sum.Bytes, n)
		}
		if total.Requests != sum.Requests || total.Bytes != sum.Bytes || total.Seconds <= 0 {
			t.Errorf("%s: in all %+v, the windows have %d requests of %d bytes", spec.Mode, total, sum.Requests, sum.Bytes)
		}
		for i, r := range parts {
			if r.Latency != nil && r.Latency.Max > sum.Latency.Max {
				t.Errorf("%s: the longest latency is %d, in window %d it is %d", spec.Mode, sum.Latency.Max, i, r.Latency.Max)
			}
		}
	}
}

func TestConnectionsComeFromManyAddresses(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	addr := serveLoop(t, func(c *loop.Conn) loop.Handler {
		mu.Lock()
		seen[c.RemoteAddr().AddrPort().Addr().String()] = true
		mu.Unlock()
		return loop.HandlerFunc(echo)
	})
	must(t, "open", generatorFor(t, Spec{Addr: addr, Mode: Closed, Conns: 2 * burst, Size: 1}).open())
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != sources {
		t.Errorf("%d addresses, want %d", len(seen), sources)
	}
}

// serveFloor sends datagrams back without allocating anything.
func serveFloor(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served, ready := make(chan error, 1), make(chan string, 1)
	go func() {
		served <- floor.ServePackets(ctx, "127.0.0.1:0", floor.Level, func(addr string) { ready <- addr })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return <-ready
}

func TestMessagesAllocateNothing(t *testing.T) {
	const messages = 4000
	everyone := new(room)
	discard := func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil }
	for _, tt := range []struct {
		spec Spec
		p    loop.Protocol
	}{
		{Spec{Mode: Closed, Conns: 10, Size: 64}, loop.HandlerFunc(echo).Protocol()},
		{Spec{Mode: Closed, Conns: 4, Size: 64, Pipeline: 16}, loop.HandlerFunc(echo).Protocol()},
		{Spec{Mode: Open, Conns: 10, Size: 64, Rate: 20_000}, loop.HandlerFunc(echo).Protocol()},
		{Spec{Mode: Fanout, Conns: 10, Size: 64}, func(*loop.Conn) loop.Handler { return everyone }},
		{Spec{Mode: Bulk, Conns: 2, Size: 1000}, loop.HandlerFunc(discard).Protocol()},
		{Spec{Mode: Datagrams, Conns: 10, Size: 64}, nil},
	} {
		if tt.p != nil {
			tt.spec.Addr = serveLoop(t, tt.p)
		} else {
			tt.spec.Addr = serveFloor(t)
		}
		g := generatorFor(t, tt.spec)
		must(t, "open", g.open())
		must(t, "begin", g.begin())
		measured(t, g, messages) // until all buffers have their size
		// A stall longer than any before lets queues grow, so the best of several runs
		// counts: what every message allocates is in each of them.
		least := uint64(messages)
		for range 5 {
			least = min(least, allocated(func() {
				start := g.progress()
				await(func() bool { return g.progress() >= start+messages*uint64(tt.spec.Size) })
			}))
		}
		if least > messages/100 {
			t.Errorf("%s: %d objects for some %d messages", tt.spec.Mode, least, messages)
		}
		finish(t, g)
	}
}

// allocated returns how many objects the program allocates while f runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}
