//go:build unix

package loop_test

// Callbacks that panic, or end their goroutine: each ends what it belongs to and
// nothing else (hazard 39).

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

var errTest = errors.New("the panic of a test")

// crashes are the ways in which a callback ends that is not returning.
var crashes = map[string]func(){
	"panic":         func() { panic(errTest) },
	"nil panic":     func() { panic(nil) },
	"runtime error": func() { var p *int; *p = 1 },
	"Goexit":        runtime.Goexit,
}

// Each callback of a connection ends it with ErrPanic, a reset, and one OnClose
// if it had a handler.
func TestAPanicEndsItsConnection(t *testing.T) {
	callbacks := map[string]struct {
		set  func(h *hooks, crash func())
		lead func(r *rig, c *client)
	}{
		"OnOpen": {set: func(h *hooks, crash func()) {
			h.open = func(*loop.Conn) error { crash(); return nil }
		}},
		"OnData": {set: func(h *hooks, crash func()) {
			h.data = func(c *loop.Conn, in []byte) (int, error) { _, _ = c.WriteString("lost"); crash(); return 0, nil }
		}},
		"OnEOF": {
			set:  func(h *hooks, crash func()) { h.eof = func(*loop.Conn) { crash() } },
			lead: func(_ *rig, c *client) { c.finish() },
		},
		"OnDrain": {
			set: func(h *hooks, crash func()) {
				h.open = func(c *loop.Conn) error { _, err := c.Write(make([]byte, 100)); return err }
				h.drain = func(*loop.Conn) { crash() }
			},
		},
		"OnTimeout": {set: func(h *hooks, crash func()) {
			h.open = func(c *loop.Conn) error { c.SetReadDeadline(time.Now()); return nil }
			h.timeout = func(*loop.Conn, loop.Deadline) error { crash(); return nil }
		}},
		"Ref.Do": {set: func(h *hooks, crash func()) {
			h.open = func(c *loop.Conn) error { return c.Ref().Do(func(*loop.Conn) { crash() }) }
		}},
	}
	for callback, cb := range callbacks {
		for kind, crash := range crashes {
			t.Run(callback+" "+kind, func(t *testing.T) {
				r := newRig(t, loop.Config{Loops: 1, HighMark: 10})
				causes := make(chan error, 1)
				h := hooks{close: func(_ *loop.Conn, err error) { causes <- err }}
				cb.set(&h, crash)
				witness := r.dial(r.listen(r.always(hooks{data: echo})))
				witness.echoes()
				c := r.dialDoomed(r.listen(r.always(h)))
				if callback == "OnData" {
					c.send([]byte("x"))
				}
				if cb.lead != nil {
					cb.lead(r, c)
				}
				err := take(t, "OnClose", causes)
				var p *loop.PanicError
				if !errors.Is(err, loop.ErrPanic) || !errors.As(err, &p) || !strings.Contains(string(p.Stack), "goroutine") {
					t.Errorf("OnClose heard %v, want a PanicError with its stack", err)
				}
				if kind == "panic" && !errors.Is(err, errTest) {
					t.Errorf("the panic's value is not to be matched in %v", err)
				}
				c.expectReset()
				witness.echoes()
				r.stop()
				if s := r.engine.Stats(); s.Panics != 1 || s.Conns != 0 {
					t.Errorf("%d panics, %d connections; want 1, 0", s.Panics, s.Conns)
				}
			})
		}
	}
}

// A Protocol that panics has made no handler: there is nobody to tell.
func TestAPanicInProtocol(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			c := r.dialDoomed(r.listen(func(*loop.Conn) loop.Handler { crash(); return nil }))
			c.expectReset()
			r.dial(r.listen(r.always(hooks{data: echo}))).echoes()
		})
	}
}

// A panic in OnClose, the last of the engine's too, is counted and leaves nothing.
func TestEveryPanicIsCounted(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2})
			ln := r.listen(r.always(hooks{data: echo, close: func(*loop.Conn, error) { crash() }}))
			leaver := r.dial(ln)
			leaver.echoes()
			leaver.Close()
			for range 10 {
				r.dial(ln).echoes()
			}
			until(t, "one has left", func() bool { return r.engine.Stats().Closed == 1 })
			r.stop()
			if s := r.engine.Stats(); s.Panics != 11 || s.Closed != 11 || s.Conns != 0 {
				t.Errorf("%d panics, %d closed, %d open; want 11, 11, 0", s.Panics, s.Closed, s.Conns)
			}
		})
	}
}

// Tasks and timers that panic end nothing, an Every ends itself, a registration
// too; what was due beside them still comes.
func TestPanicsThatAreNoConnections(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			l := r.engine.Loops()[0]
			a, b := pair(t)
			witness := r.dial(r.listen(r.always(hooks{data: echo})))
			witness.echoes()
			release := hold(t, l)
			ran := new(counter)
			for range 5 {
				for _, f := range []func(){crash, ran.more} {
					if err := l.Post(f); err != nil {
						t.Fatal(err)
					}
				}
			}
			release()
			do(t, l, func() {
				for range 5 {
					l.AfterFunc(1, crash)
					l.AfterFunc(1, ran.more)
				}
				if _, err := l.Every(1, crash); err != nil {
					t.Error(err)
				}
				if _, err := l.Register(a.FD(), poller.Read, func(poller.Event) { crash() }); err != nil {
					t.Error(err)
				}
			})
			if _, err := b.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			until(t, "all have panicked", func() bool { return r.engine.Stats().Panics == 12 })
			witness.echoes()
			later := make(chan struct{})
			do(t, l, func() { l.AfterFunc(5*time.Millisecond, func() { close(later) }) })
			take(t, "a later timer", later)
			turn(t, l)
			if n := r.engine.Stats().Panics; n != 12 {
				t.Errorf("%d panics: the Every or the registration goes on", n)
			}
			if ran.Load() != 10 {
				t.Errorf("%d of 10 others ran", ran.Load())
			}
		})
	}
}

// done of a dial has its one call, also when OnOpen panics; its own panic ends
// the connection it was given.
func TestPanicsAroundADial(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			ln := r.listen(r.always(hooks{data: echo}))
			for name, p := range map[string]loop.Protocol{
				"OnOpen":   r.always(hooks{open: func(*loop.Conn) error { crash(); return nil }}),
				"Protocol": func(*loop.Conn) loop.Handler { crash(); return nil },
			} {
				out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), p))
				if !errors.Is(out.err, loop.ErrPanic) {
					t.Errorf("with a panic in %s the dial ended with %v, want ErrPanic", name, out.err)
				}
			}
			causes := make(chan error, 1)
			calls := new(counter)
			dial := func(address string) {
				err := r.engine.Dial(context.Background(), loop.DialConfig{Timeout: time.Millisecond}, "tcp", address,
					r.always(hooks{close: func(_ *loop.Conn, err error) { causes <- err }}),
					func(*loop.Conn, error) { calls.more(); crash() })
				if err != nil {
					t.Fatal(err)
				}
			}
			dial(silentAddress(t))
			until(t, "it has timed out", func() bool { return calls.Load() == 1 })
			err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(),
				r.always(hooks{close: func(_ *loop.Conn, err error) { causes <- err }}),
				func(*loop.Conn, error) { calls.more(); crash() })
			if err != nil {
				t.Fatal(err)
			}
			if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrPanic) {
				t.Errorf("OnClose heard %v, want ErrPanic", err)
			}
			if calls.Load() != 2 {
				t.Errorf("done was called %d times for 2 dials", calls.Load())
			}
			r.dial(ln).echoes()
		})
	}
}

// A panic in the middle of a batch does not lose the rest of it: events of other
// connections, of a listener, of a dial in progress and of a raw registration. Edges
// come only once.
func TestAPanicLosesNothingOfTheBatch(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			l := r.engine.Loops()[0]
			b := &crashed{t: t, turns: make(map[time.Time]int)}
			ln := r.listen(r.always(hooks{
				open: func(*loop.Conn) error { b.here(l); return nil },
				data: func(c *loop.Conn, in []byte) (int, error) { b.here(l); return c.Write(in) },
			}))
			bad := r.listen(r.always(hooks{data: func(*loop.Conn, []byte) (int, error) { b.here(l); crash(); return 0, nil }}))
			var good, doomed []*client
			for range 10 {
				good, doomed = append(good, r.dial(ln)), append(doomed, r.dial(bad))
			}
			until(t, "all are up", func() bool { return r.engine.Stats().Accepted == 20 })
			near, far := pair(t)
			told := make(chan poller.Event, 1)
			registered(t, l, near.FD(), poller.Read|poller.Edge, func(ev poller.Event) { b.here(l); told <- ev })
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()

			// In one batch of tasks the loop is held, begins to dial and is held again:
			// the dial's event comes after those of the first half.
			release := hold(t, l)
			reached, first := holdNext(t, l)
			dialed := r.dialing(context.Background(), loop.DialConfig{}, "tcp", silent.Addr().String(),
				r.always(hooks{open: func(*loop.Conn) error { b.here(l); return nil }}))
			again, second := holdNext(t, l)
			release()
			take(t, "the loop to be held again", reached)
			clear(b.turns)
			send := func(i int) {
				doomed[i].send([]byte("x"))
				good[i].send([]byte("y"))
			}
			for i := range 5 {
				send(i)
			}
			first()
			take(t, "the dial to be under way", again)
			newcomer := r.dial(ln)
			if _, err := far.Write([]byte("z")); err != nil {
				t.Fatal(err)
			}
			for i := 5; i < 10; i++ {
				send(i)
			}
			second()

			for i := range good {
				good[i].expect("y")
				doomed[i].expectReset()
			}
			if out := take(t, "the outcome of the dial", dialed); out.err != nil {
				t.Error(out.err)
			}
			take(t, "the registration's event", told)
			do(t, l, func() {
				if len(b.turns) != 1 {
					t.Errorf("the events came in %d batches: the test is none of one", len(b.turns))
				}
			})
			newcomer.echoes()
		})
	}
}

// crashed is a batch in which callbacks panic. It is the loop's.
type crashed struct {
	t     *testing.T
	turns map[time.Time]int // how many callbacks came in each turn
}

// here notes a callback.
func (b *crashed) here(l *loop.Loop) { b.turns[l.Now()]++ }

// holdNext is hold for a loop that is held already: it does not wait for its turn.
func holdNext(t *testing.T, l *loop.Loop) (reached <-chan struct{}, release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	if err := l.Post(func() { close(held); <-free }); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	return held, release
}

// A panic in OnShutdown keeps nobody else from being asked, and nobody is asked
// twice, whether they close at once or when they have nothing more to say.
func TestAPanicInOnShutdown(t *testing.T) {
	for kind, crash := range crashes {
		for _, closes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, closes at once: %v", kind, closes), func(t *testing.T) {
				r := newRig(t, loop.Config{Loops: 1})
				asked := new(counter)
				ln := r.listen(r.always(hooks{data: echo, shutdown: func(c *loop.Conn) {
					if asked.Add(1)%3 == 0 {
						crash()
					}
					if closes {
						c.Close()
					}
				}}))
				clients := make([]*client, 10)
				for i := range clients {
					clients[i] = r.dial(ln)
					clients[i].echoes()
				}
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- r.engine.Shutdown(ctx) }()
				until(t, "all are asked", func() bool { return asked.Load() >= 10 })
				for _, c := range clients {
					c.Close()
				}
				if err := take(t, "the end of Shutdown", ended); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				if asked.Load() != 10 {
					t.Errorf("%d of 10 connections were asked", asked.Load())
				}
				if s := r.engine.Stats(); s.Panics != 3 || s.Closed != 10 {
					t.Errorf("%d panics, %d closed; want 3, 10", s.Panics, s.Closed)
				}
			})
		}
	}
}

func TestPanicError(t *testing.T) {
	plain := &loop.PanicError{Value: "boom"}
	if !errors.Is(plain, loop.ErrPanic) || !strings.Contains(plain.Error(), "boom") {
		t.Errorf("%v", plain)
	}
	wrapped := &loop.PanicError{Value: net.ErrClosed}
	if !errors.Is(wrapped, loop.ErrPanic) || !errors.Is(wrapped, net.ErrClosed) {
		t.Errorf("%v", wrapped)
	}
}

// A task that posts itself again and then panics keeps neither the loop's events
// nor its end waiting.
func TestARepostingTaskThatPanicsStarvesNobody(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			l := r.engine.Loops()[0]
			c := r.dial(r.listen(r.always(hooks{data: echo})))
			var again func()
			again = func() {
				if l.Post(again) == nil {
					crash()
				}
			}
			if err := l.Post(again); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				c.echoes()
			}
		})
	}
}

// A Protocol that panics has made no handler, whatever it set before.
func TestAProtocolThatPanicsMadeNoHandler(t *testing.T) {
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			c := r.dialDoomed(r.listen(func(c *loop.Conn) loop.Handler {
				c.SetHandler(unheard{t})
				crash()
				return nil
			}))
			c.expectReset()
		})
	}
}

// exits is an slog.Handler that ends the goroutine that logs, as one does that calls
// testing.T.FailNow.
type exits struct{ slog.Handler }

func (exits) Enabled(context.Context, slog.Level) bool { return true }

func (exits) Handle(context.Context, slog.Record) error {
	runtime.Goexit()
	return nil
}

// A Logger that ends the goroutine costs no loop, and nothing of what it was to hear of.
func TestALoggerThatCallsGoexit(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxConns: 1, Logger: slog.New(exits{})})
	ln := r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		if string(in) == "panic" {
			panic(errTest)
		}
		return c.Write(in)
	}}))
	first := r.dial(ln)
	first.echoes()
	second := r.dial(ln)
	until(t, "accepting pauses, which is logged", func() bool { return r.engine.Stats().AcceptPauses > 0 })
	first.send([]byte("panic"))
	first.expectReset()
	second.echoes()
}
