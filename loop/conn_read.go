package loop

// The receiving side of a connection: from the kernel to OnData.

import (
	"github.com/eddyline/eddyline/internal/sys"
)

const (
	// noOffer is when a connection is neither read nor offered anything.
	noOffer = userPaused | pressed | closing | closed
	// maxOffers bounds the OnData calls that one connection gets in a row: a
	// handler that takes a message per call must not keep its loop for a whole
	// buffer of tiny ones.
	maxOffers = 256
	// minTail is the least room that is offered to the kernel behind queued
	// input: less would cost more calls than the copy it saves.
	minTail = 2 << 10
	// minCharge is what a receive counts for at least: a peer that dribbles bytes
	// must not keep the loop for a call per byte.
	minCharge = 1 << 10
)

// work does what the connection has to do on its input: offer what is queued,
// receive what the kernel has, tell of the end. Edge-triggered readiness comes
// only once, so whatever is left for later has a flag, and a place in the
// backlog unless something else will bring it back.
//
// Receiving and sending are done from here and not further down: a processor
// mispredicts the returns from all the functions that a system call was made
// within, since the kernel's own calls have taken the place of theirs.
func (c *Conn) work() {
	if c.flags&(closed|lingering|writeFailed|reoffer) != 0 && !c.resume() {
		return
	}
	l := c.loop
	for budget := l.engine.cfg.ReadBudget; c.flags&(noOffer|readReady|reoffer) == readReady; {
		if budget <= 0 {
			c.enqueue()
			return
		}
		buf, queued := l.buf, c.queuedIn()
		if queued > 0 {
			buf = c.tail(queued)
		}
		n, errno := sys.Recv(int(c.fd), buf)
		l.stats.Receives++
		budget -= max(n, minCharge)
		if n == 0 || errno != 0 {
			c.receivedNothing(errno)
			continue
		}
		if n < len(buf) && !c.is(distrust) {
			c.flags &^= readReady
		}
		l.stats.BytesIn += uint64(n)
		c.touch()
		if c.is(endTold) {
			// Linux delivers late data after SHUT_RD; the handler has heard of the end.
			continue
		}
		if queued > 0 {
			c.queues.in.Advance(n)
			c.offerQueued()
			continue
		}
		rest := c.offer(buf[:n])
		c.end()
		if c.flags&(reoffer|noOffer) == reoffer {
			c.enqueue()
		}
		if len(rest) > 0 && !c.is(closed) {
			c.acquireQueues().in.Store(l.blocks, rest)
		}
	}
	if c.flags&(noOffer|reoffer|peerEnded|endTold) == peerEnded {
		c.tellEnd()
	}
}

// resume does what comes before receiving, and tells whether to go on to that.
func (c *Conn) resume() bool {
	if c.is(closed) {
		return false
	}
	if c.is(lingering) {
		c.discard()
		return false
	}
	if c.is(writeFailed) {
		c.settleFailed()
	}
	if c.is(reoffer) && c.flags&noOffer == 0 {
		c.flags &^= reoffer
		if c.queuedIn() > 0 {
			c.offerQueued()
		}
	}
	return true
}

// tail returns where to receive behind the queued input.
func (c *Conn) tail(queued int) []byte {
	room := c.loop.engine.cfg.MaxInbound - queued
	buf := c.queues.in.Tail(c.loop.blocks, min(minTail, room))
	return buf[:min(len(buf), room, sys.MaxTransfer)]
}

// receivedNothing takes the end of the input, or why there is nothing to be had.
func (c *Conn) receivedNothing(errno sys.Errno) {
	c.flags &^= readReady
	switch {
	case errno == 0:
		c.flags |= peerEnded
		if c.flags&(writeFailed|endTold) == writeFailed|endTold {
			c.fail(nil) // the handler is owed no more than OnClose
		}
	case errno != sys.EAGAIN:
		c.reset(c.connError("read", sys.CallRecv, errno))
	case c.is(writeFailed):
		// All that came before the failure has been offered.
		c.fail(nil)
	}
}

// offerQueued offers the queued input and keeps what is not consumed.
func (c *Conn) offerQueued() {
	in := c.queues.in.Bytes()
	rest := c.offer(in)
	c.end()
	if c.flags&(reoffer|noOffer) == reoffer {
		c.enqueue()
	}
	c.queues.in.Consume(c.loop.blocks, len(in)-len(rest))
	c.releaseQueues()
}

// offer calls OnData until the handler waits for more, and returns what it did
// not consume. The caller ends the callback.
func (c *Conn) offer(in []byte) (rest []byte) {
	c.begin()
	for calls := 0; len(in) > 0; calls++ {
		if c.flags&noOffer != 0 || calls == maxOffers {
			c.flags |= reoffer
			break
		}
		c.flags &^= reoffer
		c.loop.input = in
		n, err := c.handler.OnData(c, in)
		if uint(n) > uint(len(in)) {
			c.closeWith(ErrCount)
			break
		}
		in = in[n:]
		if err != nil {
			c.closeWith(err)
			break
		}
		// Having set reoffer, SetHandler or Resume wants one more call.
		if n == 0 && !c.is(reoffer) {
			// Who could not write will be offered it once more.
			if len(in) >= c.loop.engine.cfg.MaxInbound && !c.is(pressed) {
				c.closeWith(ErrMaxInbound)
			}
			break
		}
	}
	c.loop.input = nil
	return in
}

// tellEnd tells the handler of the peer's FIN, or ends the connection for a
// handler that does not care.
func (c *Conn) tellEnd() {
	c.flags |= endTold
	if c.is(writeFailed) {
		c.fail(nil)
		return
	}
	h, ok := c.handler.(EOFHandler)
	if !ok {
		c.beginClose()
		return
	}
	c.begin()
	h.OnEOF(c)
	c.end()
	c.markDirty()
}

// discard reads a closed connection's late input to nowhere, until the peer's
// FIN comes.
func (c *Conn) discard() {
	for budget := c.loop.engine.cfg.ReadBudget; c.flags&(readReady|closed) == readReady; {
		if budget <= 0 {
			c.enqueue()
			return
		}
		budget -= max(c.receiveLate(), minCharge)
	}
}

// receiveLate is one receive whose bytes nobody wants. It returns their number.
func (c *Conn) receiveLate() int {
	n, errno := sys.Recv(int(c.fd), c.loop.buf)
	c.loop.stats.Receives++
	switch {
	case errno == sys.EAGAIN:
		c.flags &^= readReady
	case errno != 0:
		c.reset(c.connError("close", sys.CallRecv, errno))
	case n == 0:
		c.fail(nil)
	}
	return n
}
