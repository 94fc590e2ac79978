//go:build unix && faultinject

package loop_test

// Accept errors: the listener skips what is about one connection, pauses for what is
// about resources, counts both, and comes back.

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

// Whatever call of the accept path fails, the listener goes on, and at worst the
// one connection is lost.
func TestAcceptWithEachCallFailing(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		for _, call := range []sys.Call{sys.CallAccept, sys.ChangeCall, sys.CallRecv, sys.CallSend} {
			t.Run(string(call), func(t *testing.T) {
				r := newRig(t, loop.Config{Loops: 2})
				ln := listen(r, r.always(hooks{data: echo}))
				r.dial(ln).echoes()
				failed, remove := kth(t, 1, call)
				lost := r.dialDoomed(ln)
				_, _ = lost.Write([]byte("x"))
				_, _ = lost.Read(make([]byte, 1)) // its end, or its service
				remove()
				if _, any := failed(); !any {
					t.Errorf("%s was not called", call)
				}
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

// Whatever accept reports again and again, about resources or about one connection after
// the other, costs some calls a pause and no more; those who are connected are
// served, and when it is over those who waited (hazard 31).
func TestC6PersistentAcceptErrorsPause(t *testing.T) {
	for _, tc := range []struct {
		errno sys.Errno
		batch uint64 // accept calls for each pause
	}{
		{sys.EMFILE, 1}, {sys.ENFILE, 1}, {sys.ENOBUFS, 1}, {sys.ENOMEM, 1}, {sys.EINVAL, 1},
		{sys.ECONNABORTED, 64}, {sys.ECONNRESET, 64}, {sys.EPROTO, 64}, {sys.ENETDOWN, 64}, {sys.EPERM, 64}, {sys.ETIMEDOUT, 64},
	} {
		t.Run(tc.errno.Error(), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2})
			ln := r.listen(r.always(hooks{data: echo}))
			old := r.dial(ln)
			old.echoes()
			const pauses = 5
			var failed atomic.Uint64
			remove := inject(t, func(c sys.Call) sys.Errno {
				if c != sys.CallAccept || failed.Load() == pauses*tc.batch {
					return 0
				}
				failed.Add(1)
				return tc.errno
			})
			waiting := r.dial(ln)
			waiting.send([]byte("later"))
			until(t, "it pauses, or is at its end without", func() bool {
				return r.engine.Stats().AcceptPauses > 0 || failed.Load() == pauses*tc.batch
			})
			old.echoes()
			select {
			case err := <-r.ran:
				t.Fatalf("Run returned %v", err)
			default:
			}
			waiting.expect("later")
			remove()
			for _, l := range r.engine.Loops() {
				turn(t, l)
			}
			s := r.engine.Stats()
			if s.AcceptPauses != pauses || s.AcceptErrors != pauses*tc.batch {
				t.Errorf("%d errors, %d pauses; want %d, %d", s.AcceptErrors, s.AcceptPauses, pauses*tc.batch, pauses)
			}
			if s.Accepted != 2 || s.Conns != 2 {
				t.Errorf("%d connections were accepted, %d are open; want 2", s.Accepted, s.Conns)
			}
		})
	}
}

// A listener that pauses is closed and drained like any other.
func TestTheEndOfAPausedListener(t *testing.T) {
	for name, end := range map[string]func(*rig, *loop.Listener){
		"Listener.Close": func(r *rig, ln *loop.Listener) {
			if err := ln.Close(); err != nil {
				r.Error(err)
			}
		},
		"Engine.Close": func(r *rig, _ *loop.Listener) { r.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			ln := r.listen(r.always(hooks{data: echo}))
			remove := inject(t, func(c sys.Call) sys.Errno {
				if c == sys.CallAccept {
					return sys.EMFILE
				}
				return 0
			})
			c := r.dial(ln)
			until(t, "it pauses", func() bool { return r.engine.Stats().AcceptPauses > 0 })
			end(r, ln)
			c.expectReset() // nobody has accepted it
			remove()
		})
	}
}

// A listener that could not be deregistered when accepting paused stays registered,
// does not keep its loop busy, and accepts when the pause is over.
func TestC6AListenerThatCannotBeDisarmedAcceptsAgain(t *testing.T) {
	const attempts = 3
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	r.dial(ln).echoes()
	var starved atomic.Bool
	var refused atomic.Int32
	remove := inject(t, func(c sys.Call) sys.Errno {
		switch {
		case c == sys.CallAccept && starved.CompareAndSwap(false, true):
			return sys.EMFILE
		case (c == sys.CallEpollCtl || c == sys.CallKevent) && starved.Load() && refused.Load() < attempts:
			refused.Add(1)
			return sys.ENOMEM
		}
		return 0
	})
	r.dial(ln).echoes()
	remove()
	if !starved.Load() || refused.Load() == 0 {
		t.Errorf("accept paused: %v; %d changes of the registration failed", starved.Load(), refused.Load())
	}
}

// Listeners that all fail do not wake each other: what each gives back is no room.
func TestC10ListenersThatFailDoNotWakeEachOther(t *testing.T) {
	for _, errno := range []sys.Errno{sys.EMFILE, sys.ECONNABORTED} {
		t.Run(errno.Error(), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2, MaxConns: 3})
			var lns [3]*loop.Listener
			for i := range lns {
				lns[i] = r.listen(r.always(hooks{data: echo}))
			}
			for range 2 { // so that a try takes the last place
				r.dial(lns[0]).echoes()
			}
			remove := inject(t, func(c sys.Call) sys.Errno {
				if c != sys.CallAccept {
					return 0
				}
				return errno
			})
			var waiting []*client
			for _, ln := range lns {
				waiting = append(waiting, r.dial(ln))
			}
			// 5, 10, 20 ms and so on: six pauses of each take 155 ms, in which listeners
			// that wake each other have thousands.
			begun := r.engine.Stats().AcceptPauses
			timer := make(chan struct{})
			l := r.engine.Loops()[0]
			do(t, l, func() { l.AfterFunc(150*time.Millisecond, func() { close(timer) }) })
			take(t, "the time", timer)
			if n := r.engine.Stats().AcceptPauses - begun; n > 60 {
				t.Errorf("%d pauses of %d listeners in 150 ms", n, len(lns))
			}
			for _, c := range waiting[1:] {
				c.Close() // there is one place
			}
			remove()
			waiting[0].echoes()
		})
	}
}
