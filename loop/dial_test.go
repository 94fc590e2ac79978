//go:build unix

package loop_test

// Dial: one outcome, whatever races, and always.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// outcome is what done was called with.
type outcome struct {
	c   *loop.Conn
	err error
}

// dialing starts a dial and returns where its outcome comes. A second outcome
// fails the test.
func (r *rig) dialing(ctx context.Context, cfg loop.DialConfig, network, address string, p loop.Protocol) <-chan outcome {
	r.Helper()
	outcomes := make(chan outcome, 1)
	calls := 0
	err := r.engine.Dial(ctx, cfg, network, address, p, func(c *loop.Conn, err error) {
		if calls++; calls > 1 {
			r.Errorf("done is called again, with %v, %v", c, err)
			return
		}
		if (c == nil) == (err == nil) {
			r.Errorf("done is called with %v, %v", c, err)
		}
		outcomes <- outcome{c, err}
	})
	if err != nil {
		r.Fatalf("Dial: %v", err)
	}
	return outcomes
}

func address(ln *loop.Listener) (network, address string) {
	if ln.Addr().IsUnix() {
		return "unix", ln.Addr().Path()
	}
	return "tcp", ln.Addr().String()
}

// A dial reaches a listener of the same engine, on the same loop too, and the
// connection carries bytes both ways. done comes after OnOpen.
func TestDialReachesAListener(t *testing.T) {
	for _, loops := range []int{1, 3} {
		t.Run(fmt.Sprint(loops), func(t *testing.T) {
			onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
				const total = 1 << 20
				// Both ends send more than they could if either waited for the other.
				r := newRig(t, loop.Config{Loops: loops, HighMark: total})
				ln := listen(r, r.always(hooks{data: echo}))
				network, addr := address(ln)
				for range 3 {
					opened := false // the loop's
					var in ledger
					causes := make(chan error, 1)
					out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, network, addr, r.always(hooks{
						open: func(c *loop.Conn) error {
							opened = true
							if c.RemoteAddr() != ln.Addr() {
								t.Errorf("the peer is %v, dialled was %v", c.RemoteAddr(), ln.Addr())
							}
							if !c.LocalAddr().IsValid() {
								t.Error("the local address is unknown")
							}
							_, err := c.Write(record(0, total))
							return err
						},
						data: func(c *loop.Conn, p []byte) (int, error) {
							if err := in.check(p); err != nil {
								return 0, err
							}
							if in == total {
								return len(p), c.Close()
							}
							return len(p), nil
						},
						close: func(_ *loop.Conn, err error) { causes <- err },
					})))
					if out.err != nil || !opened {
						t.Fatalf("the dial ended with %v, OnOpen was called: %v", out.err, opened)
					}
					if err := take(t, "OnClose", causes); err != nil || in != total {
						t.Errorf("after %d of %d bytes: %v", in, total, err)
					}
				}
				if s := r.engine.Stats(); s.Dialed != 3 || s.Accepted != 3 || s.DialErrors != 0 {
					t.Errorf("%d dialled, %d accepted, %d errors; want 3, 3, 0", s.Dialed, s.Accepted, s.DialErrors)
				}
			})
		})
	}
}

// Dialling from every callback of the loop that must complete it does not
// deadlock (hazard 41).
func TestDialFromCallbacks(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	outcomes := make(chan error, 10)
	dial := func(l *loop.Loop) {
		err := l.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(hooks{
			open: func(c *loop.Conn) error { return c.Close() },
		}), func(_ *loop.Conn, err error) { outcomes <- err })
		if err != nil {
			t.Error(err)
		}
	}
	from := r.listen(r.protocol(func(c *loop.Conn) hooks {
		dial(c.Loop())
		return hooks{
			open:  func(c *loop.Conn) error { dial(c.Loop()); return nil },
			data:  func(c *loop.Conn, in []byte) (int, error) { dial(c.Loop()); return len(in), nil },
			eof:   func(c *loop.Conn) { dial(c.Loop()); c.Close() },
			close: func(c *loop.Conn, _ error) { dial(c.Loop()) },
		}
	}))
	c := r.dial(from)
	c.send([]byte("x"))
	c.finish()
	c.expectEnd()
	l := r.engine.Loops()[0]
	do(t, l, func() { dial(l); l.AfterFunc(0, func() { dial(l) }) })
	for range 7 {
		if err := take(t, "a dial", outcomes); err != nil {
			t.Error(err)
		}
	}
}

// A refused connect is ECONNREFUSED, with the operation and the address.
func TestDialRefused(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	for _, at := range []struct {
		network, address string
		want             error
	}{
		{"tcp", ln.Addr().String(), syscall.ECONNREFUSED},
		{"unix", socketPath(t), syscall.ENOENT},
	} {
		protocol := func(*loop.Conn) loop.Handler { t.Error("Protocol is called"); return nil }
		out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, at.network, at.address, protocol))
		if !errors.Is(out.err, at.want) || !strings.Contains(out.err.Error(), "dial "+at.network+" "+at.address) {
			t.Errorf("the dial ended with %v, want %v and the address", out.err, at.want)
		}
	}
	if n := r.engine.Stats().DialErrors; n != 2 {
		t.Errorf("%d dial errors are counted", n)
	}
}

// Where nobody answers, a dial ends at its Timeout and not before.
func TestDialTimeout(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	const limit = 40 * time.Millisecond
	start := time.Now()
	out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{Timeout: limit}, "tcp", silentAddress(t), r.always(hooks{})))
	if !errors.Is(out.err, os.ErrDeadlineExceeded) {
		t.Errorf("the dial ended with %v, want os.ErrDeadlineExceeded", out.err)
	}
	if took := time.Since(start); took < limit {
		t.Errorf("it ended after %v, the limit is %v", took, limit)
	}
}

// A unix socket whose queue is full is tried again until there is room.
func TestDialWaitsForAFullUnixQueue(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	path := socketPath(t)
	ln, err := stream.Listen(stream.UnixAddr(path), stream.ListenOptions{Backlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for full := false; !full; {
		s, err := stream.Start(stream.UnixAddr(path))
		full = err != nil
		if err == nil {
			defer s.Close()
		}
	}
	out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{Timeout: 30 * time.Millisecond}, "unix", path, r.always(hooks{})))
	if !errors.Is(out.err, os.ErrDeadlineExceeded) {
		t.Errorf("the dial ended with %v, want os.ErrDeadlineExceeded", out.err)
	}
	waiting := r.dialing(context.Background(), loop.DialConfig{}, "unix", path, r.always(hooks{}))
	turn(t, r.engine.Loops()[0])
	for s, err := range ln.Incoming() {
		if err == nil {
			s.Close()
		}
	}
	if out := take(t, "the outcome", waiting); out.err != nil {
		t.Errorf("the dial ended with %v", out.err)
	}
}

// The end of ctx ends the dial, with ctx's cause.
func TestDialCancelled(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	cause := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(context.Background())
	outcomes := r.dialing(ctx, loop.DialConfig{}, "tcp", silentAddress(t), r.always(hooks{}))
	turn(t, r.engine.Loops()[0])
	cancel(cause)
	if out := take(t, "the outcome", outcomes); !errors.Is(out.err, cause) {
		t.Errorf("the dial ended with %v, want the cause", out.err)
	}
}

// A context that has ended already lets nothing begin.
func TestDialWithAnEndedContextFails(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1})
		network, addr := address(listen(r, r.always(hooks{})))
		for range 50 {
			out := take(t, "the outcome", r.dialing(ended(), loop.DialConfig{}, network, addr, r.always(hooks{})))
			if !errors.Is(out.err, context.Canceled) {
				t.Fatalf("the dial ended with %v, want context.Canceled", out.err)
			}
		}
	})
}

// Success, refusal, timeout, cancelling and the engine's end race: done is called
// exactly once (dialing checks), and a connection that was reported has opened.
func TestDialHasOneOutcomeInAllRaces(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	ln := r.listen(r.always(hooks{}))
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	addresses := []string{ln.Addr().String(), refused.Addr().String(), silentAddress(t)}
	var outcomes []<-chan outcome
	var cancels []context.CancelFunc
	for i := range 300 {
		ctx, cancel := context.WithCancel(context.Background())
		cancels = append(cancels, cancel)
		cfg := loop.DialConfig{Timeout: time.Duration(1+i%5) * time.Millisecond}
		outcomes = append(outcomes, r.dialing(ctx, cfg, "tcp", addresses[i%3], r.always(hooks{})))
		if i%4 == 0 {
			go cancel()
		}
	}
	last := r.dialing(context.Background(), loop.DialConfig{}, "tcp", addresses[2], r.always(hooks{}))
	var canceling sync.WaitGroup
	canceling.Go(func() {
		for _, cancel := range cancels {
			cancel()
		}
	})
	for _, ch := range outcomes[:200] {
		take(t, "an outcome", ch)
	}
	r.stop()
	canceling.Wait()
	for _, ch := range outcomes[200:] {
		take(t, "an outcome", ch)
	}
	if out := take(t, "the last outcome", last); !errors.Is(out.err, net.ErrClosed) {
		t.Errorf("the engine's end ends a dial with %v, want net.ErrClosed", out.err)
	}
	if n := r.engine.Stats().Conns; n != 0 {
		t.Errorf("%d connections are counted at the end", n)
	}
}

// Names are looked up; what cannot be found is an error that says so.
func TestDialNames(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	port := fmt.Sprint(ln.Addr().AddrPort().Port())
	for _, network := range []string{"tcp", "tcp4"} {
		out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, network, "localhost:"+port, r.always(hooks{})))
		if out.err != nil {
			t.Errorf("%s: %v", network, out.err)
		}
	}
}

// blockedDNS makes every look-up wait until it is given up.
func blockedDNS(t *testing.T) (asked <-chan struct{}) {
	t.Helper()
	questions := make(chan struct{}, 100)
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		questions <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	t.Cleanup(func() { net.DefaultResolver = old })
	return questions
}

// A look-up that takes for ever holds up neither the loop nor the dial's end, and
// ends with it (TestMain counts the goroutines).
func TestTheLookUpEndsWithTheDial(t *testing.T) {
	for _, ending := range []string{"timeout", "cancel", "close"} {
		t.Run(ending, func(t *testing.T) {
			asked := blockedDNS(t)
			r := newRig(t, loop.Config{Loops: 1})
			echoing := r.dial(r.listen(r.always(hooks{data: echo})))
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cfg, want := loop.DialConfig{}, context.Canceled
			if ending == "timeout" {
				cfg.Timeout = 20 * time.Millisecond
			}
			outcomes := r.dialing(ctx, cfg, "tcp", "eddyline.invalid:80", r.always(hooks{}))
			take(t, "the look-up", asked)
			echoing.echoes()
			switch ending {
			case "timeout":
				want = os.ErrDeadlineExceeded
			case "cancel":
				cancel()
			case "close":
				r.stop()
				want = net.ErrClosed
			}
			if out := take(t, "the outcome", outcomes); !errors.Is(out.err, want) {
				t.Errorf("the dial ended with %v, want %v", out.err, want)
			}
		})
	}
}

// What Dial refuses outright it does not report again.
// Whoever calls a dial off hears his own reason, although the look-up ends for it too and
// has other words.
func TestADialEndsWithTheCauseOfItsContext(t *testing.T) {
	asked := blockedDNS(t)
	r := newRig(t, loop.Config{Loops: 1})
	mine := errors.New("changed my mind")
	for i := range 20 {
		ctx, cancel := context.WithCancelCause(context.Background())
		// A name of its own: package net lets look-ups of one name share an answer. And one
		// family, so that there is one question.
		outcomes := r.dialing(ctx, loop.DialConfig{}, "tcp4", fmt.Sprintf("eddyline%d.invalid:80", i), r.always(hooks{}))
		take(t, "the look-up", asked)
		cancel(mine)
		if out := take(t, "the outcome", outcomes); !errors.Is(out.err, mine) {
			t.Errorf("the dial ended with %v, want %v", out.err, mine)
		}
	}
}

func TestDialBadInput(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	p := r.always(hooks{})
	for _, c := range []struct {
		name             string
		ctx              context.Context
		cfg              loop.DialConfig
		network, address string
		p                loop.Protocol
	}{
		{"nil context", nil, loop.DialConfig{}, "tcp", "127.0.0.1:1", p},
		{"nil Protocol", context.Background(), loop.DialConfig{}, "tcp", "127.0.0.1:1", nil},
		{"unknown network", context.Background(), loop.DialConfig{}, "udp", "127.0.0.1:1", p},
		{"no network", context.Background(), loop.DialConfig{}, "", "127.0.0.1:1", p},
		{"negative timeout", context.Background(), loop.DialConfig{Timeout: -1}, "tcp", "127.0.0.1:1", p},
		{"negative delay", context.Background(), loop.DialConfig{AttemptDelay: -1}, "tcp", "127.0.0.1:1", p},
	} {
		err := r.engine.Dial(c.ctx, c.cfg, c.network, c.address, c.p, func(*loop.Conn, error) {
			t.Errorf("%s: done is called as well", c.name)
		})
		if !errors.Is(err, os.ErrInvalid) || !strings.Contains(err.Error(), "dial "+c.network+" "+c.address) {
			t.Errorf("%s: %v, want os.ErrInvalid with the address", c.name, err)
		}
	}
	turn(t, r.engine.Loops()[0])
	for _, c := range []struct{ network, address string }{
		{"tcp", "no port"}, {"tcp", ""}, {"unix", ""}, {"tcp", "127.0.0.1:99999"}, {"tcp6", "127.0.0.1:1"},
	} {
		if out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, c.network, c.address, p)); out.err == nil {
			t.Errorf("a dial of %q %q succeeds", c.network, c.address)
		}
	}
	if n := r.engine.Stats().Conns; n != 0 {
		t.Errorf("%d connections are counted", n)
	}
}

// done may be nil, and a nil Handler refuses the connection all the same.
func TestDialWithoutDone(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	opened := make(chan struct{}, 1)
	err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(hooks{
		open: func(*loop.Conn) error { opened <- struct{}{}; return nil },
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	take(t, "OnOpen", opened)
	err = r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", silentAddress(t), r.always(hooks{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	refusing := func(*loop.Conn) loop.Handler { return nil }
	if err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), refusing, nil); err != nil {
		t.Fatal(err)
	}
	until(t, "the refused one is gone", func() bool { return r.engine.Stats().Closed >= 1 })
}

// What the peer says at once, before done is called, is not lost: the event that
// told of the connection comes only once.
func TestDialToAPeerThatSpeaksFirst(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 2})
		network, addr := address(listen(r, r.always(hooks{open: func(c *loop.Conn) error {
			if _, err := c.WriteString("welcome"); err != nil {
				return err
			}
			return c.Close()
		}})))
		for range 100 {
			heard := make(chan string, 1)
			said := ""
			out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, network, addr, r.always(hooks{
				data:  func(_ *loop.Conn, in []byte) (int, error) { said += string(in); return len(in), nil },
				close: func(_ *loop.Conn, err error) { heard <- fmt.Sprint(said, " ", err) },
			})))
			if out.err != nil {
				t.Fatal(out.err)
			}
			if got := take(t, "the welcome", heard); got != "welcome <nil>" {
				t.Fatalf("the connection ended with %q", got)
			}
		}
	})
}

// The local address can be chosen.
func TestDialFromAnAddress(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	peers := make(chan stream.Addr, 1)
	ln := r.listen(r.always(hooks{open: func(c *loop.Conn) error { peers <- c.RemoteAddr(); return nil }}))
	local, err := stream.ParseAddr("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{LocalAddr: local}, "tcp", ln.Addr().String(), r.always(hooks{})))
	if out.err != nil {
		t.Fatal(out.err)
	}
	if peer := take(t, "the connection", peers); peer.AddrPort().Addr() != local.AddrPort().Addr() {
		t.Errorf("it came from %v", peer)
	}
	foreign, err := stream.ParseAddr("192.0.2.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out = take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{LocalAddr: foreign}, "tcp", ln.Addr().String(), r.always(hooks{})))
	if !errors.Is(out.err, syscall.EADDRNOTAVAIL) {
		t.Errorf("from an address that is not ours: %v", out.err)
	}
}

// A connect to a free port that comes out at itself is refused, not a connection
// (hazard 47).
func TestDialDoesNotReachItself(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	self, err := stream.ParseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{LocalAddr: self}, "tcp", addr, r.always(hooks{})))
	if !errors.Is(out.err, syscall.ECONNREFUSED) {
		t.Errorf("a dial from %s to itself ended with %v, want ECONNREFUSED", addr, out.err)
	}
}

// A Protocol that returns no Handler refuses the connection: done hears so.
func TestDialRefusedByItsProtocol(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{}))
	out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(),
		func(*loop.Conn) loop.Handler { return nil }))
	if !errors.Is(out.err, loop.ErrRefused) {
		t.Errorf("the dial ended with %v, want ErrRefused", out.err)
	}
}
