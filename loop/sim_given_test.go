//go:build linux

package loop

// What was given to a loop from outside of it, and has been taken: it must come to
// pass, in order, unless the connection that it was for has ended.

import "math/rand/v2"

// simGiven is something that a loop has taken.
type simGiven struct {
	task uint64   // which of all tasks of the loop it is
	x    *simConn // that it is for
	ran  *bool    // whether its function has run; nil for none
	ends bool     // it closes the connection
	size int      // of a write
}

// nextTask is which of all tasks of the loop the next one will be.
func (s *simSite) nextTask() uint64 { return s.taken() + uint64(s.tasks.Len()) + 1 }

// checkTurnOf wants it to be the turn of a task that runs.
func (s *simSite) checkTurnOf(w *simWorld, task uint64) {
	if s.stats.Tasks != task {
		w.fail("C7: task %d of loop %d runs, task %d was next", task, s.index, s.stats.Tasks)
	}
}

func (s *simSite) give(g simGiven) { s.given = append(s.given, g) }

// refDo gives a function to the connection's loop.
func (x *simConn) refDo(ref Ref, rng *rand.Rand) error {
	ran, number := false, x.site.nextTask()
	err := ref.Do(func(c *Conn) {
		x.w.called++
		x.site.checkTurnOf(x.w, number)
		if ran {
			x.fail("C7: the function of Ref.Do runs twice")
		}
		if c != x.c || c.is(closed) {
			x.fail("C8: Ref.Do brings another connection, or one that is gone")
		}
		ran = true
		x.act(rng)
	})
	if err == nil {
		x.site.give(simGiven{task: number, x: x, ran: &ran})
	}
	return err
}

// checkGiven wants what the loop's tasks of the past were to do to be done.
func (s *simSite) checkGiven() {
	for len(s.given) > 0 && s.given[0].task <= s.stats.Tasks {
		g := s.given[0]
		s.given = s.given[1:]
		switch x := g.x; {
		case x.over || x.c.is(closed):
		case g.ran != nil && !*g.ran:
			x.fail("C7: a Ref.Do was taken, and its function has not run")
		case g.ends && !x.c.is(closing):
			x.fail("C7: a Ref.Close was taken, and the connection goes on")
		}
	}
}

// keepPromises notes which writes through Refs have run while the output was open: what
// they took is sent before its end.
func (x *simConn) keepPromises() {
	if x.c.flags&noWrite != 0 {
		return
	}
	for len(x.writes) > 0 && x.writes[0].task <= x.site.stats.Tasks {
		x.promised += x.writes[0].size
		x.writes = x.writes[1:]
	}
}

// summon notes what the loop, whose next turn is the first one since Shutdown, owes to
// its connections.
func (w *simWorld) summon(s *simSite) {
	s.summoned = true
	for _, x := range w.conns(s.Loop) {
		if !x.c.is(closing | closed) {
			_, hears := x.c.handler.(ShutdownHandler)
			x.summoned, x.drained = hears, !hears
		}
	}
}

// drained tells whether the loop has told all that it has of Shutdown: a panic puts the
// rest off.
func (s *simSite) drained() bool { return s.summoned && s.control.Load()&controlDrain == 0 }

// checkListening wants a loop that Shutdown has found to listen no more.
func (w *simWorld) checkListening(s *simSite) {
	for _, ln := range w.sockets {
		if s.drained() && ln.loop == s.Loop && ln.placed && !ln.over {
			w.fail("C6: Shutdown has begun, and loop %d listens at %v", s.index, ln.addr)
		}
	}
}

// checkSummons wants a connection that Shutdown has found to have heard of it.
func (x *simConn) checkSummons() {
	if x.summoned && !x.asked && !x.closing && !x.refClosed && x.site.drained() {
		x.fail("C2: Shutdown has begun, and OnShutdown was not called")
	}
}
