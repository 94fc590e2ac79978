package loop

// How a connection ends.

import (
	"net"
	"os"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// Close ends the connection in order: no more input is offered, pending output
// is sent within FlushTimeout, then FIN. If the peer may still be sending, the
// descriptor is kept until its FIN or LingerTimeout, so that the kernel does
// not answer late input with a reset that destroys the tail of the output.
// OnClose follows when all that is done. Close never blocks; only the first
// call counts, later ones return net.ErrClosed.
func (c *Conn) Close() error {
	if c.flags&(closing|closed) != 0 {
		return c.opError("close", net.ErrClosed)
	}
	c.beginClose()
	return nil
}

// Abort ends the connection now: pending output is dropped and the peer gets a
// reset; a unix socket has none, so its peer may read a clean end. OnClose hears
// ErrAborted at the end of the turn.
func (c *Conn) Abort() {
	c.reset(ErrAborted)
}

// Detach takes the connection out of the engine and returns its socket with
// the input that the handler has not consumed; inside OnData that is all of in,
// whatever OnData returns then. OnClose hears ErrDetached at the end of the
// turn, when the socket is the caller's alone; it is nonblocking and may be
// used at once. Pending output must have been sent, the FIN of CloseWrite behind it:
// if the kernel does not take it now, the error is ErrBackpressure and nothing has
// changed. Other errors: net.ErrClosed after Close, the cause of a failed send, and the
// kernel's.
func (c *Conn) Detach() (s *stream.Stream, unread []byte, err error) {
	if c.flags&(closing|closed) != 0 {
		return nil, nil, c.opError("detach", net.ErrClosed)
	}
	if c.is(writeFailed) {
		return nil, nil, c.writeError()
	}
	if c.loop.current == c && len(c.loop.cork) > 0 {
		c.sendCork(nil)
	}
	c.flush()
	if c.flags&(closed|writeFailed) != 0 {
		return nil, nil, c.writeError()
	}
	if c.queuedOut() > 0 {
		return nil, nil, ErrBackpressure
	}
	if c.is(closeWrite) {
		c.sendFIN("detach")
	}
	if c.flags&(closed|writeFailed) != 0 {
		return nil, nil, c.writeError()
	}
	if err := c.makeStream(); err != nil {
		return nil, nil, c.opError("detach", err)
	}
	// Deregistering first: a registration would outlive the number that the
	// caller may now close (epoll(7), questions 6 and 8).
	if err := c.loop.poller.Delete(int(c.fd)); err != nil {
		return nil, nil, c.opError("detach", err)
	}
	s, unread = c.stream, c.unread()
	s.Release()
	c.stream = nil
	c.flags |= detached
	c.fail(ErrDetached)
	return s, unread, nil
}

// unread returns a copy of the input that was not consumed.
func (c *Conn) unread() []byte {
	if c.loop.current == c && c.loop.input != nil {
		return append([]byte(nil), c.loop.input...)
	}
	if c.queuedIn() > 0 {
		return append([]byte(nil), c.queues.in.Bytes()...)
	}
	return nil
}

// setCause notes why the connection ends; the first cause sticks.
func (c *Conn) setCause(err error) {
	if c.err == nil {
		c.err = err
	}
}

// closeWith is Close for a cause that OnClose shall hear.
func (c *Conn) closeWith(err error) {
	c.setCause(err)
	if c.flags&(closing|closed) == 0 {
		c.beginClose()
	}
}

func (c *Conn) beginClose() {
	c.flags |= closing
	c.markDirty()
}

// fail ends the connection without flushing; takeDown follows at the end of the
// turn. err is the cause, unless there is one already; nil is an orderly end.
func (c *Conn) fail(err error) {
	if c.is(closed) {
		return
	}
	c.setCause(err)
	if c.err != nil && c.queuedOut() > 0 {
		// A FIN here would make a truncated output look complete.
		c.flags |= aborting
	}
	c.flags |= closed
	c.gone.Store(true)
	c.loop.closed.add(c)
}

// reset is fail with a reset for the peer whatever is pending: the kernel or the
// handler failed in the middle of something, and a FIN would make it look
// complete.
func (c *Conn) reset(err error) {
	if c.is(closed) {
		return
	}
	c.flags |= aborting
	c.fail(err)
}

// stop ends the connection because its loop ends.
func (c *Conn) stop(err error) { c.fail(err) }

// drain asks the connection to finish.
func (c *Conn) drain() {
	if c.flags&(closing|closed|shutdownTold) != 0 {
		return
	}
	c.flags |= shutdownTold
	h, ok := c.handler.(ShutdownHandler)
	if !ok {
		c.beginClose()
		return
	}
	c.begin()
	h.OnShutdown(c)
	c.end()
}

// endOutput follows a flushed Close: the descriptor is closed, unless the peer
// may still send. Then only the output ends, and what comes is discarded.
func (c *Conn) endOutput() {
	if c.is(peerEnded) {
		c.fail(nil)
		return
	}
	acknowledged := c.acknowledged()
	// FIN first: input may come at any time and be answered with a reset, which
	// must not be the first that the peer hears of the end.
	if c.sendFIN("close"); c.is(closed) {
		return
	}
	c.flags |= readReady
	late := c.receiveLate() > 0
	if c.is(closed) {
		return
	}
	if acknowledged && !late {
		c.fail(nil)
		return
	}
	c.flags |= lingering
	c.limit(closeLimit, c.loop.engine.cfg.LingerTimeout)
	c.discard()
}

// acknowledged tells whether the peer's kernel has all the output, so that a
// reset could not destroy any. Where nobody can tell, it says no.
func (c *Conn) acknowledged() bool {
	n, errno := sys.OutQueue(int(c.fd))
	return errno == 0 && n == 0
}

// takeDown is the end: slot, timers, buffers and descriptor are given up, then
// the handler is told.
func (c *Conn) takeDown() {
	l := c.loop
	l.slots.remove(c.slot)
	c.stopLimits()
	if c.queues != nil {
		l.putQueues(c.queues)
		c.queues = nil
	}
	c.closeDescriptor()
	l.stats.Closed++
	l.conns.Add(-1)
	l.engine.release()
	if c.handler == nil {
		return
	}
	c.begin()
	c.handler.OnClose(c, c.err)
	c.end()
}

func (c *Conn) closeDescriptor() {
	if c.is(detached) {
		return
	}
	fd := int(c.fd)
	if c.is(shared) {
		// A duplicate would keep the registration alive (epoll(7)). Failing,
		// it is gone already.
		_ = c.loop.poller.Delete(fd)
	}
	switch {
	case c.is(aborting):
		_ = sys.SetLinger(fd, true, 0)
	case c.is(shared):
		c.calmLinger()
	}
	if c.stream == nil {
		_ = sys.Close(fd)
		return
	}
	_ = c.stream.Close()
	c.stream.Release()
}

// expireClose ends what Close waits for.
func (c *Conn) expireClose() {
	if c.is(lingering) {
		c.fail(nil)
		return
	}
	c.reset(c.opError("close", os.ErrDeadlineExceeded))
}
