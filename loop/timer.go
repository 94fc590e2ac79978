package loop

// Timers of a loop, on its timing wheel.

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/eddyline/eddyline/internal/wheel"
)

// Timer calls a function on the goroutine of its loop. Its methods belong to
// that goroutine. The zero Timer never fires, whatever is set: timers come from
// AfterFunc and Every.
type Timer struct {
	timer wheel.Timer // its Mark is putOff's
	loop  *Loop
}

// clockSlack is how old the turn's clock may be for a timer that is set by it.
const clockSlack = 200 * time.Microsecond

// notes are the timers that were set by one reading of the clock; one that was
// set twice may be there twice. They fill from the end.
type notes struct {
	room   uint // 0 without a reading
	timers [1024]*Timer
}

func (s *notes) full() bool { return s.room-1 >= uint(len(s.timers)) }

// add notes t, for which there is room.
func (s *notes) add(t *Timer) {
	i := s.room - 1
	s.timers[i] = t
	s.room = i
}

// clock returns the engine's monotonic time in nanoseconds as of some moment in
// this turn.
func (l *Loop) clock() int64 {
	if l.base == untimed {
		l.readClock()
	}
	return l.now
}

// untimed is the base while the clock was not read in this turn.
const untimed = math.MaxInt64

func (l *Loop) readClock() {
	l.now = l.engine.clock()
	l.base = later(l.now, clockSlack)
	l.noted.room = uint(len(l.noted.timers))
}

func (l *Loop) forgetClock() {
	l.base = untimed
	l.noted.room = 0
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
	noted := l.noted.timers[l.noted.room:]
	if l.base == untimed || len(noted) == 0 {
		return
	}
	was := l.base
	l.readClock()
	if late := time.Duration(l.now - was); late > 0 {
		l.putOff(noted, late)
	}
	clear(noted)
}

// putOff moves every timer that is still armed, once.
func (l *Loop) putOff(timers []*Timer, by time.Duration) {
	const moved = 1
	for _, t := range timers {
		if t.timer.Armed() && t.timer.Mark != moved {
			t.timer.Mark = moved
			l.wheel.Set(&t.timer, later(t.timer.When(), by))
		}
	}
	for _, t := range timers {
		t.timer.Mark = 0
	}
}

// AfterFunc calls f once, d from now on the wall, never earlier and about a
// millisecond later at most on an idle loop. A d of 0 or less means the clock's
// next millisecond, so that a timer which always re-arms itself does not spin; for
// the next turn use Post. A panic of f is logged and ends nothing else; so is
// that of a nil f. A timer that is due after its loop has ended does not fire.
func (l *Loop) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{loop: l}
	t.timer.Expire = f
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
	t.timer.Expire = func() {
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
	next := later(t.timer.When(), time.Duration(period))
	if now := t.loop.clock(); next <= now {
		next = later(next, time.Duration((now-next)/period*period))
		next = later(next, time.Duration(period))
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
	// more of them the processor fetches at a time. A timer in the wheel has a loop;
	// a sum that overflows, and one of a base that was not read, is not taken.
	if d <= 0 || !t.timer.Waiting() {
		return t.reset(d)
	}
	l := t.loop
	when := l.base + int64(d)
	if when < t.timer.When() || l.noted.full() {
		return t.reset(d)
	}
	l.noted.add(t)
	t.timer.Postpone(when)
	return true
}

// reset is Reset of any timer to any time.
func (t *Timer) reset(d time.Duration) bool {
	if t.loop == nil {
		return false
	}
	was := t.timer.Armed()
	t.loop.set(t, d)
	return was
}
