package loop

// One turn of a loop: what it works through, and in which order.

import (
	"runtime/debug"

	"github.com/eddyline/eddyline/poller"
)

// turns runs turns until the loop shall end, or until a callback panics: then
// it returns false and is called again to finish the turn.
func (l *Loop) turns() (over bool) {
	defer l.recovered()
	for !l.stopping {
		l.turn()
	}
	return true
}

func (l *Loop) turn() {
	l.wait()
	l.deliver()
	l.resumeBacklog()
	l.runTasks()
	l.runTimers()
	l.endTurn()
}

func (l *Loop) recovered() {
	if v := recover(); v != nil {
		l.blame(v)
	}
}

// blame ends what the callback that panicked belongs to.
func (l *Loop) blame(v any) {
	err := &PanicError{Value: v, Stack: debug.Stack()}
	l.stats.Panics++
	c, r := l.current, l.culprit
	l.current, l.culprit, l.input = nil, nil, nil
	l.resumed = true
	l.cork = l.cork[:0]
	if l.draining && !l.told {
		// The panic has cut the telling short; who was told is not told again.
		l.control.Or(controlDrain)
	}
	switch {
	case c != nil:
		c.reset(err)
	case r != nil:
		r.stop(err)
	}
	l.engine.log.panicked(err)
}

// deliver brings the events to those they are for, a group at a time.
func (l *Loop) deliver() {
	for l.event < l.arrived {
		group := l.events[l.event:min(l.event+markGroup, l.arrived)]
		var conns [markGroup]*Conn
		l.mark(group, &conns)
		for i := range group {
			l.event++
			if c := conns[i]; c == nil {
				l.deliverOther(group[i])
			} else if c.is(readReady) {
				c.work()
			}
		}
	}
}

// mark tells the connections among the events what they are ready for.
func (l *Loop) mark(events []poller.Event, conns *[markGroup]*Conn) {
	for i, ev := range events {
		if c, ok := l.slots.get(ev.Token).(*Conn); ok {
			c.mark(ev.Ready)
			conns[i] = c
		}
	}
}

// deliverOther brings an event to what is no connection, or was none when its group
// was marked.
func (l *Loop) deliverOther(ev poller.Event) {
	if s := l.slots.get(ev.Token); s != nil {
		s.ready(ev.Ready)
	}
}

// resumeBacklog gives every connection that has work left over one more go;
// what is left after that waits for the next turn, behind the events.
func (l *Loop) resumeBacklog() {
	l.backlog.begin()
	for c := l.backlog.next(); c != nil; c = l.backlog.next() {
		c.flags &^= inBacklog
		c.work()
	}
}

func (l *Loop) runTasks() {
	if l.next == len(l.batch) {
		// A task that panics resumes the turn: it must not get another batch.
		if l.took || l.tasks.Empty() {
			return
		}
		l.took = true
		l.batch, l.next = l.tasks.Take(l.batch[:0], maxTasks), 0
	}
	for l.next < len(l.batch) {
		t := l.batch[l.next]
		l.batch[l.next] = nil
		l.next++
		l.stats.Tasks++
		t.run(l)
	}
}

func (l *Loop) runTimers() {
	if l.wheel.Len() == 0 {
		return
	}
	l.wheel.Collect(l.clock())
	for t := l.wheel.Pop(); t != nil; t = l.wheel.Pop() {
		l.stats.Timers++
		t.Expire()
	}
}

// endTurn flushes what was written for others, then takes down what was
// closed. A connection that its own OnDrain makes dirty again waits for the
// next turn.
func (l *Loop) endTurn() {
	l.dirty.begin()
	for c := l.dirty.next(); c != nil; c = l.dirty.next() {
		c.flags &^= inDirty
		c.settle()
	}
	l.takeDown()
	l.settleTimers()
	l.settleMoved()
	l.stats.publish(l)
	if l.draining && l.conns.Load() == 0 {
		l.stopping = true
	}
}

// takeDown finishes the connections that were closed in this turn, those
// included that an OnClose closes. Their descriptors are closed only here, so no
// number comes back within a batch.
func (l *Loop) takeDown() {
	for {
		l.closed.begin()
		c := l.closed.next()
		if c == nil {
			return
		}
		c.takeDown()
	}
}
