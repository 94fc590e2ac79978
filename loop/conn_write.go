package loop

// The sending side of a connection: from Write to the kernel.

import (
	"fmt"
	"net"
	"os"
	"unsafe"

	"github.com/eddyline/eddyline/internal/sys"
)

// noWrite is when nothing more can be written.
const noWrite = closing | closed | closeWrite | writeFailed

// Write takes p for sending; p is free for reuse when it returns. It takes all
// of p or nothing. A nil error means that the bytes are sent in order unless
// the connection ends first, of which OnClose tells.
//
// Inside the connection's own callback, what is written goes out in one system
// call when the callback returns, or at once if it is long; elsewhere, and past
// 256 KiB in one callback, at the end of the turn, so that a callback which
// writes until Buffered is above the high mark comes to an end however fast the
// peer reads. Errors: ErrBackpressure when MaxPending would be exceeded, after
// which OnDrain comes: when LowMark is pending, or, if no more than that was, when
// nothing is; os.ErrInvalid for a p longer than MaxPending; net.ErrClosed after Close or
// CloseWrite; the cause after a send has failed.
func (c *Conn) Write(p []byte) (int, error) {
	if c.flags&noWrite != 0 {
		return 0, c.writeError()
	}
	if room := c.loop.engine.cfg.MaxPending - c.Buffered(); len(p) > room {
		return 0, c.tooMuch(len(p))
	}
	c.take(p)
	return len(p), nil
}

// WriteString is Write for a string, which is not copied to become bytes.
func (c *Conn) WriteString(s string) (int, error) {
	return c.Write(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// Writev is Write for several slices in a row: all of them are taken or none.
func (c *Conn) Writev(bufs [][]byte) (int, error) {
	if c.flags&noWrite != 0 {
		return 0, c.writeError()
	}
	total := 0
	for _, b := range bufs {
		// No sum of more: it could overflow.
		if total += len(b); total > c.loop.engine.cfg.MaxPending {
			return 0, c.tooMuch(total)
		}
	}
	if room := c.loop.engine.cfg.MaxPending - c.Buffered(); total > room {
		return 0, c.tooMuch(total)
	}
	for _, b := range bufs {
		c.take(b)
	}
	return total, nil
}

// Buffered returns how many bytes are written and not yet taken by the kernel.
func (c *Conn) Buffered() int {
	n := c.queuedOut()
	if c.loop.current == c {
		n += len(c.loop.cork)
	}
	return n
}

// CloseWrite ends the output: what is pending is sent, then FIN. Input goes on
// to be offered. Later writes return net.ErrClosed. When the peer has ended its
// output too, the connection closes. The error is net.ErrClosed after Close or
// CloseWrite, or the cause of a failed send.
func (c *Conn) CloseWrite() error {
	if c.flags&noWrite != 0 {
		return c.writeError()
	}
	c.flags |= closeWrite
	c.markDirty()
	return nil
}

// tooMuch refuses n bytes. OnDrain will tell when they may fit, unless they never
// do.
func (c *Conn) tooMuch(n int) error {
	cfg := &c.loop.engine.cfg
	if n > cfg.MaxPending {
		return c.opError("write", fmt.Errorf("%d bytes exceed MaxPending: %w", n, os.ErrInvalid))
	}
	if c.Buffered() <= cfg.LowMark {
		c.flags |= emptyFirst
	}
	c.press()
	return ErrBackpressure
}

func (c *Conn) writeError() error {
	if c.is(writeFailed) && c.err != nil {
		return c.err
	}
	return c.opError("write", net.ErrClosed)
}

// take puts p where it belongs: into the cork, straight to the kernel when
// copying would cost more than a call, or behind what is queued already.
func (c *Conn) take(p []byte) {
	l := c.loop
	if l.current != c || c.flags&(writeBlocked|writeFailed) != 0 || c.queuedOut() > 0 || l.spent >= sendBudget {
		c.queueOut(p)
		return
	}
	if len(p) >= directSize || len(p) > cap(l.cork)-len(l.cork) {
		c.sendCork(p)
		return
	}
	l.cork = append(l.cork, p...)
	if len(l.cork) > l.engine.cfg.HighMark {
		c.press()
	}
}

// queueOut copies p behind the queued output.
func (c *Conn) queueOut(p []byte) {
	if len(p) == 0 || c.is(writeFailed) {
		return
	}
	q := c.acquireQueues()
	q.out.Append(c.loop.blocks, p)
	if q.out.Len() > c.loop.engine.cfg.HighMark {
		c.press()
	}
	if !c.is(writeBlocked) {
		c.markDirty()
	}
}

// press begins the backpressure; settle ends it.
func (c *Conn) press() {
	c.flags |= pressed
	c.markDirty()
}

// sendCork sends the cork and then extra, and queues what the kernel does not
// take.
func (c *Conn) sendCork(extra []byte) {
	l := c.loop
	first := l.cork
	l.cork = l.cork[:0]
	if c.flags&(closed|writeFailed) != 0 {
		return
	}
	for len(first)+len(extra) > 0 {
		var n int
		var errno sys.Errno
		switch {
		case len(extra) == 0:
			n, errno = sys.Send(int(c.fd), first)
		case len(first) == 0:
			n, errno = sys.Send(int(c.fd), extra)
		default:
			n, errno = c.sendTwo(first, extra)
		}
		if !c.sent(n, errno) {
			c.queueOut(first)
			c.queueOut(extra)
			return
		}
		k := min(n, len(first))
		first, extra = first[k:], extra[n-k:]
	}
}

// sendTwo is one send of first and then second.
func (c *Conn) sendTwo(first, second []byte) (int, sys.Errno) {
	vec := append(c.loop.vec[:0], first, second)
	defer clear(vec) // it would keep the caller's memory alive
	return sys.SendVec(int(c.fd), vec)
}

// sent takes the outcome of a send and tells whether to go on sending. Only
// EAGAIN promises a writable edge, so a short count is no reason to stop.
func (c *Conn) sent(n int, errno sys.Errno) bool {
	c.loop.stats.Sends++
	if errno == sys.EAGAIN {
		c.flags |= writeBlocked
		return false
	}
	if errno != 0 {
		c.sendFailed(errno)
		return false
	}
	if c.loop.current == c { // or it would have this one's output queued in front of its cork
		c.loop.spent += n
	}
	c.loop.stats.BytesOut += uint64(n)
	c.touch()
	return true
}

// sendFailed gives up the output. Input that the peer sent before is still
// offered, unless nobody wants it: then the connection is over at once.
func (c *Conn) sendFailed(errno sys.Errno) {
	c.outputFailed(c.connError("write", sys.CallSend, errno))
}

// outputFailed is sendFailed for any call.
func (c *Conn) outputFailed(cause error) {
	c.setCause(cause)
	c.flags |= writeFailed | aborting // for a FIN would make the output look complete
	if c.is(pressed) {
		c.flags |= reoffer // as drained does
	}
	c.flags &^= pressed | writeBlocked
	if c.queues != nil {
		c.queues.out.Reset(c.loop.blocks)
	}
	c.settleFailed()
	c.flags |= readReady | distrust
	c.enqueue()
}

// flush sends queued output until there is none or the kernel takes no more.
func (c *Conn) flush() {
	l := c.loop
	for c.queuedOut() > 0 && !c.is(writeBlocked) {
		vec := c.queues.out.Vec(l.vec[:0])
		n, errno := sendAll(int(c.fd), vec)
		clear(vec)
		if !c.sent(n, errno) {
			return
		}
		c.queues.out.Discard(l.blocks, n)
	}
}

// sendAll is one send of vec. One slice goes without the message header, whose
// copying and checking are a good part of what a short send costs.
func sendAll(fd int, vec [][]byte) (int, sys.Errno) {
	if len(vec) == 1 {
		return sys.Send(fd, vec[0])
	}
	return sys.SendVec(fd, vec)
}

// settle brings the output up to date at the end of a turn.
func (c *Conn) settle() {
	if c.is(closed) {
		return
	}
	c.flush()
	if c.is(pressed) && c.queuedOut() <= c.drainMark() {
		c.drained()
	}
	c.releaseQueues()
	switch {
	case c.is(closed):
	case c.is(writeFailed):
		c.settleFailed()
	case c.queuedOut() > 0:
		c.limitFlush()
	case c.flags&(closing|lingering) == closing:
		c.endOutput()
	case c.is(closeWrite):
		c.endHalf()
	}
}

// settleFailed ends a connection whose output has failed once nobody takes the rest
// of its input: then nothing is left to wait for, and no event will come.
func (c *Conn) settleFailed() {
	if c.flags&noOffer != 0 {
		c.fail(nil)
	}
}

// drainMark is how much may be pending when the backpressure ends.
func (c *Conn) drainMark() int {
	if c.is(emptyFirst) {
		return 0
	}
	return c.loop.engine.cfg.LowMark
}

// limitFlush bounds the time that Close waits for the kernel to take the rest.
func (c *Conn) limitFlush() {
	if c.is(closing) && (c.limits == nil || c.limits.at[closeLimit] == 0) {
		c.limit(closeLimit, c.loop.engine.cfg.FlushTimeout)
	}
}

// drained ends the backpressure: reading goes on, and the handler may write.
func (c *Conn) drained() {
	c.flags &^= pressed | emptyFirst
	c.flags |= reoffer // input may be left whose answer did not fit
	c.enqueue()
	h, ok := c.handler.(DrainHandler)
	if !ok || c.is(closing) {
		return
	}
	c.begin()
	h.OnDrain(c)
	c.end()
}

// endHalf sends the FIN of CloseWrite, once, and closes a connection that has
// now ended in both directions.
func (c *Conn) endHalf() {
	if c.sendFIN("shutdown"); c.is(endTold) {
		c.fail(nil)
	}
}

// sendFIN ends the output for op, once: the second time, the peer may have ended its
// own, and shutdown(2) then says that there is no connection.
func (c *Conn) sendFIN(op string) {
	if c.is(finSent) {
		return
	}
	c.flags |= finSent
	errno := sys.Shutdown(int(c.fd), sys.SHUT_WR)
	if errno == 0 {
		return
	}
	if errno == sys.ENOTCONN {
		// The connection is over, and SO_ERROR knows why. The next receive, which is
		// robbed of it, ends the connection with the first cause all the same.
		if pending, e := sys.SocketError(int(c.fd)); e == 0 && pending != 0 {
			errno = pending
		}
	}
	c.outputFailed(c.connError(op, sys.CallShutdown, errno))
}
