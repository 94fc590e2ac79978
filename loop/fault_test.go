//go:build unix && faultinject

package loop_test

// System calls that fail on purpose, each in its turn: nothing leaks, the error
// says what failed where, and the engine goes on.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

// inject makes calls fail for which the hook returns an errno, until the test or
// remove ends it.
func inject(t *testing.T, hook func(sys.Call) sys.Errno) (remove func()) {
	t.Helper()
	remove = sys.Inject(hook)
	t.Cleanup(remove)
	return remove
}

// kth makes the k-th of the calls fail, and tells which one that was.
func kth(t *testing.T, k int64, calls ...sys.Call) (failed func() (sys.Call, bool), remove func()) {
	t.Helper()
	var n atomic.Int64
	var which atomic.Pointer[sys.Call]
	remove = inject(t, func(c sys.Call) sys.Errno {
		// The loops' own calls go on in the background, and the write of a wake-up
		// and a close that fail are nobody's error.
		if c == sys.CallEpollWait || c == sys.CallWrite || c == sys.CallClose {
			return 0
		}
		if len(calls) > 0 {
			wanted := false
			for _, w := range calls {
				wanted = wanted || w == c
			}
			if !wanted {
				return 0
			}
		}
		if n.Add(1) != k {
			return 0
		}
		which.Store(&c)
		return sys.ENOBUFS
	})
	return func() (sys.Call, bool) {
		c := which.Load()
		if c == nil {
			return "", false
		}
		return *c, true
	}, remove
}

// eachCall runs attempt with its first system call failing, then the second, and
// so on until one run has no call left to fail. Each must fail with the injected
// error and name the call, or succeed because it can do without the call.
func eachCall(t *testing.T, attempt func(t *testing.T) error, mentions ...string) {
	t.Helper()
	if reported := everyFailure(t, attempt, mentions...); reported == 0 && !t.Failed() {
		t.Error("no failure was reported")
	}
}

// everyFailure is eachCall, and returns how many failures attempt has reported.
func everyFailure(t *testing.T, attempt func(t *testing.T) error, mentions ...string) (reported int) {
	t.Helper()
	for k := int64(1); ; k++ {
		done := false
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			before := openDescriptors()
			failed, remove := kth(t, k)
			err := attempt(t)
			call, any := failed()
			remove()
			expectDescriptors(t, before)
			if !any {
				done = true
				if err != nil {
					t.Errorf("without any failure: %v", err)
				}
				return
			}
			if err == nil {
				return // it can do without
			}
			reported++
			if !errors.Is(err, syscall.ENOBUFS) {
				t.Errorf("with %s failing: %v, want ENOBUFS", call, err)
			}
			for _, what := range append(mentions, string(call)) {
				if !strings.Contains(err.Error(), what) {
					t.Errorf("with %s failing: %q does not mention %q", call, err, what)
				}
			}
		})
		if done || t.Failed() {
			return reported
		}
	}
}

func TestNewWithEachCallFailing(t *testing.T) {
	eachCall(t, func(*testing.T) error {
		e, err := loop.New(loop.Config{Loops: 3})
		if err == nil {
			err = e.Close()
		}
		return err
	}, "loop")
}

func TestListenWithEachCallFailing(t *testing.T) {
	for _, balance := range []loop.Balance{loop.RoundRobin, loop.ReusePort} {
		t.Run(balance.String(), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2})
			eachCall(t, func(t *testing.T) error {
				ln, err := r.engine.Listen(loop.ListenConfig{Balance: balance}, "tcp", "127.0.0.1:0", r.always(hooks{}))
				if err != nil {
					return err
				}
				ln.Close()
				for _, l := range r.engine.Loops() {
					turn(t, l)
				}
				return nil
			}, "listen", "127.0.0.1:")
		})
	}
	t.Run("unix", func(t *testing.T) {
		r := newRig(t, loop.Config{Loops: 1})
		dir := socketPath(t)
		n := 0
		eachCall(t, func(t *testing.T) error {
			n++ // where removing a file fails, it stays
			ln, err := r.engine.Listen(loop.ListenConfig{}, "unix", fmt.Sprint(dir, n), r.always(hooks{}))
			if err != nil {
				return err
			}
			ln.Close()
			turn(t, r.engine.Loops()[0])
			return nil
		}, "listen", dir)
	})
}

// A listener whose registration fails tries again: it was promised to accept.
func TestListenerRegistrationIsTriedAgain(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	_, remove := kth(t, 1, sys.CallEpollCtl)
	ln := r.listen(r.always(hooks{data: echo}))
	r.dial(ln).echoes()
	remove()
}

func TestDialWithEachCallFailing(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		// The listener is another engine's process in effect: only this engine's
		// calls are to fail, so accepting is package net's.
		network, addr := "tcp", "127.0.0.1:0"
		if strings.HasSuffix(t.Name(), "unix") {
			network, addr = "unix", socketPath(t)
		}
		ln, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		accepted := make(chan net.Conn, 1)
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					close(accepted)
					return
				}
				nc.Close()
			}
		}()
		r := newRig(t, loop.Config{Loops: 1, MaxConns: 1}) // a place that is not given back is missed
		eachCall(t, func(t *testing.T) error {
			out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, network, ln.Addr().String(), r.always(hooks{})))
			until(t, "the connection is gone", func() bool { return r.engine.Stats().Conns == 0 })
			return out.err
		}, "dial", ln.Addr().String())
		ln.Close()
		for range accepted {
		}
	})
}

// Whatever call of the accept path fails, the listener goes on, and at worst the
// one connection is lost.
func TestAcceptWithEachCallFailing(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		for _, call := range []sys.Call{sys.CallAccept, sys.CallEpollCtl, sys.CallGetsockopt, sys.CallSetsockopt, sys.CallRecv, sys.CallSend} {
			t.Run(string(call), func(t *testing.T) {
				r := newRig(t, loop.Config{Loops: 2})
				ln := listen(r, r.always(hooks{data: echo}))
				r.dial(ln).echoes()
				_, remove := kth(t, 1, call)
				lost := r.dialDoomed(ln)
				_, _ = lost.Write([]byte("x"))
				_, _ = lost.Read(make([]byte, 1)) // its end, or its service
				remove()
				r.dial(ln).echoes()
				lost.Close()
				r.stop()
				if s := r.engine.Stats(); s.Accepted != s.Closed || s.Conns != 0 {
					t.Errorf("%d accepted, %d closed, %d open", s.Accepted, s.Closed, s.Conns)
				}
			})
		}
	})
}

// No errno of accept ends the engine: those about one connection are skipped,
// those about resources pause, and then it goes on (hazard 31).
func TestC6NoAcceptErrorEndsTheEngine(t *testing.T) {
	for _, errno := range []sys.Errno{
		sys.ECONNABORTED, sys.ECONNRESET, sys.EPROTO, sys.ENETDOWN, sys.ENOPROTOOPT, sys.EHOSTDOWN, sys.EHOSTUNREACH,
		sys.EOPNOTSUPP, sys.ENETUNREACH, sys.EPERM, sys.EMFILE, sys.ENFILE, sys.ENOBUFS, sys.ENOMEM, sys.EINVAL, sys.EBADF,
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			ln := r.listen(r.always(hooks{data: echo}))
			old := r.dial(ln)
			old.echoes()
			var left atomic.Int64
			left.Store(3)
			remove := inject(t, func(c sys.Call) sys.Errno {
				if c == sys.CallAccept && left.Add(-1) >= 0 {
					return errno
				}
				return 0
			})
			r.dial(ln).echoes()
			old.echoes()
			remove()
			turn(t, r.engine.Loops()[0])
			if n := r.engine.Stats().AcceptErrors; n != 3 {
				t.Errorf("%d accept errors are counted, want 3", n)
			}
		})
	}
}

// An error of accept that never ends costs no spinning.
func TestC10AcceptErrorsDoNotSpin(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	var calls atomic.Int64
	remove := inject(t, func(c sys.Call) sys.Errno {
		if c != sys.CallAccept {
			return 0
		}
		calls.Add(1)
		return sys.EMFILE
	})
	c := r.dial(ln)
	// 5, 10, 20 ms and so on: five attempts take 75 ms at least, and a spinning
	// loop makes thousands meanwhile.
	until(t, "it was tried five times", func() bool { return calls.Load() >= 5 })
	if n := calls.Load(); n > 20 {
		t.Errorf("accept was called %d times", n)
	}
	remove()
	c.echoes()
}

// After a send that failed nothing more is sent: what followed would close the
// gap (hazard 25). The connection ends with that error.
func TestNothingIsSentAfterAFailedSend(t *testing.T) {
	large, small := bytes.Repeat([]byte("L"), 20_000), []byte("small")
	writes := map[string]func(c *loop.Conn){
		"Writev": func(c *loop.Conn) { _, _ = c.Writev([][]byte{large, small}) },
		"Write": func(c *loop.Conn) {
			_, _ = c.Write(large)
			_, _ = c.Write(small)
			_, _ = c.WriteString("more")
		},
		"corked": func(c *loop.Conn) {
			_, _ = c.Write(small)
			_ = c.Loop().Post(func() { _, _ = c.Write(large) })
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			causes := make(chan error, 1)
			c := r.dial(r.listen(r.always(hooks{
				data:  func(c *loop.Conn, in []byte) (int, error) { write(c); return len(in), nil },
				close: func(_ *loop.Conn, err error) { causes <- err },
			})))
			_, remove := kth(t, 1, sys.CallSend)
			c.send([]byte("x"))
			err := take(t, "OnClose", causes)
			remove()
			if !errors.Is(err, syscall.ENOBUFS) || !strings.Contains(err.Error(), "write") {
				t.Errorf("OnClose heard %v, want the write's ENOBUFS", err)
			}
			if n, err := c.Read(make([]byte, 100)); n > 0 {
				t.Errorf("%d bytes were sent after the failed send, %v", n, err)
			}
		})
	}
}

// A receive that fails ends its connection with that error, and no other.
func TestAFailedReceiveIsTheCause(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	witness := r.dial(r.listen(r.always(hooks{data: echo})))
	witness.echoes()
	c := r.dial(r.listen(r.always(hooks{data: echo, close: func(_ *loop.Conn, err error) { causes <- err }})))
	c.echoes()
	_, remove := kth(t, 1, sys.CallRecv)
	c.send([]byte("x"))
	err := take(t, "OnClose", causes)
	remove()
	var op *net.OpError
	if !errors.Is(err, syscall.ENOBUFS) || !errors.As(err, &op) || op.Addr.String() != c.LocalAddr().String() {
		t.Errorf("OnClose heard %v, want ENOBUFS with the peer's address", err)
	}
	witness.echoes()
}

// A poller that fails is the one thing an engine cannot live without: Run says
// so, every connection hears it, nothing is left.
func TestC6APollerThatFailsEndsRunWithItsError(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 3})
	r.failed = true
	causes := make(chan error, 3)
	ln := r.listen(r.always(hooks{data: echo, close: func(_ *loop.Conn, err error) { causes <- err }}))
	for range 3 {
		r.dial(ln).echoes()
	}
	var once atomic.Bool
	inject(t, func(c sys.Call) sys.Errno {
		if c == sys.CallEpollWait && once.CompareAndSwap(false, true) {
			return sys.EBADF
		}
		return 0
	})
	_ = r.engine.Loops()[0].Post(func() {}) // somebody goes on to wait
	r.wait()
	if !errors.Is(r.runErr, syscall.EBADF) || !strings.Contains(r.runErr.Error(), "epoll_wait") {
		t.Errorf("Run: %v, want EBADF of epoll_wait", r.runErr)
	}
	told := 0
	for range 3 {
		if err := take(t, "OnClose", causes); errors.Is(err, syscall.EBADF) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d of 3 connections, one on each loop, heard the error", told)
	}
}

// A close that fails has closed: it is never tried again (hazard 6).
func TestAFailedCloseIsNotRetried(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	c := r.dial(ln)
	c.echoes()
	var closes atomic.Int64
	remove := inject(t, func(call sys.Call) sys.Errno {
		if call != sys.CallClose {
			return 0
		}
		closes.Add(1)
		return sys.EINTR
	})
	c.Close()
	until(t, "the connection is gone", func() bool { return r.engine.Stats().Conns == 0 })
	remove()
	if n := closes.Load(); n != 1 {
		t.Errorf("%d closes of one descriptor", n)
	}
	r.dial(ln).echoes()
}

// What fails in the middle of a stream ends it with a reset: after a FIN the
// peer would take what it has for all there is.
func TestWhatTheKernelFailedIsReset(t *testing.T) {
	for _, call := range []sys.Call{sys.CallRecv, sys.CallSend, sys.CallShutdown, sys.CallEpollCtl} {
		t.Run(string(call), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			ln := r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
				n, err := c.Write(in)
				return n, errors.Join(err, c.CloseWrite())
			}}))
			turn(t, r.engine.Loops()[0]) // the listener is registered
			_, remove := kth(t, 1, call)
			defer remove()
			c := r.dialDoomed(ln)
			if _, err := c.Write([]byte("and what became of it?")); errors.Is(err, syscall.ECONNRESET) {
				return // it was faster, and is told only once
			}
			c.expectReset()
		})
	}
}
