//go:build unix

package loop_test

// C9 of the contract: no timer fires early, a late loop fires each once.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

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

// A timer that is set before Run, by a clock that was read long before, is not early.
func TestC9TimersSetBeforeRunAreNotEarly(t *testing.T) {
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	l := e.Loops()[0]
	const age, delay = 30 * time.Millisecond, 40 * time.Millisecond
	l.AfterFunc(delay, func() {}) // reads the clock
	time.Sleep(age)
	set := time.Now()
	var took time.Duration
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.AfterFunc(delay, func() {
		took = time.Since(set)
		cancel()
	})
	if err := e.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if took < delay {
		t.Errorf("a timer of %v fired after %v", delay, took)
	}
}
