//go:build unix && faultinject

package loop_test

// Registrations that the kernel does not let go.

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// A Close that the kernel refused says so and has ended the registration all the
// same: its function is not called again, and what it leaves behind goes with the
// next event instead of coming again in every turn.
func TestC10ARegistrationThatCannotBeRemovedIsRemovedLater(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, b := pair(t)
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	const refused = 3
	var refusals atomic.Int32
	remove := inject(t, func(c sys.Call) sys.Errno {
		if (c == sys.CallEpollCtl || c == sys.CallKevent) && refusals.Load() > 0 {
			refusals.Add(-1)
			return syscall.ENOMEM
		}
		return 0
	})
	calls, over := 0, false
	register := func() (reg *loop.Registration, err error) {
		do(t, l, func() {
			reg, err = l.Register(a.FD(), poller.Read, func(poller.Event) {
				if calls++; over {
					t.Error("called after Close")
				}
			})
		})
		return reg, err
	}
	reg, err := register()
	if err != nil {
		t.Fatal(err)
	}
	turn(t, l)
	do(t, l, func() {
		if calls == 0 {
			t.Error("the event did not come")
		}
		refusals.Store(refused)
		over = true
		if err := reg.Close(); !errors.Is(err, syscall.ENOMEM) {
			t.Errorf("Close: %v, want ENOMEM", err)
		}
	})
	until(t, "the kernel has been asked often enough", func() bool { return refusals.Load() == 0 })
	turn(t, l)
	remove()
	do(t, l, func() { over = false })
	if reg, err = register(); err != nil {
		t.Fatalf("the descriptor is still registered: %v", err)
	}
	do(t, l, func() {
		if err := reg.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// What the kernel keeps of a registration that is closed does not keep its loop:
// no event comes that could try again, and the engine ends all the same.
func TestC7ARegistrationThatCannotBeRemovedDoesNotKeepTheLoop(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, _ := pair(t)
	reg := registered(t, l, a.FD(), poller.Read, func(poller.Event) { t.Error("called, and there is nothing to read") })
	do(t, l, func() {
		remove := inject(t, func(c sys.Call) sys.Errno {
			if c == sys.CallEpollCtl || c == sys.CallKevent {
				return syscall.ENOMEM
			}
			return 0
		})
		if err := reg.Close(); !errors.Is(err, syscall.ENOMEM) {
			t.Errorf("Close: %v, want ENOMEM", err)
		}
		remove()
	})
	r.stop()
}
