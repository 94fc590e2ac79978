package client

// What the tests of the modes share.

import (
	"context"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// serveLoop serves p with the engine and returns the address.
func serveLoop(t *testing.T, p loop.Protocol) string {
	t.Helper()
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	t.Cleanup(func() {
		e.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func echo(c *loop.Conn, in []byte) (int, error) { return c.Write(in) }

func generatorFor(t *testing.T, spec Spec) *generator {
	t.Helper()
	g, err := newGenerator(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// finish ends the load and returns what came of it.
func finish(t *testing.T, g *generator) Total {
	t.Helper()
	total, err := g.finish()
	must(t, "finish", err)
	return total
}

// await looks every millisecond whether what is waited for has come. The test's
// time limit bounds it.
func await(come func() bool) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !come() {
		<-look.C
	}
}

// measured returns the sum of as many windows as it takes to have so many requests.
func measured(t *testing.T, g *generator, requests uint64) Result {
	t.Helper()
	var all []window
	for seen := uint64(0); seen < requests; {
		w, err := g.measure(10 * time.Millisecond)
		must(t, "measure", err)
		seen += w.Requests
		all = append(all, w)
	}
	r, err := describe(all)
	must(t, "describe", err)
	return r
}

// ended ends the window under way, whatever is not answered yet.
func ended(t *testing.T, g *generator) (w window) {
	t.Helper()
	onLoop(t, g, func() {
		w = g.endWindow()
		g.latencies(&w)
	})
	return w
}

// checkResult asserts what holds of every result with latencies.
func checkResult(t *testing.T, r Result, size int) {
	t.Helper()
	l := r.Latency
	if l == nil {
		t.Fatal("there are no latencies")
	}
	if r.Bytes != r.Requests*uint64(size) {
		t.Errorf("%d requests of %d bytes are %d bytes", r.Requests, size, r.Bytes)
	}
	if l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Errorf("latencies %+v do not ascend", l)
	}
	if r.Seconds <= 0 || r.CPU <= 0 || r.Busy <= 0 {
		t.Errorf("%v s, %v of processor time, busy %v", r.Seconds, r.CPU, r.Busy)
	}
}

// onLoop lets f run on the generator's loop and waits for it.
func onLoop(t *testing.T, g *generator, f func()) {
	t.Helper()
	done := make(chan struct{})
	must(t, "post", g.loop.Post(func() {
		defer close(done)
		f()
	}))
	<-done
}

// untilFault goes on until g fails: silence is noticed when the load ends.
func untilFault(g *generator) error {
	for {
		if _, err := g.measure(10 * time.Millisecond); err != nil {
			return err
		}
		if _, err := g.finish(); err != nil {
			return err
		}
		if err := g.begin(); err != nil {
			return err
		}
	}
}
