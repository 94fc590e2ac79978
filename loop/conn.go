package loop

// Conn: one connection of a loop, its state and what a handler may ask of it.

import (
	"io"
	"net"
	"os"
	"sync/atomic"

	"github.com/eddyline/eddyline/internal/block"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// Conn is one connection of a loop; the engine makes it. Its methods belong to the
// goroutine of that loop: call them from callbacks and from functions given to Post. Other
// goroutines hold a [Ref]. A Conn is never used for a second connection, so a
// handle that is kept too long reports net.ErrClosed and reaches nobody else.
type Conn struct {
	// What every event touches comes first: 128 bytes in all, so that the first
	// half is one cache line.
	loop    *Loop
	handler Handler
	fd      int32
	flags   connFlags
	slot    uint32
	gone    atomic.Bool // what a Ref may look at
	queues  *queues     // nil while nothing is queued in either direction
	limits  *deadlines  // nil until a deadline is set
	err     error       // the first cause, which OnClose hears

	stream *stream.Stream // made when Stream is first asked for
	peer   stream.Addr
}

// connFlags is the state of a connection.
type connFlags uint32

const (
	readReady    connFlags = 1 << iota // there may be something to receive: EAGAIN has not been seen
	distrust                           // a short read does not prove that all was read; once set it stays
	peerEnded                          // the peer's FIN was received
	endTold                            // and the handler knows
	userPaused                         // Pause
	pressed                            // pending output is above the high mark: do not read
	emptyFirst                         // ... and stay so until nothing is: a write did not fit
	reoffer                            // queued input shall be offered without new input
	writeBlocked                       // EAGAIN was seen: wait for the writable edge
	writeFailed                        // the output is broken; the cause is in err
	closeWrite                         // CloseWrite was called
	finSent                            // and done
	closing                            // Close was called: flush, then FIN
	lingering                          // FIN sent, waiting for the peer's
	closed                             // over; takeDown follows
	aborting                           // reset when closed
	detached                           // the descriptor is somebody else's
	shared                             // others may hold duplicates: deregister before closing
	inBacklog                          // member of Loop.backlog
	inDirty                            // member of Loop.dirty
	shutdownTold                       // OnShutdown was called
)

// queues is what a connection owns only while bytes wait in it.
type queues struct {
	in  block.Buffer // received, offered, not consumed
	out block.Queue  // written, not yet taken by the kernel
}

func (c *Conn) is(f connFlags) bool { return c.flags&f != 0 }

// Loop returns the connection's loop. Any goroutine.
func (c *Conn) Loop() *Loop { return c.loop }

// RemoteAddr returns the address of the peer, as it was when the connection was
// made; it stays known after the connection is dead. The zero Addr is unknown.
func (c *Conn) RemoteAddr() stream.Addr { return c.peer }

// LocalAddr returns the address of this end, or the zero Addr when the
// connection is closed.
func (c *Conn) LocalAddr() stream.Addr {
	if c.is(closed) {
		return stream.Addr{}
	}
	a, err := stream.LocalAddrOf(int(c.fd))
	if err != nil {
		return stream.Addr{}
	}
	return a
}

// Handler returns the handler that is called now.
func (c *Conn) Handler() Handler { return c.handler }

// SetHandler makes h the handler from the next callback on, to upgrade a
// protocol in place. Input that the old handler did not consume is offered to
// h at once after the callback under way; if the peer has ended its output, h
// hears of it too. h's OnOpen is not called, and only h hears OnClose. A nil h
// closes the connection with os.ErrInvalid.
func (c *Conn) SetHandler(h Handler) {
	if c.is(closed) {
		return
	}
	if h == nil {
		c.closeWith(c.opError("set handler", os.ErrInvalid))
		return
	}
	c.handler = h
	c.flags &^= endTold
	c.flags |= reoffer
	c.enqueue()
}

// Pause stops reading until Resume: the peer is held back by TCP's flow
// control. Input that was received already is not offered either. A peer that
// goes away is not noticed meanwhile, unless something is written: set a deadline
// or an idle timeout.
func (c *Conn) Pause() {
	c.flags |= userPaused
	if c.is(writeFailed) {
		c.markDirty()
	}
}

// Resume undoes Pause. What is there is offered in this turn or the next, never
// from within Resume.
func (c *Conn) Resume() {
	if c.is(userPaused) {
		c.flags &^= userPaused
		c.flags |= reoffer
		c.enqueue()
	}
}

// Stream returns the connection's socket, to set options on it. It belongs to
// the connection: reading, writing and closing are the engine's. The error is
// net.ErrClosed, or the kernel's.
func (c *Conn) Stream() (*stream.Stream, error) {
	if c.is(closed) {
		return nil, c.opError("stream", net.ErrClosed)
	}
	if err := c.makeStream(); err != nil {
		return nil, c.opError("stream", err)
	}
	return c.stream, nil
}

// makeStream sets c.stream, if it is not. The Stream is held open, so that nobody
// else closes the descriptor.
func (c *Conn) makeStream() error {
	if c.stream != nil {
		return nil
	}
	s, err := stream.FromConnectedFD(int(c.fd), c.peer)
	if err != nil {
		return err
	}
	c.stream = s
	c.flags |= shared
	return s.Acquire()
}

// ready takes what the poller reports, and acts upon it.
func (c *Conn) ready(r poller.Ready) {
	c.mark(r)
	if c.is(readReady) {
		c.work()
	}
}

// mark notes what the poller reports. Errors and hang-ups come as readable and
// writable: the calls that follow tell what happened.
func (c *Conn) mark(r poller.Ready) {
	if r&poller.Readable != 0 {
		c.flags |= readReady
		// Behind a short read there may be the end, or an error; and a receive
		// stops at urgent data whatever comes after it (tcp(7)).
		if r&(poller.ReadClosed|poller.WriteClosed|poller.Failed|poller.PriorityReady) != 0 {
			c.flags |= distrust
		}
	}
	if r&poller.Writable != 0 && c.is(writeBlocked) {
		c.flags &^= writeBlocked
		c.markDirty()
	}
}

// enqueue gives the connection a place in the backlog.
func (c *Conn) enqueue() {
	if c.flags&(inBacklog|closed) == 0 {
		c.flags |= inBacklog
		c.loop.backlog.add(c)
	}
}

// markDirty lets the end of the turn flush the connection.
func (c *Conn) markDirty() {
	if c.flags&(inDirty|closed) == 0 {
		c.flags |= inDirty
		c.loop.dirty.add(c)
	}
}

// begin and end enclose every callback: what the connection writes between
// them is corked and sent in one call by end.
func (c *Conn) begin() {
	c.loop.current = c
	c.loop.spent = 0
}

func (c *Conn) end() {
	c.loop.current = nil
	if len(c.loop.cork) > 0 {
		c.sendCork(nil)
	}
}

// open makes the handler and calls OnOpen. The connection is registered by now.
func (c *Conn) open(p Protocol) {
	c.begin()
	h := c.makeHandler(p)
	if h == nil {
		c.refuse()
		return
	}
	c.handler = h
	if o, ok := h.(OpenHandler); ok {
		if err := o.OnOpen(c); err != nil {
			c.closeWith(err)
		}
	}
	c.end()
}

// makeHandler calls p. A handler that p sets and does not return is none, nor is one
// that it sets before it panics.
func (c *Conn) makeHandler(p Protocol) Handler {
	defer func() { c.handler = nil }()
	return p(c)
}

// refuse ends a connection that has no handler: at once, or, if the Protocol wrote
// something, as Close does.
func (c *Conn) refuse() {
	wrote := c.loop.spent > 0 || c.Buffered() > 0
	c.end()
	if wrote {
		c.beginClose()
		return
	}
	c.fail(nil)
}

// acquireQueues returns the connection's queues, borrowing some if it has none.
func (c *Conn) acquireQueues() *queues {
	if c.queues == nil {
		c.queues = c.loop.getQueues()
	}
	return c.queues
}

// releaseQueues gives the queues back once nothing is in them.
func (c *Conn) releaseQueues() {
	if q := c.queues; q != nil && q.in.Len() == 0 && q.out.Len() == 0 {
		c.queues = nil
		c.loop.putQueues(q)
	}
}

// maxQueues is how many idle queues a loop keeps.
const maxQueues = 1024

func (l *Loop) getQueues() *queues {
	n := len(l.queues)
	if n == 0 {
		return new(queues)
	}
	q := l.queues[n-1]
	l.queues = l.queues[:n-1]
	return q
}

func (l *Loop) putQueues(q *queues) {
	q.in.Reset(l.blocks)
	q.out.Reset(l.blocks)
	if len(l.queues) < maxQueues {
		l.queues = append(l.queues, q)
	}
}

// queuedIn returns how many bytes wait to be consumed.
func (c *Conn) queuedIn() int {
	if c.queues == nil {
		return 0
	}
	return c.queues.in.Len()
}

// queuedOut returns how many bytes wait to be sent, corked ones aside.
func (c *Conn) queuedOut() int {
	if c.queues == nil {
		return 0
	}
	return c.queues.out.Len()
}

var (
	_ io.Writer       = (*Conn)(nil)
	_ io.StringWriter = (*Conn)(nil)
)
