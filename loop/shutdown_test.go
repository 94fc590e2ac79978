//go:build unix

package loop_test

// How an engine ends: in order, in time, at once, or without ever having run.

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// Shutdown lets every connection send what it has, and refuses new ones; Run
// returns after the last OnClose.
func TestShutdownDrains(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 2, FlushTimeout: patience})
		const total = 4 << 20
		ln := listen(r, r.always(hooks{
			open: func(c *loop.Conn) error { _, err := c.Write(record(0, total)); return err },
			close: func(_ *loop.Conn, err error) {
				if err != nil {
					t.Errorf("OnClose heard %v, want nil", err)
				}
			},
		}))
		var clients []*client
		for range 6 {
			c := r.dial(ln)
			c.expect(string(record(0, 1)))
			clients = append(clients, c)
		}
		done := make(chan error, 1)
		go func() { done <- r.engine.Shutdown(context.Background()) }()
		for _, c := range clients {
			c.expect(string(record(1, total-1)))
			c.expectEnd()
			c.Close()
		}
		if err := take(t, "Shutdown", done); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		r.wait()
		network, addr := address(ln)
		if nc, err := net.Dial(network, addr); err == nil {
			nc.Close()
			t.Error("it still listens")
		}
		// Later calls find the engine ended.
		if err := r.engine.Shutdown(context.Background()); err != nil {
			t.Errorf("a later Shutdown: %v", err)
		}
	})
}

// A handler with OnShutdown ends its connection in its own time.
func TestOnShutdownDecides(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	asked := make(chan struct{}, 1)
	ln := r.listen(r.always(hooks{
		data: func(c *loop.Conn, in []byte) (int, error) {
			if string(in) == "done" {
				return len(in), c.Close()
			}
			return c.Write(in)
		},
		shutdown: func(c *loop.Conn) { asked <- struct{}{} },
	}))
	c := r.dial(ln)
	c.echoes()
	var ends sync.WaitGroup
	for range 3 { // several at once ask once
		ends.Go(func() {
			if err := r.engine.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
	take(t, "OnShutdown", asked)
	c.echoes()
	select {
	case err := <-r.ran:
		t.Fatalf("Run returned %v with a connection open", err)
	default:
	}
	c.send([]byte("done"))
	c.expectEnd()
	c.Close()
	ends.Wait()
	if len(asked) > 0 {
		t.Error("OnShutdown is called twice")
	}
}

// When ctx ends first, the rest is ended at once, and the error is ctx's.
func TestShutdownGivesUpWithItsContext(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	c := r.dial(r.listen(r.always(hooks{
		data:     echo,
		shutdown: func(*loop.Conn) { cancel() }, // it will not end by itself
		close:    func(_ *loop.Conn, err error) { causes <- err },
	})))
	c.echoes()
	if err := r.engine.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want context.Canceled", err)
	}
	if err := take(t, "OnClose", causes); !errors.Is(err, net.ErrClosed) {
		t.Errorf("OnClose heard %v, want net.ErrClosed", err)
	}
}

// An engine that never ran ends too, and leaves nothing.
func TestEndWithoutRun(t *testing.T) {
	ends := map[string]func(*loop.Engine) error{
		"Close":    (*loop.Engine).Close,
		"Shutdown": func(e *loop.Engine) error { return e.Shutdown(context.Background()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			before := openDescriptors()
			e, err := loop.New(loop.Config{Loops: 3})
			if err != nil {
				t.Fatal(err)
			}
			ln, err := e.Listen(loop.ListenConfig{Balance: loop.ReusePort}, "tcp", "127.0.0.1:0", loop.HandlerFunc(echo).Protocol())
			if err != nil {
				t.Fatal(err)
			}
			ran := new(counter)
			for _, l := range e.Loops() {
				if err := l.Post(ran.more); err != nil {
					t.Fatal(err)
				}
			}
			failed := make(chan error, 1)
			err = e.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), loop.HandlerFunc(echo).Protocol(),
				func(_ *loop.Conn, err error) { failed <- err })
			if err != nil {
				t.Fatal(err)
			}
			if err := end(e); err != nil {
				t.Fatal(err)
			}
			expectDescriptors(t, before)
			if ran.Load() != 3 {
				t.Errorf("%d of 3 accepted tasks ran", ran.Load())
			}
			if err := take(t, "the dial", failed); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the dial ended with %v, want net.ErrClosed", err)
			}
			if err := e.Close(); err != nil {
				t.Errorf("a later Close: %v", err)
			}
			if err := e.Run(context.Background()); name == "Close" && !errors.Is(err, net.ErrClosed) {
				t.Errorf("Run after Close: %v, want net.ErrClosed", err)
			}
		})
	}
}

func TestRunTwice(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	do(t, r.engine.Loops()[0], func() {})
	if err := r.engine.Run(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the second Run: %v, want net.ErrClosed", err)
	}
	r.stop()
	if err := r.engine.Run(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run after the end: %v, want net.ErrClosed", err)
	}
}

// The engine can be ended from its own callbacks.
func TestCloseFromACallback(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	c := r.dial(r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		return len(in), c.Loop().Engine().Close()
	}})))
	c.send([]byte("x"))
	r.wait()
}

// After the end everything says so, and nothing is begun (hazard 42).
func TestAfterTheEnd(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ref, _ := refTo(r, hooks{})
	r.stop()
	p := r.always(hooks{})
	if _, err := ref.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Write: %v", err)
	}
	if err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", "127.0.0.1:1", p, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial: %v", err)
	}
	nc, _ := tcpPair(t)
	if err := r.engine.Adopt(nc, p); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Adopt: %v", err)
	}
	if _, err := nc.Write([]byte("x")); err != nil {
		t.Errorf("the connection that was not adopted: %v", err)
	}
	if s := r.engine.Stats(); s.Conns != 0 {
		t.Errorf("%d connections are counted", s.Conns)
	}
}

// What is counted adds up, whatever became of the connections.
func TestStatsAddUp(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 3})
	if len(r.engine.Loops()) != 3 {
		t.Fatalf("%d loops", len(r.engine.Loops()))
	}
	ln := r.listenOn(loop.ListenConfig{Balance: loop.LeastConns}, "tcp", "127.0.0.1:0", r.always(hooks{data: echo}))
	refuse := r.listen(func(*loop.Conn) loop.Handler { return nil })
	for i := range 20 {
		c := r.dial(ln)
		c.echoes()
		if i%2 == 0 {
			c.reset()
		}
		r.dial(refuse).expectEnd()
	}
	for range 5 {
		if out := take(t, "a dial", r.dialing(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(hooks{}))); out.err != nil {
			t.Fatal(out.err)
		}
		nc, _ := tcpPair(t)
		if err := r.engine.Adopt(nc, r.always(hooks{})); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the resets are seen", func() bool { return r.engine.Stats().Conns == 10+5+5+5 })
	r.stop()
	s := r.engine.Stats()
	if s.Accepted != 45 || s.Dialed != 5 || s.Adopted != 5 || s.Closed != 55 || s.Conns != 0 || s.QueuedBytes != 0 {
		t.Errorf("%+v", s)
	}
	want := uint64(20 * len("are you there?"))
	if s.BytesIn != want || s.BytesOut != want || s.Receives < 20 || s.Sends < 20 || s.Turns == 0 || s.Tasks == 0 {
		t.Errorf("%+v, want %d bytes each way", s, want)
	}
}

// A bad Config is refused with every reason, and leaves nothing.
func TestConfigIsChecked(t *testing.T) {
	before := openDescriptors()
	for field, cfg := range map[string]loop.Config{
		"Loops": {Loops: -1}, "MaxConns": {MaxConns: -1}, "MaxInbound": {MaxInbound: -1}, "MaxPending": {MaxPending: -1},
		"LowMark": {LowMark: 100, HighMark: 50}, "HighMark": {HighMark: 100, MaxPending: 50}, "ReadBuffer": {ReadBuffer: 2 << 20},
		"ReadBudget": {ReadBudget: -1}, "MaxTasks": {MaxTasks: -1}, "MaxTaskBytes": {MaxTaskBytes: -1},
		"MaxIdleBlocks": {MaxIdleBlocks: -1}, "FlushTimeout": {FlushTimeout: -1}, "LingerTimeout": {LingerTimeout: -1},
		"Spin": {Spin: -1}, "negative HighMark": {HighMark: -1}, "negative LowMark": {LowMark: -1},
	} {
		e, err := loop.New(cfg)
		if err == nil {
			e.Close()
			t.Errorf("%s: New succeeds", field)
			continue
		}
		if e != nil || !errors.Is(err, os.ErrInvalid) || !strings.Contains(err.Error(), strings.TrimPrefix(field, "negative ")) {
			t.Errorf("%s: %v, want os.ErrInvalid with the field's name", field, err)
		}
	}
	_, err := loop.New(loop.Config{Loops: -1, MaxConns: -1})
	if err == nil || !strings.Contains(err.Error(), "Loops") || !strings.Contains(err.Error(), "MaxConns") {
		t.Errorf("two bad fields: %v, want both named", err)
	}
	e, err := loop.New(loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.Loops()); n != runtime.GOMAXPROCS(0) {
		t.Errorf("the zero Config gives %d loops", n)
	}
	e.Close()
	expectDescriptors(t, before)
}

// The smallest numbers work as well: slowly, and right.
func TestTinyConfig(t *testing.T) {
	r := newRig(t, loop.Config{
		Loops: 1, MaxConns: 1, MaxInbound: 1, MaxPending: 1, HighMark: 1, ReadBuffer: 1, ReadBudget: 1,
		MaxTasks: 1, MaxTaskBytes: 1, MaxIdleBlocks: 1, FlushTimeout: time.Nanosecond, LingerTimeout: time.Nanosecond,
	})
	c := r.dial(r.listen(r.always(hooks{data: echo})))
	for range 3 {
		c.echoes()
	}
}

// Spinning before blocking changes nothing but the latency.
func TestSpin(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2, Spin: 100 * time.Microsecond})
	c := r.dial(r.listen(r.always(hooks{data: echo})))
	fired := make(chan struct{})
	l := r.engine.Loops()[0]
	do(t, l, func() { l.AfterFunc(time.Millisecond, func() { close(fired) }) })
	for range 20 {
		c.echoes()
	}
	take(t, "a timer", fired)
	if s := r.engine.Stats(); s.Spun <= 0 {
		t.Errorf("nothing spun: %+v", s)
	}
}

// A loop that polls without blocking hears all that is asked of it (hazard 21):
// the poll that finds nothing must not take the wake-up with it.
func TestASpinningLoopHearsTheEnd(t *testing.T) {
	ends := map[string]func(*loop.Engine){
		"Close":    func(e *loop.Engine) { e.Close() },
		"Shutdown": func(e *loop.Engine) { _ = e.Shutdown(context.Background()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				r := newRig(t, loop.Config{Loops: 1, Spin: patience})
				for range 5 {
					do(t, r.engine.Loops()[0], func() {})
				}
				end(r.engine)
				r.wait()
			}
		})
	}
}

// The same without Spin: a busy loop polls once before it blocks.
func TestABusyLoopHearsTheEnd(t *testing.T) {
	for range 50 {
		r := newRig(t, loop.Config{Loops: 1})
		ln := r.listen(r.always(hooks{data: echo}))
		var clients []*client
		for range 4 {
			clients = append(clients, r.dial(ln))
		}
		for range 10 {
			release := hold(t, r.engine.Loops()[0])
			for _, c := range clients {
				c.send([]byte("x")) // several events in one wait
			}
			release()
			for _, c := range clients[1:] {
				c.expect("x")
			}
			clients[0].expect("x")
		}
		r.stop()
		if s := r.engine.Stats(); s.Spun != 0 {
			t.Errorf("spun for %v unasked", s.Spun)
		}
		for _, c := range clients {
			c.Close()
		}
	}
}

// While the engine ends, nothing is begun any more.
func TestNothingBeginsWhileShuttingDown(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	asked := make(chan struct{})
	ref, c := refTo(r, hooks{data: echo, shutdown: func(*loop.Conn) { close(asked) }})
	done := make(chan error, 1)
	go func() { done <- r.engine.Shutdown(context.Background()) }()
	take(t, "OnShutdown", asked)
	if _, err := r.engine.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", r.always(hooks{})); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen: %v, want net.ErrClosed", err)
	}
	nc, _ := tcpPair(t)
	if err := r.engine.Adopt(nc, r.always(hooks{})); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Adopt: %v, want net.ErrClosed", err)
	}
	c.echoes()
	if err := ref.Close(); err != nil {
		t.Error(err)
	}
	c.expectEnd()
	c.Close()
	if err := take(t, "Shutdown", done); err != nil {
		t.Error(err)
	}
}

// Nil functions and handlers are errors where they are given, not panics later.
func TestNilIsRefused(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	causes := make(chan error, 1)
	ref, c := refTo(r, hooks{close: func(_ *loop.Conn, err error) { causes <- err }})
	if err := l.Post(nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("Post(nil): %v", err)
	}
	if err := ref.Do(nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("Do(nil): %v", err)
	}
	do(t, l, func() {
		if _, err := l.Every(time.Second, nil); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("Every(nil): %v", err)
		}
	})
	if err := ref.Do(func(c *loop.Conn) { c.SetHandler(nil) }); err != nil {
		t.Fatal(err)
	}
	c.expectEnd()
	c.Close()
	if err := take(t, "OnClose", causes); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("OnClose heard %v, want os.ErrInvalid", err)
	}
	if n := r.engine.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// A Spin without an end that the clock could reach is one, and none of no time.
func TestSpinForEver(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, Spin: math.MaxInt64})
	l := r.engine.Loops()[0]
	until(t, "it spins", func() bool {
		turn(t, l)
		return r.engine.Stats().Spun > 0
	})
}
