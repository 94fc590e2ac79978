package loop

// How a loop waits for events, and when it does not.

import (
	"runtime"
	"time"
)

// wait fills events, blocking only if nothing is left to do. It does nothing
// when a panic cut the turn short, whose rest comes first.
func (l *Loop) wait() {
	if l.resumed {
		l.resumed = false
		return
	}
	l.took = false
	l.event, l.arrived = 0, 0
	n, err := l.poll()
	l.forgetClock()
	if err != nil {
		l.failure = err
		l.stopping = true
		return
	}
	l.stats.Turns++
	l.arrived = n
	l.hot = n > 1
	if l.control.Load() != 0 {
		l.obey()
	}
}

func (l *Loop) poll() (int, error) {
	if l.hasWork() {
		l.yield()
		return l.poller.Wait(l.events, 0)
	}
	if l.hot || l.engine.cfg.Spin > 0 {
		if n, err := l.pollBusy(); n != 0 || err != nil {
			return n, err
		}
	}
	// Nothing is ready: whoever else is runnable on this processor goes first,
	// since the scheduler notices only later that a thread has blocked.
	l.busy = 0
	runtime.Gosched()
	timeout := l.untilTimer()
	// A wake that came with a control bit may have ended a poll just now, which
	// found no event: look at both before blocking.
	if !l.tasks.Sleep() || l.control.Load() != 0 {
		timeout = 0
	}
	n, err := l.poller.Wait(l.events, timeout)
	l.tasks.Awake()
	return n, err
}

// pollBusy polls without blocking: once, or for as long as Spin says.
func (l *Loop) pollBusy() (int, error) {
	l.yield()
	n, err := l.poller.Wait(l.events, 0)
	if n != 0 || err != nil || l.engine.cfg.Spin == 0 {
		return n, err
	}
	begun := l.engine.clock()
	now := begun
	for end := later(begun, l.engine.cfg.Spin); now < end; now = l.engine.clock() {
		runtime.Gosched()
		n, err = l.poller.Wait(l.events, 0)
		if n != 0 || err != nil || !l.tasks.Empty() || l.control.Load() != 0 || l.untilTimer() == 0 {
			break
		}
	}
	l.stats.Spun += time.Duration(now - begun)
	return n, err
}

// yield lets other goroutines run every few turns of a loop that does not block.
func (l *Loop) yield() {
	if l.busy++; l.busy >= busyTurns {
		l.busy = 0
		runtime.Gosched()
	}
}

// hasWork tells whether the next wait must not block.
func (l *Loop) hasWork() bool {
	return !l.backlog.empty() || !l.dirty.empty() || !l.tasks.Empty() || l.control.Load() != 0
}

// untilTimer returns how long the loop may block: negative for ever.
func (l *Loop) untilTimer() time.Duration {
	when, ok := l.wheel.Next()
	if !ok {
		return -1
	}
	return time.Duration(max(0, when-l.engine.clock()))
}

// obey takes what the engine asked for.
func (l *Loop) obey() {
	bits := l.control.Swap(0)
	if bits&controlStop != 0 {
		l.stopping = true
	}
	if bits&controlDrain != 0 {
		l.drain()
	}
	if bits&controlRearm != 0 {
		l.rearm()
	}
}
