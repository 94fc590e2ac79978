package loop

// Timers of a loop, on its timing wheel.

import (
	"fmt"
	"os"
	"time"

	"github.com/eddyline/eddyline/internal/wheel"
)

// Timer calls a function on the goroutine of its loop. Its methods belong to
// that goroutine.
type Timer struct {
	timer wheel.Timer // its Mark is Loop.notes while the timer is one of Loop.noted
	loop  *Loop
	f     func()
}

const (
	// clockSlack is how old the turn's clock may be for a timer that is set by it.
	clockSlack = 200 * time.Microsecond
	// maxNoted bounds the timers that are set by one reading of the clock.
	maxNoted = 1024
)

// set arms t for d from now without reading the clock, which would cost more
// than all the rest: by the turn's clock, with some slack. If the turn has taken
// longer than that, settleTimers makes up for it before any timer fires.
func (l *Loop) set(t *Timer, d time.Duration) {
	l.wheel.Set(&t.timer, later(later(l.clock(), max(d, 1)), clockSlack))
	if t.timer.Mark == l.notes {
		return
	}
	t.timer.Mark = l.notes
	l.noted = append(l.noted, t)
	if len(l.noted) == maxNoted {
		l.settleTimers()
	}
}

// settleTimers puts off the timers that were set by a clock older than the
// slack, so that none of them is early.
func (l *Loop) settleTimers() {
	if len(l.noted) == 0 {
		return
	}
	now := l.engine.clock()
	late := time.Duration(now-l.now) - clockSlack
	l.now = now
	if late > 0 {
		for _, t := range l.noted {
			if t.timer.Armed() {
				l.wheel.Set(&t.timer, later(t.timer.When(), late))
			}
		}
	}
	clear(l.noted)
	l.noted = l.noted[:0]
	l.notes++
}

// AfterFunc calls f once, d from now on the wall, never earlier and about a
// millisecond later at most on an idle loop. A d of 0 or less means the clock's
// next millisecond, so that a timer which always re-arms itself does not spin; for
// the next turn use Post. A panic of f is logged and ends nothing else; so is
// that of a nil f. A timer that is due after its loop has ended does not fire.
func (l *Loop) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{loop: l, f: f}
	t.timer.Owner = t
	t.Reset(d)
	return t
}

// Every calls f every d, first d from now. A loop that is late calls it once,
// and then at the next multiple of d; calls are not made up for. A panic of f is
// logged and stops the timer. The error is os.ErrInvalid when d is not positive or
// f is nil.
func (l *Loop) Every(d time.Duration, f func()) (*Timer, error) {
	if d <= 0 || f == nil {
		return nil, fmt.Errorf("loop: every %v, or nil function: %w", d, os.ErrInvalid)
	}
	t := l.AfterFunc(d, nil)
	t.f = func() {
		t.advance(int64(d))
		panicked := true
		defer func() {
			if panicked {
				t.Stop()
			}
		}()
		f()
		panicked = false
	}
	return t, nil
}

// advance arms a timer that has fired for the next multiple of period that is
// not over. It comes before the call, so that the function may stop the timer.
func (t *Timer) advance(period int64) {
	next := t.timer.When() + period
	if now := t.loop.clock(); next <= now {
		next += (now - next + period) / period * period
	}
	t.loop.wheel.Set(&t.timer, next)
}

// Stop makes the timer not fire, until Reset. It returns whether the timer was
// to fire. After Stop the function is not called, even if the timer was due.
func (t *Timer) Stop() bool { return t.loop.wheel.Stop(&t.timer) }

// Reset makes the timer fire d from now, once, or first if it is one of Every.
// It returns whether the timer was to fire. It allocates nothing, and moving a
// timer later costs little more than a store.
func (t *Timer) Reset(d time.Duration) bool {
	was := t.timer.Armed()
	t.loop.set(t, d)
	return was
}

// Expire runs the timer.
func (t *Timer) Expire(*wheel.Timer) {
	l := t.loop
	l.stats.Timers++
	l.culprit = t
	t.f()
	l.culprit = nil
}

// panicked has nothing to end: the timer has fired.
func (t *Timer) panicked(*PanicError) {}
