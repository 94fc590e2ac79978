//go:build unix

package loop_test

// How connections end, and that no way of ending one disturbs another.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// Close sends all that is pending, however slowly it is read, then FIN
// (hazard 24).
func TestCloseSendsWhatIsPending(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1, FlushTimeout: patience})
		const total = 4 << 20
		causes := make(chan error, 1)
		c := r.dial(listen(r, r.always(hooks{
			open: func(c *loop.Conn) error {
				if n, err := c.Write(record(0, total)); n != total {
					return err
				}
				return c.Close()
			},
			close: func(_ *loop.Conn, err error) { causes <- err },
		})))
		var in ledger
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if err := in.check(buf[:n]); err != nil {
				t.Fatal(err)
			}
			if err != nil {
				if err != io.EOF || in != total {
					t.Fatalf("after %d of %d bytes: %v", in, total, err)
				}
				break
			}
		}
		c.Close()
		if err := take(t, "OnClose", causes); err != nil {
			t.Errorf("OnClose heard %v, want nil", err)
		}
	})
}

// Close with unread input, and with more that comes after it, does not reset
// the output's tail away (hazard 24).
func TestCloseWithUnreadInputLosesNoOutput(t *testing.T) {
	for _, tc := range []struct {
		name string
		data func(c *loop.Conn, in []byte) (int, error)
	}{
		{"nothing consumed", func(c *loop.Conn, in []byte) (int, error) { return 0, nil }},
		{"some consumed", func(c *loop.Conn, in []byte) (int, error) { return 1, nil }},
		{"paused", func(c *loop.Conn, in []byte) (int, error) { c.Pause(); return len(in), nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
				r := newRig(t, loop.Config{Loops: 1, LingerTimeout: patience})
				const total = 1 << 20
				causes := make(chan error, 1)
				c := r.dial(listen(r, r.always(hooks{
					data: func(c *loop.Conn, in []byte) (int, error) {
						if _, err := c.Write(record(0, total)); err != nil {
							return 0, err
						}
						if err := c.Close(); err != nil {
							return 0, err
						}
						return tc.data(c, in)
					},
					close: func(_ *loop.Conn, err error) { causes <- err },
				})))
				c.send(make([]byte, 50_000))
				c.expect(string(record(0, total/2)))
				// The other end may have let go by now, having sent everything.
				_, _ = c.Write(make([]byte, 50_000))
				c.expect(string(record(total/2, total/2)))
				c.expectEnd()
				_, _ = c.Write([]byte("late"))
				c.Close()
				if err := take(t, "OnClose", causes); err != nil {
					t.Errorf("OnClose heard %v, want nil", err)
				}
			})
		})
	}
}

// A peer that takes nothing is reset after FlushTimeout, and the cause says so.
func TestFlushTimeout(t *testing.T) {
	const limit = 30 * time.Millisecond
	r := newRig(t, loop.Config{Loops: 1, FlushTimeout: limit})
	var closed time.Time // the loop's
	causes := make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			if _, err := c.Write(make([]byte, loop.DefaultMaxPending)); err != nil {
				return err
			}
			closed = time.Now()
			return c.Close()
		},
		close: func(_ *loop.Conn, err error) {
			if took := time.Since(closed); took < limit {
				t.Errorf("the flush was given up after %v, the limit is %v", took, limit)
			}
			causes <- err
		},
	})))
	if err := take(t, "OnClose", causes); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("OnClose heard %v, want os.ErrDeadlineExceeded", err)
	}
	c.expectReset()
}

// A peer that neither reads on nor ends is let go after LingerTimeout, which is
// an orderly end.
func TestLingerTimeout(t *testing.T) {
	const limit = 30 * time.Millisecond
	r := newRig(t, loop.Config{Loops: 1, LingerTimeout: limit})
	causes := make(chan error, 1)
	var closed time.Time // the loop's
	c := r.dial(r.listen(r.always(hooks{
		data: func(c *loop.Conn, in []byte) (int, error) {
			closed = time.Now()
			return 0, c.Close()
		},
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	release := hold(t, r.engine.Loops()[0])
	c.send(make([]byte, 200_000)) // more than one read
	release()
	c.expectEnd()
	if err := take(t, "OnClose", causes); err != nil {
		t.Errorf("OnClose heard %v, want nil", err)
	}
	if took := time.Since(closed); took < limit {
		t.Errorf("the connection was let go after %v, the limit is %v", took, limit)
	}
}

// Abort drops what is pending and resets.
func TestAbort(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput})
	causes := make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		data: func(c *loop.Conn, in []byte) (int, error) {
			if _, err := c.Write(make([]byte, stalledOutput)); err != nil {
				return 0, err
			}
			c.Abort()
			c.Abort()
			if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write after Abort: %v", err)
			}
			return len(in), nil
		},
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	c.send([]byte("x"))
	if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrAborted) {
		t.Errorf("OnClose heard %v, want ErrAborted", err)
	}
	c.expectReset()
}

// Abort ends a connection that Close has not ended yet.
func TestAbortAfterClose(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput})
	causes := make(chan error, 1)
	c := r.dialDoomed(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			if _, err := c.Write(make([]byte, stalledOutput)); err != nil {
				return err
			}
			if err := c.Close(); err != nil {
				return err
			}
			if err := c.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the second Close: %v", err)
			}
			return c.Loop().Post(c.Abort)
		},
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrAborted) {
		t.Errorf("OnClose heard %v, want ErrAborted", err)
	}
	c.expectReset()
}

// An error of OnData or OnOpen is the cause, after what was written is sent; the
// first cause sticks.
func TestTheCauseIsTheHandlersError(t *testing.T) {
	first := errors.New("first")
	for _, where := range []string{"OnOpen", "OnData"} {
		t.Run(where, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			causes := make(chan error, 1)
			h := hooks{close: func(_ *loop.Conn, err error) { causes <- err }}
			fail := func(c *loop.Conn) error {
				if _, err := c.WriteString("bye"); err != nil {
					return err
				}
				return first
			}
			if where == "OnOpen" {
				h.open = fail
			} else {
				h.data = func(c *loop.Conn, in []byte) (int, error) { return len(in), fail(c) }
			}
			c := r.dial(r.listen(r.always(h)))
			c.send([]byte("x"))
			c.expect("bye")
			c.expectEnd()
			c.Close()
			if err := take(t, "OnClose", causes); err != first {
				t.Errorf("after an error of %s OnClose heard %v", where, err)
			}
		})
	}
}

// OnData must not say that it consumed what is not there.
func TestImpossibleCounts(t *testing.T) {
	for _, n := range []int{-1, 4, 1 << 30} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			causes := make(chan error, 1)
			c := r.dial(r.listen(r.always(hooks{
				data:  func(*loop.Conn, []byte) (int, error) { return n, nil },
				close: func(_ *loop.Conn, err error) { causes <- err },
			})))
			c.send([]byte("abc"))
			c.Close()
			if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrCount) {
				t.Errorf("after a count of %d OnClose heard %v, want ErrCount", n, err)
			}
		})
	}
}

// A reset by the peer is ECONNRESET with the peer's address, not a clean end
// (hazards 28 and 29).
func TestAResetIsReportedAsSuch(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	type end struct {
		err  error
		peer string
	}
	ends := make(chan end, 1)
	c := r.dial(r.listen(r.always(hooks{
		data: echo,
		close: func(c *loop.Conn, err error) {
			ends <- end{err, c.RemoteAddr().String()}
		},
	})))
	c.echoes()
	local := c.LocalAddr().String()
	c.reset()
	got := take(t, "OnClose", ends)
	var op *net.OpError
	if !errors.Is(got.err, syscall.ECONNRESET) || !errors.As(got.err, &op) || op.Addr.String() != local || got.peer != local {
		t.Errorf("OnClose heard %v of %s, want ECONNRESET of %s", got.err, got.peer, local)
	}
}

// A write that fails is the cause, although the reads end cleanly.
func TestAFailedWriteIsTheCause(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	conns := make(chan *loop.Conn, 1)
	causes := make(chan error, 1)
	var in ledger // the loop's
	c := r.dial(r.listenUnix(r.always(hooks{
		open: func(c *loop.Conn) error { conns <- c; return nil },
		data: func(_ *loop.Conn, p []byte) (int, error) { return len(p), in.check(p) },
		eof:  func(*loop.Conn) { t.Error("OnEOF is called although the output is broken") },
		close: func(c *loop.Conn, err error) {
			if in != 1000 {
				t.Errorf("%d of 1000 bytes were offered before OnClose", in)
			}
			causes <- err
		},
	})))
	conn := take(t, "the connection", conns)
	do(t, l, func() {
		// The write fails before the loop gets to know of the input.
		c.send(record(0, 1000))
		c.Close()
		if _, err := conn.WriteString("x"); err != nil {
			t.Error(err)
		}
	})
	if err := take(t, "OnClose", causes); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("OnClose heard %v, want the error of the write", err)
	}
}

// A write that failed is reported even when the peer keeps its own output open
// and says nothing more.
func TestAFailedWriteIsReportedAlthoughThePeerIsQuiet(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	c := r.dial(r.listenUnix(r.always(hooks{
		data: func(c *loop.Conn, in []byte) (int, error) {
			_, err := c.Write([]byte("answer"))
			return len(in), err
		},
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	c.halfCloseRead()
	c.send([]byte("question"))
	if err := take(t, "OnClose", causes); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("OnClose heard %v, want EPIPE", err)
	}
}

// OnClose is told nil by an orderly end and net.ErrClosed by the engine's.
func TestTheCauseOfTheEnginesEnd(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		data:  echo,
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	c.echoes()
	r.stop()
	if err := take(t, "OnClose", causes); !errors.Is(err, net.ErrClosed) {
		t.Errorf("OnClose heard %v, want net.ErrClosed", err)
	}
}

// An output that the engine's end cuts off ends with a reset: a FIN would make it
// look complete.
func TestACutOutputDoesNotLookComplete(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput})
	open := make(chan struct{})
	c := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		_, err := c.Write(make([]byte, stalledOutput))
		close(open)
		return err
	}})))
	take(t, "the connection", open)
	turn(t, r.engine.Loops()[0])
	r.stop()
	c.expectReset()
}

// methods are what a handler may call, in any callback, twice.
var methods = map[string]func(r *rig, c *loop.Conn){
	"Close":       func(_ *rig, c *loop.Conn) { c.Close() },
	"Abort":       func(_ *rig, c *loop.Conn) { c.Abort() },
	"Write":       func(_ *rig, c *loop.Conn) { _, _ = c.Write([]byte("x")) },
	"large Write": func(_ *rig, c *loop.Conn) { _, _ = c.Write(make([]byte, 200_000)) },
	"WriteString": func(_ *rig, c *loop.Conn) { _, _ = c.WriteString("x") },
	"Writev":      func(_ *rig, c *loop.Conn) { _, _ = c.Writev([][]byte{[]byte("x"), make([]byte, 10_000)}) },
	"CloseWrite":  func(_ *rig, c *loop.Conn) { _ = c.CloseWrite() },
	"Pause":       func(_ *rig, c *loop.Conn) { c.Pause() },
	"Resume":      func(_ *rig, c *loop.Conn) { c.Pause(); c.Resume() },
	"deadlines past": func(_ *rig, c *loop.Conn) {
		c.SetReadDeadline(time.Unix(0, 0))
		c.SetWriteDeadline(time.Unix(0, 0))
	},
	"deadlines now": func(_ *rig, c *loop.Conn) {
		c.SetReadDeadline(time.Now())
		c.SetWriteDeadline(time.Now())
	},
	"no deadlines": func(_ *rig, c *loop.Conn) {
		c.SetReadDeadline(time.Time{})
		c.SetWriteDeadline(time.Time{})
		c.SetIdleTimeout(0)
	},
	"SetIdleTimeout": func(_ *rig, c *loop.Conn) { c.SetIdleTimeout(time.Nanosecond) },
	"Detach": func(_ *rig, c *loop.Conn) {
		if s, _, err := c.Detach(); err == nil {
			s.Close()
		}
	},
	"Stream":          func(_ *rig, c *loop.Conn) { _, _ = c.Stream() },
	"LocalAddr":       func(_ *rig, c *loop.Conn) { c.LocalAddr() },
	"Buffered":        func(_ *rig, c *loop.Conn) { c.Buffered() },
	"Ref.Close":       func(_ *rig, c *loop.Conn) { _ = c.Ref().Close() },
	"Ref.Write":       func(_ *rig, c *loop.Conn) { _, _ = c.Ref().Write([]byte("x")) },
	"Ref.Do Abort":    func(_ *rig, c *loop.Conn) { _ = c.Ref().Do((*loop.Conn).Abort) },
	"Close elsewhere": func(_ *rig, c *loop.Conn) { elsewhere(func() { _ = c.Ref().Close() }) },
	"everything elsewhere": func(_ *rig, c *loop.Conn) {
		ref := c.Ref()
		elsewhere(func() { _, _ = ref.Write([]byte("x")) })
		elsewhere(func() { _ = ref.Do(func(c *loop.Conn) { everyMethod(c) }) })
		elsewhere(func() { _ = ref.Close() })
	},
	"everything":      func(_ *rig, c *loop.Conn) { everyMethod(c) },
	"engine Close":    func(r *rig, _ *loop.Conn) { r.engine.Close() },
	"engine Shutdown": func(r *rig, _ *loop.Conn) { go func() { _ = r.engine.Shutdown(ended()) }() },
	"Listen": func(r *rig, _ *loop.Conn) {
		ln, err := r.engine.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", r.always(hooks{}))
		if err == nil {
			ln.Close()
		}
	},
	"Dial": func(r *rig, c *loop.Conn) {
		_ = c.Loop().Dial(context.Background(), loop.DialConfig{}, "tcp", c.RemoteAddr().String(), r.always(hooks{}), nil)
	},
	"timer": func(_ *rig, c *loop.Conn) { c.Loop().AfterFunc(0, func() { c.Close() }) },
}

// elsewhere runs f on another goroutine, at this moment: it has ended when
// elsewhere returns.
func elsewhere(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Every method in every callback, twice, and also to swap the handler before:
// nothing is called again within or after (the watcher checks), nothing is left
// (the rig checks), and no other connection notices (hazards 37 and 38).
func TestEveryMethodInEveryCallback(t *testing.T) {
	callbacks := map[string]struct {
		set  func(h *hooks, act func(*loop.Conn))
		lead func(r *rig, c *client) // makes the callback come
	}{
		"Protocol": {set: func(*hooks, func(*loop.Conn)) {}},
		"OnOpen": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.open = func(c *loop.Conn) error { act(c); return nil }
			},
		},
		"OnData": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.data = func(c *loop.Conn, in []byte) (int, error) { act(c); return len(in), nil }
			},
		},
		"OnData consuming nothing": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.data = func(c *loop.Conn, in []byte) (int, error) { act(c); return 0, nil }
			},
		},
		"OnData with an error": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.data = func(c *loop.Conn, in []byte) (int, error) { act(c); return 1, errors.New("test") }
			},
		},
		"OnEOF": {
			set:  func(h *hooks, act func(*loop.Conn)) { h.eof = act },
			lead: func(_ *rig, c *client) { _ = c.Conn.(*net.TCPConn).CloseWrite() },
		},
		"OnDrain": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.open = func(c *loop.Conn) error { _, err := c.Write(make([]byte, stalledOutput)); return err }
				h.drain = act
			},
		},
		"OnTimeout": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.open = func(c *loop.Conn) error { c.SetReadDeadline(time.Now()); return nil }
				h.timeout = func(c *loop.Conn, _ loop.Deadline) error { act(c); return nil }
			},
		},
		"OnShutdown": {
			set:  func(h *hooks, act func(*loop.Conn)) { h.shutdown = act },
			lead: func(r *rig, _ *client) { go func() { _ = r.engine.Shutdown(context.Background()) }() },
		},
		"OnClose": {
			set: func(h *hooks, act func(*loop.Conn)) {
				h.close = func(c *loop.Conn, _ error) { act(c) }
			},
			lead: func(_ *rig, c *client) { c.Close() },
		},
	}
	for callback, cb := range callbacks {
		t.Run(callback, func(t *testing.T) {
			for name, method := range methods {
				t.Run(name, func(t *testing.T) {
					made, reached := make(chan struct{}), make(chan struct{}, 1)
					r := newRig(t, loop.Config{Loops: 2, MaxPending: stalledOutput, LingerTimeout: time.Millisecond, FlushTimeout: time.Millisecond})
					act := func(c *loop.Conn) {
						method(r, c)
						method(r, c)
						select {
						case reached <- struct{}{}:
						default:
						}
					}
					witness := r.dial(r.listen(r.always(hooks{data: echo})))
					witness.echoes()
					ln := r.listen(r.protocol(func(c *loop.Conn) hooks {
						var h hooks
						cb.set(&h, act)
						open := h.open
						h.open = func(c *loop.Conn) error {
							defer close(made)
							if open == nil {
								return nil
							}
							return open(c)
						}
						if callback == "Protocol" {
							act(c)
						}
						return h
					}))
					free1, free2 := hold(t, r.engine.Loops()[0]), hold(t, r.engine.Loops()[1])
					c := r.dial(ln)
					free1()
					free2()
					take(t, "the connection", made)
					_, _ = c.Write([]byte("some input"))
					if cb.lead != nil {
						cb.lead(r, c)
					}
					go func() { _, _ = io.Copy(io.Discard, c) }()
					take(t, callback, reached)
					ends := strings.HasPrefix(name, "engine") || callback == "OnShutdown"
					if !ends {
						witness.echoes()
					}
					_ = c.Conn.(*net.TCPConn).CloseWrite()
					if !ends {
						witness.echoes()
					}
				})
			}
		})
	}
}

// A connection whose send failed and that is then closed, in whichever way, ends
// all the same, and with the cause.
func TestCloseAfterAFailedSend(t *testing.T) {
	for name, after := range map[string]func(c *loop.Conn) error{
		"Close":    func(c *loop.Conn) error { return c.Close() },
		"an error": func(*loop.Conn) error { return errors.New("test") },
		"Pause":    func(c *loop.Conn) error { c.Pause(); return nil },
		"Resume":   func(c *loop.Conn) error { c.Pause(); c.Resume(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			causes := make(chan error, 1)
			ready := make(chan *client, 1)
			c := r.dial(r.listen(r.always(hooks{
				data: func(c *loop.Conn, in []byte) (int, error) {
					(<-ready).reset()
					_, _ = c.Write(make([]byte, 16<<10)) // sent at once, so that it fails at once
					return len(in), after(c)
				},
				close: func(_ *loop.Conn, err error) { causes <- err },
			})))
			c.send([]byte("x"))
			ready <- c
			if err := take(t, "OnClose", causes); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("OnClose heard %v, want the error of the send", err)
			}
		})
	}
}

// A peer that goes on sending while it is answered and closed reads the answer and
// then its end, not a reset: FIN comes first.
func TestAPeerThatGoesOnSendingReadsTheEnd(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, LingerTimeout: 100 * time.Millisecond})
	ln := r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		if _, err := c.WriteString("bye"); err != nil {
			return 0, err
		}
		return len(in), c.Close()
	}}))
	for range 3000 {
		c := r.dial(ln)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 20 {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		c.expect("bye")
		c.expectEnd()
		<-done
		c.Close()
	}
}
