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
