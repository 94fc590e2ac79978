//go:build linux

package loop

// What must hold after every turn of a simulated run, and at its end.

import (
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/internal/wheel"
)

// simFair is how many tasks run in a turn, and how many OnData calls a connection has in
// one go, before the others have theirs.
const simFair = 256

// checkTurn holds a loop to the contract after one of its turns.
func (w *simWorld) checkTurn(s *simSite) {
	if w.failure != nil || s.resumed {
		return // a panic cut the turn short, and the loop is to end
	}
	if n := s.stats.Tasks - s.tasksRun; n > simFair {
		w.fail("C5: %d tasks run in one turn", n)
	}
	s.tasksRun = s.stats.Tasks
	s.checkGiven()
	queued := 0
	for _, x := range w.conns(s.Loop) {
		x.afterTurn()
		queued += x.c.queuedIn() + x.c.queuedOut()
	}
	w.checkTimers(s)
	w.checkWheel(s)
	w.checkDials(s)
	w.checkListening(s)
	w.checkWatches(s)
	w.checkSpin(s)
	w.checkStrays()
	w.checkMemory(s, queued)
	w.checkCounts(s)
	w.checkSums()
	w.checkDups()
	w.checkDescriptors()
}

// beforeTurn notes what there is to be received.
func (x *simConn) beforeTurn() {
	x.begun, x.calls = x.received, 0
	if x.everQuiet || x.c.is(closed|peerEnded) {
		return
	}
	x.floor = x.received + simUnread(int(x.c.fd))
}

// goes is how often it may have its share of a turn whose events are true: what is left
// over has one more go, in the backlog, and behind a panic one more again.
func (x *simConn) goes() int { return 2 + int(x.w.panics-x.w.panicked) }

// afterTurn holds one connection that is not over to its bounds, and to having
// everything that is left to do noted somewhere.
func (x *simConn) afterTurn() {
	c, cfg := x.c, &x.w.cfg
	if c.is(closed) {
		x.fail("C2: the turn has ended and OnClose was not called")
		return
	}
	if s := x.site.slots.get(x.site.slots.token(c.slot)); s != source(c) {
		x.fail("slot %d holds %v", c.slot, s)
	}
	if n := c.queuedIn(); n > cfg.MaxInbound {
		x.fail("C4: %d bytes of input are queued, MaxInbound is %d", n, cfg.MaxInbound)
	}
	if n := c.queuedOut(); n > cfg.MaxPending {
		x.fail("C4: %d bytes of output are queued, MaxPending is %d", n, cfg.MaxPending)
	}
	if left := x.received - x.consumed; !x.closing && c.queuedIn() != left && !c.is(closing) {
		x.fail("C1: %d bytes of input are queued, %d were not consumed", c.queuedIn(), left)
	}
	if x.rose && !c.is(inDirty|closing|writeFailed) && c.Buffered() <= x.drainMark {
		x.fail("OnDrain did not come, and %d bytes are pending", c.Buffered())
	}
	// Each may end with a whole buffer.
	if n, most := x.received-x.begun, x.goes()*(cfg.ReadBudget+max(cfg.ReadBuffer, cfg.MaxInbound)); n > most && !x.w.doubtful {
		x.fail("C5: it received %d bytes in one turn, ReadBudget is %d", n, cfg.ReadBudget)
	}
	x.keepPromises()
	x.checkSummons()
	x.checkStuck()
	x.checkHeld()
	x.checkIdle()
	x.checkLimits()
	if c.is(closing) {
		x.checkEnding()
	}
}

// checkHeld wants a connection that is not read to be held back by its handler, or by
// its output.
func (x *simConn) checkHeld() {
	c := x.c
	if c.is(userPaused) != x.paused {
		x.fail("C3: it is paused: %v, and its handler wants that: %v", c.is(userPaused), x.paused)
	}
	if c.is(inDirty | closing | writeFailed) {
		return
	}
	if !c.is(pressed) {
		x.above = x.rose
		return
	}
	mark := x.w.cfg.LowMark
	if x.above && x.drainMark == 0 {
		mark = 0
	}
	if n := c.Buffered(); n <= mark {
		x.fail("C4: it is not read for the sake of %d bytes of output, the low mark is %d", n, mark)
	}
}

// checkIdle wants bytes to move while the kernel can move them: a lost edge may be
// made up for by a later one, and must not need it.
func (x *simConn) checkIdle() {
	c := x.c
	moved := [...]int{x.received, x.consumed, c.queuedOut(), x.promised}
	if x.w.disturbed {
		return // which excuses this turn, and not those before
	}
	readable, writable := x.stuck()
	// What the last turn has left, the wait of this one has reported.
	if (readable && x.leftInput || writable && x.leftRoom) && !x.held && moved == x.moves {
		x.fail("C1: nothing moves, and the socket is readable %v, writable %v", readable, writable)
	}
	x.leftInput, x.leftRoom, x.moves = readable, writable, moved
}

// stuck tells whether there is something to be read that nothing keeps the engine from
// reading, and room for something to be sent.
func (x *simConn) stuck() (readable, writable bool) {
	c := x.c
	readable, writable = simReady(int(c.fd))
	return readable && !c.is(noOffer|lingering|writeFailed|peerEnded),
		writable && c.queuedOut() > 0 && !c.is(inDirty|writeFailed) && !x.link.peer.killed
}

// checkStuck wants every connection with something to do to be on a list.
func (x *simConn) checkStuck() {
	c := x.c
	switch {
	case c.flags&(readReady|noOffer|inBacklog|peerEnded) == readReady:
		x.fail("C3: the connection may be readable, and nothing will read it")
	case c.flags&(reoffer|noOffer|inBacklog) == reoffer && c.queuedIn() > 0:
		x.fail("C3: input is to be offered, and nothing will offer it")
	case x.owed && c.flags&(noOffer|inBacklog|inDirty|peerEnded) == 0:
		x.fail("C3: %d bytes were left, and nothing will offer them again", x.received-x.consumed)
	case c.queuedOut() > 0 && !c.is(writeBlocked|inDirty):
		x.fail("C1: output is queued, and nothing will send it")
	case c.flags&(closeWrite|finSent|closing|inDirty|writeFailed) == closeWrite && c.queuedOut() == 0:
		x.fail("C1: the output is to end, and nothing will send the FIN")
	case c.flags&(writeFailed|inBacklog|inDirty) == writeFailed:
		x.fail("C2: the output has failed, and nothing will end the connection")
	case c.flags&(finSent|endTold|closing|inDirty|writeFailed) == finSent|endTold:
		x.fail("C2: both directions have ended, and nothing will end the connection")
	case c.flags&(peerEnded|endTold|noOffer|inBacklog|reoffer) == peerEnded:
		x.fail("C3: the peer has ended, and nothing will tell the handler")
	case c.flags&(closing|lingering|inDirty) == closing && c.queuedOut() == 0:
		x.fail("C7: the connection is closing, and nothing will end it")
	}
}

// checkEnding wants a closed connection to flush, and then to linger, no longer than
// the limits say. Each of the two counts from the end of the turn that began it.
func (x *simConn) checkEnding() {
	w, limit := x.w, x.w.cfg.FlushTimeout
	if x.c.is(lingering) {
		limit = w.cfg.LingerTimeout
	}
	if phase := x.c.flags & (closing | lingering); phase != x.phase || x.c.is(inDirty) || x.wasDirty {
		x.phase, x.phaseAt, x.late = phase, w.now(), 0
	}
	x.wasDirty = x.c.is(inDirty)
	if w.began <= x.phaseAt+int64(limit)+2*simTick {
		return
	}
	// A turn that was late may have found the limit over only after its timers.
	if x.late++; x.late > 3 {
		x.fail("C7: it was closed %v ago, and should have ended %v ago", time.Duration(w.began-x.closedAt), time.Duration(w.began-x.phaseAt)-limit)
	}
}

// checkWheel wants the loop's timers to be those of what there is: none of a connection, a
// dial or a listener that has ended is left.
func (w *simWorld) checkWheel(s *simSite) {
	n := len(s.dials)
	for d := range s.dials {
		n += simArmed(&d.stagger)
	}
	for _, t := range w.timers {
		if t.site == s && t.armed {
			n++
		}
	}
	for _, ln := range s.starved {
		n += simArmed(&ln.retry)
	}
	for src := range s.sources {
		if c, ok := src.(*Conn); ok && c.limits != nil {
			n += simArmed(&c.limits.timer)
		}
	}
	if s.wheel.Len() != n {
		w.fail("C7: loop %d has %d timers, and %d are set", s.index, s.wheel.Len(), n)
	}
}

func simArmed(t *wheel.Timer) int {
	if t.Armed() {
		return 1
	}
	return 0
}

// checkSpin wants a turn that brings nothing to be followed by a wait that may
// block (C10).
func (w *simWorld) checkSpin(s *simSite) {
	st := &s.stats
	progress := st.BytesIn + st.BytesOut + st.Tasks + st.Timers + st.Accepted + st.Closed + st.Dialed + st.DialErrors +
		st.AcceptErrors + st.AcceptPauses + st.Panics
	for src := range s.sources {
		if c, ok := src.(*Conn); ok && c.is(lingering) {
			progress += st.Receives // of which BytesIn does not tell
			break
		}
	}
	if progress != s.progress || w.called > 0 || s.mayBlock() {
		s.progress, s.fruitless = progress, 0
		return
	}
	if s.fruitless++; s.fruitless > 4 {
		w.fail("C10: %d turns in a row did nothing and did not block: tasks %d, backlog %d, dirty %d, timer in %v",
			s.fruitless, s.tasks.Len(), len(s.backlog.added), len(s.dirty.added), s.untilTimer())
	}
}

// mayBlock tells whether a loop's next wait may block.
func (l *Loop) mayBlock() bool {
	return !l.hasWork() && l.untilTimer() != 0 && !l.resumed
}

// checkMemory holds the buffers of a loop to what is queued in them (C4).
func (w *simWorld) checkMemory(s *simSite, queued int) {
	if idle := s.blocks.Idle(); idle > int64(w.cfg.MaxIdleBlocks) {
		w.fail("C4: %d bytes of buffers are idle, MaxIdleBlocks is %d", idle, w.cfg.MaxIdleBlocks)
	}
	users := 0 // of buffers, those without a link included
	for src := range s.sources {
		if c, ok := src.(*Conn); ok && c.queues != nil {
			users++
			if c.queuedIn()+c.queuedOut() == 0 && !c.is(inDirty) { // it gives them back when it is settled
				w.fail("C4: a connection with nothing queued holds buffers")
			}
		}
	}
	// Of output that is sent in part the first block is there in full, and input has
	// room for more behind it.
	block := min(64<<10, 2*max(w.cfg.MaxPending, w.cfg.MaxInbound))
	if most := int64(4*queued + users*(2*block+(8<<10))); s.blocks.InUse() > most {
		w.fail("C4: %d bytes of buffers hold %d bytes of %d connections", s.blocks.InUse(), queued, users)
	}
	if s.blocks.InUse() < int64(queued) {
		w.fail("C4: %d bytes are queued, and %d are in use", queued, s.blocks.InUse())
	}
	if n := s.tasks.Len(); n > w.cfg.MaxTasks+w.places+len(w.engine.loops)+2*len(w.sockets) {
		w.fail("C4: %d tasks are queued, MaxTasks is %d", n, w.cfg.MaxTasks)
	}
}

// sources yields all that has a slot. Slots are handed out from the first on, so
// behind one that never was in use there is none.
func (s *simSite) sources(yield func(source) bool) {
	for _, chunk := range s.slots.chunks {
		for i := range chunk {
			sl := &chunk[i]
			if sl.source == nil && sl.gen == 0 || sl.source != nil && !yield(sl.source) {
				return
			}
		}
	}
}

// checkCounts compares a loop's counters with what there is.
func (w *simWorld) checkCounts(s *simSite) {
	n, there, sources := s.conns.Load(), int64(len(s.dials)), 0
	for src := range s.sources {
		sources++
		if _, ok := src.(*Conn); ok {
			there++
		}
	}
	if sources != s.slots.used {
		w.fail("C7: loop %d: %d slots are in use, %d counted", s.index, sources, s.slots.used)
	}
	if there > n || (there != n && s.tasks.Empty() && s.next == len(s.batch)) {
		w.fail("C7: loop %d: %d connections and dials, %d counted", s.index, there, n)
	}
}

// checkSums compares the engine's counters with those of its loops.
func (w *simWorld) checkSums() {
	loops, starved := int64(w.adopting), 0
	for _, s := range w.sites {
		loops += s.conns.Load()
		starved += len(s.starved)
	}
	if n := w.engine.conns.Load(); n != loops || n > int64(w.cfg.MaxConns) {
		w.fail("C4: the engine counts %d connections, its loops %d, MaxConns is %d", n, loops, w.cfg.MaxConns)
	}
	if n := w.engine.starving.Load(); int(n) != starved {
		w.fail("the engine counts %d starving listeners, its loops %d", n, starved)
	}
}

// checkEnd holds the ended engine to C2 and C7.
func (w *simWorld) checkEnd(before int) {
	var panics, adopted uint64
	for _, s := range w.sites {
		panics += s.stats.Panics
		adopted += s.stats.Adopted
		if n := s.blocks.InUse(); n != 0 {
			w.fail("C7: %d bytes of buffers are in use after the end", n)
		}
		if s.slots.used != 0 || s.conns.Load() != 0 || len(s.dials) != 0 {
			w.fail("C7: %d slots, %d connections, %d dials after the end", s.slots.used, s.conns.Load(), len(s.dials))
		}
		if s.checkGiven(); len(s.given) > 0 {
			w.fail("C7: %d tasks through a Ref were accepted, and have not run", len(s.given))
		}
		if s.ran != s.posted {
			w.fail("C7: %d tasks were accepted, %d have run", s.posted, s.ran)
		}
		if s.Post(func() {}) == nil {
			w.fail("C7: Post succeeds after the end")
		}
	}
	if st := w.engine.Stats(); st.Panics != panics || st.Adopted != adopted || st.Conns != 0 {
		w.fail("C7: %d panics and %d connections that were taken over, and the engine says %+v", panics, adopted, st)
	}
	if panics != w.panics {
		w.fail("C5: %d callbacks panicked, %d are counted", w.panics, panics)
	}
	if adopted != uint64(w.adopted) {
		w.fail("C7: %d connections were taken over, %d have arrived", w.adopted, adopted)
	}
	for _, s := range w.sockets {
		if _, _, e := sys.SocketFile(s.addr.Path()); s.addr.IsUnix() && e == 0 {
			w.fail("C7: the path of a unix listener is left")
		}
	}
	for _, l := range w.everyLink() {
		if x := &l.conn; x.made && !x.over || l.dialled && !l.dialed.over {
			w.fail("C2: the engine has ended without OnClose, or an outcome, of %v", l)
		}
		l.conn.release()
	}
	w.endWatches()
	if now := simDescriptors(); now != before {
		w.fail("C7: %d descriptors before, %d after: %s", before, now, simDescriptorList())
	}
}
