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
	timer  wheel.Timer
	loop   *Loop
	f      func()
	period int64 // 0: once
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
	t := l.AfterFunc(d, f)
	t.period = int64(d)
	return t, nil
}

// Stop makes the timer not fire, until Reset. It returns whether the timer was
// to fire. After Stop the function is not called, even if the timer was due.
func (t *Timer) Stop() bool { return t.loop.wheel.Stop(&t.timer) }

// Reset makes the timer fire d from now, once, or first if it is one of Every.
// It returns whether the timer was to fire. It allocates nothing, and moving a
// timer later costs little more than a store.
func (t *Timer) Reset(d time.Duration) bool {
	was := t.timer.Armed()
	t.loop.wheel.Set(&t.timer, later(t.loop.engine.clock(), max(d, 1)))
	return was
}

// Expire runs the timer.
func (t *Timer) Expire(*wheel.Timer) {
	l := t.loop
	if t.period > 0 {
		next := t.timer.When() + t.period
		if now := l.clock(); next <= now {
			next += (now - next + t.period) / t.period * t.period
		}
		l.wheel.Set(&t.timer, next)
	}
	l.stats.Timers++
	l.culprit = t
	t.f()
	l.culprit = nil
}

func (t *Timer) panicked(*PanicError) {
	if t.period > 0 {
		t.Stop()
	}
}
