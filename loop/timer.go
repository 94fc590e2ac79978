package loop

// Timers of a loop, on its timing wheel.

import (
	"fmt"
	"os"
	"time"

	"github.com/eddyline/eddyline/internal/wheel"
)

// Timer calls a function on the goroutine of its loop. Its methods belong to
// that goroutine. The zero Timer never fires, whatever is set: timers come from
// AfterFunc and Every.
type Timer struct {
	timer wheel.Timer // its Mark is Loop.noted's epoch while the timer is among those
	loop  *Loop
	f     func()
}

// clockSlack is how old the turn's clock may be for a timer that is set by it.
const clockSlack = 200 * time.Microsecond

// notes are the timers that were set by one reading of the clock.
type notes struct {
	epoch  uint32 // which reading that is, from 1; a timer's Mark has it once it is noted
	n      uint
	timers [1024]*Timer
}

func (s *notes) full() bool { return s.n >= uint(len(s.timers)) }

// add notes t, for which there is room, once.
func (s *notes) add(t *Timer) {
	n := s.n
	if t.timer.Mark == s.epoch {
		return
	}
	t.timer.Mark = s.epoch
	s.timers[n] = t
	s.n = n + 1
}

func (s *notes) forget() {
	clear(s.timers[:s.n])
	s.n = 0
	s.epoch++
}

// set arms t for d from now without reading the clock, which would cost more
// than all the rest: by the turn's clock, with some slack. If the turn has taken
// longer than that, settleTimers makes up for it before any timer fires.
func (l *Loop) set(t *Timer, d time.Duration) {
	l.clock()
	if l.noted.full() {
		l.settleTimers()
	}
	l.noted.add(t)
	l.wheel.Set(&t.timer, later(l.base, max(d, 1)))
}

// settleTimers puts off the timers that were set by a clock older than the
// slack, so that none of them is early.
func (l *Loop) settleTimers() {
	if l.noted.n == 0 {
		return
	}
	was := l.base
	l.readClock()
	if late := time.Duration(l.now - was); late > 0 {
		for _, t := range l.noted.timers[:l.noted.n] {
			if t.timer.Armed() {
				l.wheel.Set(&t.timer, later(t.timer.When(), late))
			}
		}
	}
	l.noted.forget()
}

// AfterFunc calls f once, d from now on the wall, never earlier and about a
// millisecond later at most on an idle loop. A d of 0 or less means the clock's
// next millisecond, so that a timer which always re-arms itself does not spin; for
// the next turn use Post. A panic of f is logged and ends nothing else; so is
// that of a nil f. A timer that is due after its loop has ended does not fire.
func (l *Loop) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{loop: l, f: f}
	t.timer.Owner = (*dueTimer)(t)
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
func (t *Timer) Stop() bool { return t.loop != nil && t.loop.wheel.Stop(&t.timer) }

// Reset makes the timer fire d from now, once, or first if it is one of Every.
// It returns whether the timer was to fire. It allocates nothing, and moving a
// timer later costs little more than a store.
func (t *Timer) Reset(d time.Duration) bool {
	// What pushes an idle timeout back at every message is here in full: with very
	// many timers each is a miss of the caches, and the less is done for one, the
	// more of them the processor fetches at a time. That when is behind the base
	// says that d is positive, that the sum did not overflow, and that there is one.
	l := t.loop
	if l == nil {
		return false
	}
	when := l.base + int64(d)
	if when <= l.base || l.noted.full() || !t.timer.Postponable(when) {
		return t.reset(d)
	}
	l.noted.add(t)
	t.timer.Postpone(when)
	return true
}

// reset is Reset of any timer to any time.
func (t *Timer) reset(d time.Duration) bool {
	was := t.timer.Armed()
	t.loop.set(t, d)
	return was
}

// dueTimer is a Timer as the wheel sees it.
type dueTimer Timer

func (t *dueTimer) Expire(*wheel.Timer) {
	t.loop.stats.Timers++
	t.f()
}
