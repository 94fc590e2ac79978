//go:build unix

package loop_test

// The contract, clause by clause: the tests that docs/contract.md names.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// Random traffic comes back as it was sent: several loops, pieces of 1 B to
// 1 MiB, slow readers, half-closes.
func TestC1NoByteIsLostDuplicatedOrReordered(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 3})
		ln := listen(r, r.always(hooks{data: echo}))
		var parts []func() error
		for i := range 9 {
			c := r.dial(ln)
			total := []int{1, 4 << 10, 8 << 20}[i%3]
			parts = append(parts,
				func() error { return c.sendLedger(rand.New(rand.NewPCG(1, uint64(i))), 1000*i, total) },
				func() error { return c.receiveLedger(rand.New(rand.NewPCG(2, uint64(i))), 1000*i, total, i%2 == 0) })
		}
		all(t, parts...)
		r.stop()
		if s := r.engine.Stats(); s.BytesIn != s.BytesOut || s.BytesIn != 3*(1+4<<10+8<<20) {
			t.Errorf("%d bytes came in, %d went out", s.BytesIn, s.BytesOut)
		}
	})
}

// source writes total bytes of a ledger at the pace of its peer and then ends
// its output. Its input is another ledger.
type source struct {
	out, in ledger
	left    int
	rng     *rand.Rand
	buf     []byte
}

func (s *source) pump(c *loop.Conn) error {
	for s.left > 0 && c.Buffered() <= loop.DefaultHighMark {
		p := s.buf[:min(s.left, pieceSize(s.rng))]
		s.out.fill(p)
		s.left -= len(p)
		if _, err := s.write(c, p); err != nil {
			return err
		}
	}
	if s.left == 0 {
		s.left = -1
		return c.CloseWrite()
	}
	return nil
}

// write uses one way of writing or another.
func (s *source) write(c *loop.Conn, p []byte) (int, error) {
	switch s.rng.IntN(3) {
	case 0:
		return c.WriteString(string(p))
	case 1:
		k := s.rng.IntN(len(p) + 1)
		return c.Writev([][]byte{p[:k], nil, p[k:]})
	}
	return c.Write(p)
}

// Both directions carry bytes of their own at the same time, each at its own
// pace, and each ends by itself.
func TestC1BothDirectionsAtOnce(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 2})
		const down, up = 5 << 20, 3 << 20
		ln := listen(r, r.protocol(func(c *loop.Conn) hooks {
			s := &source{out: 7, in: 5, left: down, rng: rand.New(rand.NewPCG(3, 3)), buf: make([]byte, 1<<20)}
			return hooks{
				open: s.pump,
				data: func(c *loop.Conn, in []byte) (int, error) {
					n := 1 + s.rng.IntN(len(in)) // as if messages were cut off
					return n, s.in.check(in[:n])
				},
				drain: func(c *loop.Conn) {
					if s.left < 0 {
						return
					}
					if err := s.pump(c); err != nil {
						t.Error(err)
					}
				},
				eof: func(*loop.Conn) {},
				close: func(c *loop.Conn, err error) {
					if err != nil || s.in != 5+up {
						t.Errorf("the connection ended with %v after %d of %d bytes", err, s.in-5, up)
					}
				},
			}
		}))
		var parts []func() error
		for i := range 4 {
			c := r.dial(ln)
			parts = append(parts,
				func() error { return c.sendLedger(rand.New(rand.NewPCG(4, uint64(i))), 5, up) },
				func() error { return c.receiveLedger(rand.New(rand.NewPCG(5, uint64(i))), 7, down, i%2 == 0) })
		}
		all(t, parts...)
		until(t, "the connections have ended by themselves", func() bool { return r.engine.Stats().Conns == 0 })
	})
}

// However a connection ends, its callbacks come in order: the watcher of every
// handler checks.
func TestC2CallbacksComeInOrder(t *testing.T) {
	endings := []func(c *loop.Conn, in []byte) (int, error){
		echo,
		func(c *loop.Conn, in []byte) (int, error) { return len(in), c.Close() },
		func(c *loop.Conn, in []byte) (int, error) { c.Abort(); return len(in), nil },
		func(c *loop.Conn, in []byte) (int, error) { return len(in), errors.New("no") },
		func(c *loop.Conn, in []byte) (int, error) { panic("test") },
		func(c *loop.Conn, in []byte) (int, error) { return len(in) + 1, nil },
		func(c *loop.Conn, in []byte) (int, error) { return len(in), c.CloseWrite() },
		func(c *loop.Conn, in []byte) (int, error) {
			s, _, err := c.Detach()
			if err == nil {
				s.Close()
			}
			return 0, err
		},
		func(c *loop.Conn, in []byte) (int, error) {
			c.SetReadDeadline(time.Now())
			return len(in), nil
		},
	}
	r := newRig(t, loop.Config{Loops: 2, LingerTimeout: time.Millisecond})
	var clients []*client
	for _, ending := range endings {
		for _, eof := range []func(*loop.Conn){nil, func(*loop.Conn) {}, func(c *loop.Conn) { c.Close() }} {
			ln := r.listen(r.always(hooks{data: ending, eof: eof}))
			for _, leave := range []func(*client){
				func(c *client) { _ = c.Conn.(*net.TCPConn).CloseWrite() }, // it may be over already
				(*client).reset,
				func(c *client) { c.Close() },
				func(*client) {},
			} {
				c := r.dial(ln)
				clients = append(clients, c)
				c.send([]byte("x"))
				leave(c)
			}
		}
	}
	until(t, "every connection was accepted", func() bool {
		return r.engine.Stats().Accepted == uint64(len(clients))
	})
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.watchers) != len(clients) {
		t.Fatalf("%d handlers for %d connections", len(r.watchers), len(clients))
	}
	for _, w := range r.watchers {
		if !w.opened {
			t.Error("a handler has not heard OnOpen")
		}
	}
}

// Input that came together with its end, more than any budget, is all offered
// before the end is told (hazards 11, 12 and 23).
func TestC3AllInputIsOfferedBeforeTheEnd(t *testing.T) {
	cfg := loop.Config{Loops: 1, ReadBuffer: 1000, ReadBudget: 3000}
	const total = 100_000
	for _, c := range []struct {
		name  string
		eof   bool
		leave func(*client)
	}{
		{"OnEOF", true, (*client).finish},
		{"OnClose", false, (*client).finish},
		{"OnClose after close", false, func(c *client) { c.Close() }},
		{"OnClose after reset", false, (*client).reset},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, cfg)
			var in ledger
			told := make(chan ledger, 1)
			h := hooks{
				data: func(c *loop.Conn, p []byte) (int, error) {
					n := (len(p) + 1) / 2
					return n, in.check(p[:n])
				},
				close: func(*loop.Conn, error) {
					if !c.eof {
						told <- in
					}
				},
			}
			if c.eof {
				h.eof = func(c *loop.Conn) { told <- in; c.Close() }
			}
			ln := r.listen(r.always(h))
			client := r.dial(ln)
			until(t, "the connection is up", func() bool { return r.engine.Stats().Accepted == 1 })
			release := hold(t, r.engine.Loops()[0])
			client.send(record(0, total))
			c.leave(client)
			release()
			if got := take(t, "the end", told); got != total {
				t.Fatalf("the end was told after %d of %d bytes", got, total)
			}
		})
	}
}

// A connection's memory is bounded in both directions, and so is what other
// goroutines may queue, whatever the peers do (hazard 32).
func TestC4MemoryIsBounded(t *testing.T) {
	cfg := loop.Config{Loops: 1, MaxInbound: 64 << 10, MaxPending: 128 << 10, HighMark: 32 << 10, MaxTasks: 100, MaxTaskBytes: 10_000, LingerTimeout: time.Millisecond}
	r := newRig(t, cfg)
	l := r.engine.Loops()[0]

	causes := make(chan error, 10)
	hoarder := r.listen(r.always(hooks{
		data:  func(c *loop.Conn, in []byte) (int, error) { return 0, nil },
		close: func(c *loop.Conn, err error) { causes <- err },
	}))
	for range 10 {
		c := r.dial(hoarder)
		go func() {
			// It ends with a reset, since nobody takes the bytes.
			_, _ = c.Write(make([]byte, 10<<20))
		}()
	}
	for range 10 {
		if err := take(t, "the end of a handler that never consumes", causes); !errors.Is(err, loop.ErrMaxInbound) {
			t.Errorf("OnClose heard %v, want ErrMaxInbound", err)
		}
	}

	refused := make(chan int, 1)
	flooder := r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		for {
			if _, err := c.Write(make([]byte, 5000)); err != nil {
				if err != loop.ErrBackpressure {
					return err
				}
				refused <- c.Buffered()
				return nil
			}
		}
	}}))
	r.dial(flooder)
	if n := take(t, "the refusal", refused); n > cfg.MaxPending {
		t.Errorf("%d bytes are pending, MaxPending is %d", n, cfg.MaxPending)
	}
	// Blocks are larger than what is in them, but by no more than its size.
	if n := r.engine.Stats().QueuedBytes; n > int64(10*2*cfg.MaxInbound+2*cfg.MaxPending) {
		t.Errorf("%d bytes of buffers are in use", n)
	}

	release := hold(t, l)
	posted := 0
	for ; posted <= cfg.MaxTasks; posted++ {
		if err := l.Post(func() {}); err != nil {
			if err != loop.ErrBackpressure {
				t.Errorf("Post: %v", err)
			}
			break
		}
	}
	if posted > cfg.MaxTasks {
		t.Errorf("%d tasks were taken, MaxTasks is %d", posted, cfg.MaxTasks)
	}
	release()
}

// A handler that panics, a peer at line rate, a peer that does not read, and
// one that hoards: none of them costs another connection its service.
func TestC5AFaultStaysWithItsConnection(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	good := r.dial(r.listen(r.always(hooks{data: echo})))
	panicker := r.listen(r.always(hooks{data: func(*loop.Conn, []byte) (int, error) { panic("test") }}))
	hoarder := r.listen(r.always(hooks{data: func(*loop.Conn, []byte) (int, error) { return 0, nil }}))
	deaf := r.dial(r.listen(r.always(hooks{data: echo})))
	flood := r.dial(r.listen(r.always(hooks{})))

	var flooding sync.WaitGroup
	for _, c := range []*client{deaf, flood} {
		flooding.Go(func() {
			p := make([]byte, 64<<10)
			for {
				if _, err := c.Write(p); err != nil {
					return // closed below
				}
			}
		})
	}
	for range 50 {
		p, h := r.dial(panicker), r.dial(hoarder)
		p.send([]byte("x"))
		h.send([]byte("x"))
		good.echoes()
		p.expectReset()
		h.Close()
	}
	deaf.Close()
	flood.Close()
	flooding.Wait()
	good.echoes()
	if n := r.engine.Stats().Panics; n != 50 {
		t.Errorf("%d panics are counted, want 50", n)
	}
}

// However much one connection has to read, the next one is served after a
// budget's worth of it (hazard 34).
func TestC5OneConnectionDoesNotStarveAnother(t *testing.T) {
	const budget = 8 << 10
	r := newRig(t, loop.Config{Loops: 1, ReadBuffer: 2 << 10, ReadBudget: budget})
	flooded := 0 // the loop's
	served := make(chan int, 1)
	flood := r.dial(r.listenUnix(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		flooded += len(in)
		return len(in), nil
	}})))
	small := r.dial(r.listenUnix(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		served <- flooded
		return len(in), nil
	}})))
	until(t, "the connections are up", func() bool { return r.engine.Stats().Accepted == 2 })
	release := hold(t, r.engine.Loops()[0])
	flood.send(make([]byte, 100<<10)) // unix sockets buffer more than that
	small.send([]byte("x"))
	release()
	if n := take(t, "the small message", served); n > 3*budget {
		t.Errorf("%d bytes of another connection went first, the budget is %d", n, budget)
	}
}

// Run returns nil after every kind of requested stop, and not before.
func TestC6RunEndsOnlyWhenAsked(t *testing.T) {
	stops := map[string]func(e *loop.Engine, cancel func()){
		"Close":    func(e *loop.Engine, _ func()) { e.Close() },
		"context":  func(_ *loop.Engine, cancel func()) { cancel() },
		"Shutdown": func(e *loop.Engine, _ func()) { _ = e.Shutdown(context.Background()) },
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			e, err := loop.New(loop.Config{Loops: 2})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ran := make(chan error, 1)
			go func() { ran <- e.Run(ctx) }()
			ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", loop.HandlerFunc(echo).Protocol())
			if err != nil {
				t.Fatal(err)
			}
			connect(t, ln).echoes()
			select {
			case err := <-ran:
				t.Fatalf("Run returned %v before anybody asked", err)
			default:
			}
			stop(e, cancel)
			if err := take(t, "the end of Run", ran); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

// Connections that are reset while they wait to be accepted, before and after
// they sent something, are nobody else's trouble (hazard 29).
func TestC6ConnectionsThatDieInTheQueue(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	release := hold(t, r.engine.Loops()[0])
	for i := range 20 {
		c := r.dial(ln)
		if i%2 == 0 {
			c.send([]byte("x"))
		}
		c.reset()
	}
	good := r.dial(ln)
	release()
	good.echoes()
}

// Close leaves nothing of anything: connections in every state, listeners,
// dials, timers, registrations, tasks. The rig counts the descriptors.
func TestC7NothingIsLeftAfterClose(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	ln := r.listen(r.always(hooks{data: echo, eof: func(*loop.Conn) {}}))
	r.listenUnix(r.always(hooks{}))
	r.listenOn(loop.ListenConfig{Balance: loop.ReusePort}, "tcp", "127.0.0.1:0", r.always(hooks{}))
	for range 20 {
		r.dial(ln).echoes()
	}
	half := r.dial(ln)
	half.echoes()
	half.finish()
	full := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		c.SetIdleTimeout(time.Hour)
		_, err := c.Write(make([]byte, 4<<20))
		return err
	}})))
	full.expect("\x00")
	outcome := make(chan error, 1)
	err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", silentAddress(t), r.always(hooks{}),
		func(_ *loop.Conn, err error) { outcome <- err })
	if err != nil {
		t.Fatal(err)
	}
	a, b, err := stream.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	for _, l := range r.engine.Loops() {
		do(t, l, func() {
			l.AfterFunc(time.Hour, func() { t.Error("a timer fired at the end") })
			if _, err := l.Every(time.Hour, func() { t.Error("a timer fired at the end") }); err != nil {
				t.Error(err)
			}
			if l.Index() == 1 {
				return
			}
			if _, err := l.Register(a.FD(), poller.Read, func(poller.Event) {}); err != nil {
				t.Error(err)
			}
		})
	}
	r.stop()
	if err := take(t, "the outcome of the dial", outcome); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the dial under way ended with %v", err)
	}
	if n := r.engine.Stats().Conns; n != 0 {
		t.Errorf("%d connections are left", n)
	}
	for _, l := range r.engine.Loops() {
		if err := l.Post(func() { t.Error("a task ran after the end") }); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Post after the end: %v", err)
		}
	}
}

// A handle that was kept too long reaches nobody, although the descriptor's
// number is another connection's by now (hazards 1 and 2).
func TestC8AStaleHandleReachesNobody(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	type opened struct {
		c  *loop.Conn
		fd int
	}
	opens := make(chan opened, 1)
	ended := make(chan error, 1)
	ln := r.listen(r.protocol(func(c *loop.Conn) hooks {
		return hooks{
			open: func(c *loop.Conn) error {
				s, err := c.Stream()
				if err == nil {
					opens <- opened{c, s.FD()}
				}
				return err
			},
			data:  echo,
			close: func(_ *loop.Conn, err error) { ended <- err },
		}
	}))
	first := r.dial(ln)
	stale := take(t, "the first connection", opens)
	ref := stale.c.Ref()
	first.Close()
	take(t, "its end", ended)

	// The lowest free number is given out first, so it comes back soon.
	var heir *client
	for range 100 {
		c := r.dial(ln)
		if take(t, "the next connection", opens).fd == stale.fd {
			heir = c
			break
		}
	}
	if heir == nil {
		t.Fatal("the number did not come back")
	}
	do(t, l, func() {
		c := stale.c
		for name, err := range everyMethod(c) {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s of a connection that is gone: %v", name, err)
			}
		}
		if a := c.LocalAddr(); a.IsValid() {
			t.Errorf("LocalAddr is %v", a)
		}
		if !c.RemoteAddr().IsValid() {
			t.Error("RemoteAddr is forgotten")
		}
	})
	if _, err := ref.Write([]byte("stale")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Write: %v", err)
	}
	if err := ref.Do(func(*loop.Conn) { t.Error("Ref.Do ran") }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Do: %v", err)
	}
	if err := ref.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Close: %v", err)
	}
	turn(t, l)
	heir.echoes()
}

// everyMethod calls all methods of c that do I/O and returns their errors.
func everyMethod(c *loop.Conn) map[string]error {
	errs := make(map[string]error)
	_, errs["Write"] = c.Write([]byte("stale"))
	_, errs["large Write"] = c.Write(make([]byte, 100_000))
	_, errs["WriteString"] = c.WriteString("stale")
	_, errs["Writev"] = c.Writev([][]byte{[]byte("st"), []byte("ale")})
	errs["CloseWrite"] = c.CloseWrite()
	errs["Close"] = c.Close()
	_, errs["Stream"] = c.Stream()
	_, _, errs["Detach"] = c.Detach()
	c.Abort()
	c.Pause()
	c.Resume()
	c.SetReadDeadline(time.Now())
	c.SetWriteDeadline(time.Now())
	c.SetIdleTimeout(1)
	c.SetHandler(c.Handler())
	return errs
}

// A connection that another one's callback ends is silent from then on, even
// with an event in the same batch, and a connection that is accepted in that
// batch gets nothing of it (hazards 1 and 3).
func TestC8ClosingWithinABatch(t *testing.T) {
	for name, end := range map[string]func(*loop.Conn){
		"Abort": (*loop.Conn).Abort,
		"Close": func(c *loop.Conn) { c.Close() },
		"Detach": func(c *loop.Conn) {
			if s, _, err := c.Detach(); err == nil {
				s.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1, LingerTimeout: time.Millisecond})
			l := r.engine.Loops()[0]
			conns := make(map[*loop.Conn]bool) // the loop's: those that live
			victims := r.listen(r.always(hooks{
				open: func(c *loop.Conn) error { conns[c] = true; return nil },
				data: func(c *loop.Conn, in []byte) (int, error) {
					if !conns[c] {
						t.Error("OnData is called for a connection that was ended")
					}
					for other := range conns {
						if other != c {
							delete(conns, other)
							end(other)
						}
					}
					return len(in), nil
				},
			}))
			heirs := r.listen(r.always(hooks{data: echo}))
			for range 20 {
				var old []*client
				for range 5 {
					old = append(old, r.dial(victims))
				}
				until(t, "the connections are up", func() (up bool) {
					do(t, l, func() { up = len(conns) >= 5 })
					return up
				})
				release := hold(t, l)
				for _, c := range old {
					c.send([]byte("victim"))
				}
				heir := r.dial(heirs)
				heir.send([]byte("heir"))
				release()
				heir.expect("heir")
				heir.echoes()
				for _, c := range old {
					c.Close()
				}
			}
		})
	}
}

// Timers do not fire early, by the wall, whatever the turn's clock says.
func TestC9NoTimerFiresEarly(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	const n = 300
	fired := make(chan time.Duration, n)
	do(t, l, func() {
		rng := rand.New(rand.NewPCG(9, 9))
		for range n {
			d := time.Duration(rng.IntN(20_000_000))
			set := time.Now()
			l.AfterFunc(d, func() { fired <- time.Since(set) - d })
		}
	})
	for range n {
		if late := take(t, "a timer", fired); late < 0 {
			t.Errorf("a timer fired %v early", -late)
		}
	}
}

// A clock that was read early in a turn makes nothing early that is set late in
// it.
func TestC9AStaleTurnClockMakesNothingEarly(t *testing.T) {
	const d = 30 * time.Millisecond
	r := newRig(t, loop.Config{Loops: 1})
	silent := silentAddress(t)
	var set time.Time // the loop's
	early := make(chan string, 3)
	expired := func(what string) {
		if took := time.Since(set); took < d {
			early <- fmt.Sprintf("%s expired after %v, not %v", what, took, d)
			return
		}
		early <- ""
	}
	ln := r.listen(r.always(hooks{
		data: func(c *loop.Conn, in []byte) (int, error) {
			l := c.Loop()
			l.Now()
			time.Sleep(2 * d) // a callback that takes its time
			set = time.Now()
			c.SetReadDeadline(set.Add(d))
			l.AfterFunc(d, func() { expired("AfterFunc") })
			return len(in), l.Dial(context.Background(), loop.DialConfig{Timeout: d}, "tcp", silent, r.always(hooks{}),
				func(_ *loop.Conn, err error) {
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("the dial ended with %v", err)
					}
					expired("a dial")
				})
		},
		timeout: func(*loop.Conn, loop.Deadline) error {
			expired("a read deadline")
			return nil
		},
	}))
	r.dial(ln).send([]byte("x"))
	for range 3 {
		if what := take(t, "the expiry", early); what != "" {
			t.Error(what)
		}
	}
}

// A loop that is late calls each timer once: nothing is made up for.
func TestC9ALateLoopFiresEachTimerOnce(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	const period = 2 * time.Millisecond
	var ticks []time.Time // the loop's
	single := 0
	var every *loop.Timer
	do(t, l, func() {
		var err error
		every, err = l.Every(period, func() { ticks = append(ticks, time.Now()) })
		if err != nil {
			t.Error(err)
		}
		l.AfterFunc(period, func() { single++ })
		time.Sleep(20 * period) // the loop is late
	})
	until(t, "the timers fired", func() (enough bool) {
		do(t, l, func() { enough = len(ticks) >= 3 })
		return enough
	})
	do(t, l, func() {
		every.Stop()
		if single != 1 {
			t.Errorf("a timer fired %d times", single)
		}
		// Made-up calls would come at once, one after the other.
		for i := 2; i < len(ticks); i++ {
			if d := ticks[i].Sub(ticks[0]); d < time.Duration(i-1)*period {
				t.Errorf("call %d came %v after the first, the period is %v", i, d, period)
			}
		}
	})
}

// Nothing spins: whatever state connections are in, an engine to which nothing
// happens takes no turns (hazards 15, 16 and 31).
func TestC10NoStateSpins(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2, MaxConns: 50})
	keep := hooks{eof: func(*loop.Conn) {}, data: func(*loop.Conn, []byte) (int, error) { return 0, nil }}
	paused := hooks{open: func(c *loop.Conn) error { c.Pause(); return nil }}
	full := hooks{open: func(c *loop.Conn) error { _, err := c.Write(make([]byte, 4<<20)); return err }}
	closing := hooks{open: func(c *loop.Conn) error {
		if _, err := c.Write(make([]byte, 4<<20)); err != nil {
			return err
		}
		return c.Close()
	}}
	for _, listen := range []func(*rig, loop.Protocol) *loop.Listener{(*rig).listen, (*rig).listenUnix} {
		for _, h := range []hooks{keep, paused, full, closing} {
			ln := listen(r, r.always(h))
			for _, leave := range []func(*client){
				func(*client) {},
				func(c *client) { c.send([]byte("x")) },
				func(c *client) { c.send([]byte("x")); c.finish() },
				func(c *client) { c.send([]byte("x")); c.halfCloseRead() },
			} {
				leave(r.dial(ln))
			}
		}
	}
	ln := r.listen(r.always(hooks{}))
	for range 50 {
		r.dial(ln) // past MaxConns
	}
	until(t, "the engine is full", func() bool { return r.engine.Stats().AcceptPauses > 0 })

	// A spinning loop takes a turn in some microseconds. The listener's attempts
	// are turns too, but few.
	const window = 300 * time.Millisecond
	before := r.engine.Stats().Turns
	time.Sleep(window)
	if turns := r.engine.Stats().Turns - before; turns > 1000 {
		t.Errorf("%d turns in %v in which nothing happened", turns, window)
	}
}

// lines counts what is logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte("\n"))
}

// However often something happens, it is logged once a second.
func TestC10OneLogLineASecondAndCause(t *testing.T) {
	var log lines
	r := newRig(t, loop.Config{Loops: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	start := time.Now()
	for range 200 {
		for _, l := range r.engine.Loops() {
			do(t, l, func() {
				l.AfterFunc(0, func() { panic("test") })
			})
		}
	}
	until(t, "all have panicked", func() bool { return r.engine.Stats().Panics == 400 })
	if n, most := log.count(), 1+int(time.Since(start)/time.Second); n < 1 || n > most {
		t.Errorf("%d lines in %v", n, time.Since(start))
	}
}

// Nothing is written anywhere without a Logger: the test is that nothing fails.
func TestC10SilentByDefault(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	do(t, l, func() { l.AfterFunc(0, func() { panic(fmt.Errorf("test")) }) })
	until(t, "it has panicked", func() bool { return r.engine.Stats().Panics == 1 })
}
