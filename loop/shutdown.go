package loop

// How a loop comes to its end.

import "net"

// drain begins the orderly end: no new connections, and every connection is
// asked to finish. After a panic it goes on where that was.
func (l *Loop) drain() {
	l.draining = true
	for d := range l.dials {
		d.finish(nil, net.ErrClosed)
	}
	for s := l.slots.next(&l.asked); s != nil; s = l.slots.next(&l.asked) {
		if d, ok := s.(drainer); ok {
			d.drain()
		}
	}
	l.told = true
}

// A drainer is a source with something to do when the engine shuts down.
type drainer interface{ drain() }

// A stopper is a source that must be ended with its loop.
type stopper interface{ stop(err error) }

// teardown ends everything that lives on the loop. Like turns it returns false
// when a callback panicked, and is called again to go on. Tasks that were
// accepted still run; later ones are refused, so that it comes to an end.
func (l *Loop) teardown() (over bool) {
	defer l.recovered()
	l.stopping, l.draining = true, true
	cause := l.failure
	if cause == nil {
		cause = net.ErrClosed
	}
	l.batch = append(l.batch, l.tasks.Close()...)
	for l.next < len(l.batch) || len(l.dials) > 0 || l.slots.used > 0 {
		l.runTasks()
		for d := range l.dials {
			d.finish(nil, cause)
		}
		l.takeDown() // first: not every panic of an OnClose is worth a look at all slots
		l.slots.all(func(s source) {
			if s, ok := s.(stopper); ok {
				s.stop(cause)
			}
		})
		l.endTurn()
	}
	l.stats.publish(l)
	// Closing a poller fails only when it is closed already.
	_ = l.poller.Close()
	return true
}
