//go:build unix

package loop_test

// Arguments that make no sense: an error where there is room for one, else a line
// in the log, and nothing else suffers.

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// The panic of a timer without a function is logged and counted, and is harmless:
// what is due beside it comes, the timer can be set and stopped like any other.
func TestATimerWithoutAFunctionIsHarmless(t *testing.T) {
	var log lines
	r := newRig(t, loop.Config{Loops: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	l := r.engine.Loops()[0]
	c := r.dial(r.listen(r.always(hooks{data: echo})))
	c.echoes()
	fired := make(chan struct{})
	do(t, l, func() {
		l.AfterFunc(1, nil)
		l.AfterFunc(-1, nil).Stop()
		again := l.AfterFunc(1, nil)
		again.Reset(2)
		l.AfterFunc(3e6, func() { close(fired) })
	})
	take(t, "the other timer", fired)
	turn(t, l)
	if n := r.engine.Stats().Panics; n != 2 {
		t.Errorf("%d panics, want 2: one timer was stopped, one moved", n)
	}
	log.mu.Lock()
	text := log.buf.String()
	log.mu.Unlock()
	if log.count() != 1 || !strings.Contains(text, "callback panicked") || !strings.Contains(text, "nil pointer") {
		t.Errorf("the log is %q", text)
	}
	c.echoes()
}

// A Timer that neither AfterFunc nor Every made never fires, and says that it was
// not to.
func TestTheZeroTimerNeverFires(t *testing.T) {
	var timer loop.Timer
	if timer.Reset(1) || timer.Stop() || timer.Reset(0) || timer.Reset(-1) {
		t.Error("the zero Timer was to fire")
	}
}

// A Registration that Register did not make is closed.
func TestTheZeroRegistrationIsClosed(t *testing.T) {
	var r loop.Registration
	for name, err := range map[string]error{"Modify": r.Modify(poller.Read), "Close": r.Close()} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s of a zero Registration: %v, want net.ErrClosed", name, err)
		}
	}
}

// Run without a context is refused and has begun nothing.
func TestRunWithoutAContext(t *testing.T) {
	before := openDescriptors()
	e, err := loop.New(loop.Config{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		//lint:ignore SA1012 what is tested
		if err := e.Run(nil); !errors.Is(err, os.ErrInvalid) || !strings.Contains(err.Error(), "run") {
			t.Errorf("Run(nil): %v, want os.ErrInvalid", err)
		}
	}
	var began atomic.Bool
	if err := e.Loops()[0].Post(func() {
		if !began.Load() {
			t.Error("a Run that was refused runs the loops")
		}
	}); err != nil {
		t.Error(err)
	}
	for range 1000 {
		runtime.Gosched()
	}
	began.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	do(t, e.Loops()[1], func() {})
	cancel()
	if err := take(t, "the end of Run", ran); err != nil {
		t.Errorf("Run: %v", err)
	}
	//lint:ignore SA1012 what is tested
	if err := e.Run(nil); err == nil {
		t.Error("Run(nil) after the end succeeds")
	}
	expectDescriptors(t, before)
}
