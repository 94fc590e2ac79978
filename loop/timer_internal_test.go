//go:build unix

package loop

import (
	"testing"
	"time"
)

// However old the turn's clock is when timers are set, and however many of them
// one reading has to do for, none is early, and none is put off further than the
// clock's age (hazard: a timer set by a stale clock).
func TestNoTimerIsEarlyByAnOldClock(t *testing.T) {
	e, err := New(Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	l := e.loops[0]
	const (
		age   = 50 * time.Millisecond
		delay = 10 * time.Second
	)
	timers := make([]*Timer, 2*len(l.noted.timers)+10)
	for i := range timers {
		timers[i] = l.AfterFunc(time.Second, func() {})
	}
	l.settleTimers()
	l.readClock()
	l.now -= int64(age)
	l.base -= int64(age)
	set := make([]int64, len(timers))
	for i, timer := range timers {
		set[i] = e.clock()
		if !timer.Reset(delay) {
			t.Fatalf("timer %d was not armed", i)
		}
		if i%5 == 0 {
			timer.Reset(delay) // once more in the same turn: it must not be put off twice
		}
	}
	l.settleTimers()
	latest := later(later(e.clock(), clockSlack), delay)
	for i, timer := range timers {
		when := timer.timer.When()
		if when < set[i]+int64(delay) {
			t.Fatalf("timer %d is early by %v", i, time.Duration(set[i]+int64(delay)-when))
		}
		if when > latest {
			t.Fatalf("timer %d is late by %v", i, time.Duration(when-latest))
		}
	}
}

// What moves bytes does not read the clock, however old the turn's is: the end of
// the turn does, and a deadline that is looked at before knows of it.
func TestNoIdleTimeoutIsEarlyByAnOldClock(t *testing.T) {
	e, err := New(Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	l := e.loops[0]
	const idle = time.Hour
	var conns [3]*Conn
	for i := range conns {
		conns[i] = &Conn{loop: l}
		conns[i].SetIdleTimeout(idle)
		conns[i].limits.active = 1
	}
	l.readClock()
	l.now -= int64(time.Minute)
	moved := e.clock()
	for _, c := range conns[:2] {
		c.touch()
		c.touch()
	}
	conns[1].limits.expire()
	if at := conns[1].limits.at[IdleTimeout]; at != later(l.now, idle) {
		t.Errorf("the deadline of a connection that is not idle is %d, not an hour after %d", at, l.now)
	}
	l.settleMoved()
	for i, c := range conns {
		if d := c.limits; (d.active >= moved) != (i < 2) || d.moved {
			t.Errorf("connection %d was active at %d, bytes moved at %d (%v)", i, d.active, moved, d.moved)
		}
	}
	if len(l.moved) != 0 {
		t.Errorf("%d connections are kept", len(l.moved))
	}
}

// A delay of nothing or less is the clock's next millisecond, also for a timer whose
// time has passed in this turn: it waits for the next one.
func TestResetToNothingWaitsForTheNextTurn(t *testing.T) {
	for _, d := range []time.Duration{-time.Hour, -10 * time.Millisecond, -1, 0} {
		e, err := New(Config{Loops: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		l := e.loops[0]
		fired := 0
		timer := l.AfterFunc(time.Millisecond, func() { fired++ })
		l.settleTimers()
		l.now += int64(time.Second)
		l.base = later(l.now, clockSlack)
		if !timer.Reset(d) {
			t.Fatalf("Reset(%v): the timer was not armed", d)
		}
		if l.runTimers(); fired != 0 {
			t.Errorf("Reset(%v) fired in the same turn", d)
		}
	}
}
