package client

// A connection that sends messages and awaits their replies.

import (
	"fmt"

	"github.com/eddyline/eddyline/loop"
)

// conn is one connection. It writes messages only while little waits to be sent,
// and goes on when a reply comes: what is written ends with a message, so there
// is a reply to come.
type conn struct {
	g        *generator
	c        *loop.Conn
	exchange *exchange
	replies  reader
	answer   func(at, now int64, n int) // told of n replies to what was due at; nil: nobody asks
	due      dueQueue                   // messages not answered yet
	sendAt   int                        // place in the pattern of the next byte to write
	owed     int                        // messages due and not written
	ahead    int                        // bytes that are written at one time, and that may wait when more are
	flying   int                        // bytes of replies to what is written
	index    int32
	proven   bool
	again    bool   // each reply makes the next message due, while the generator is sending
	opened   func() // called when the first message is answered
}

func newConn(g *generator, index int) *conn {
	c := &conn{g: g, index: int32(index), ahead: maxStep}
	c.use(g.opening)
	return c
}

// use makes e what the connection exchanges from the next message on.
func (c *conn) use(e *exchange) {
	at := e.start(int(c.index))
	c.exchange = e
	c.sendAt = at
	c.replies = reader{in: e.in, at: at, size: e.inSize, offset: c.replies.offset}
}

// OnOpen sends the message that proves the connection.
func (c *conn) OnOpen(lc *loop.Conn) error {
	c.c = lc
	c.demand(c.g.now(), 1)
	return nil
}

// OnData checks replies, and sends what they make due.
func (c *conn) OnData(_ *loop.Conn, in []byte) (int, error) {
	n := len(in)
	replies, err := c.replies.read(in, c.flying)
	if err != nil {
		c.g.fail(fmt.Errorf("%s, %w", name(int(c.index)), err))
		return n, nil
	}
	c.flying -= n
	if replies > 0 {
		c.answered(replies)
	}
	return n, nil
}

// OnClose is the end, which only the generator may bring about.
func (c *conn) OnClose(_ *loop.Conn, err error) {
	c.g.fail(lost(int(c.index), c.replies.offset, err))
}

func (c *conn) answered(replies int) {
	now := c.g.now()
	for left := replies; left > 0; {
		r := c.due.take(left)
		left -= r.n
		if c.answer != nil {
			c.answer(r.at, now, r.n)
		}
	}
	if c.again && c.g.sending {
		c.due.push(now, replies)
		c.owed += replies
	}
	if c.owed > 0 {
		c.send()
	}
	if c.due.n > 0 {
		return
	}
	if !c.proven {
		c.prove()
	}
	c.g.lower()
}

// prove ends the opening.
func (c *conn) prove() {
	c.proven = true
	if c.exchange != c.g.exchange {
		c.use(c.g.exchange)
	}
	c.opened()
	c.opened = nil
}

// demand makes n messages due at the moment at, and sends what can be sent.
func (c *conn) demand(at int64, n int) {
	if c.due.n == 0 {
		c.g.raise()
	}
	c.due.push(at, n)
	c.owed += n
	c.send()
}

// send writes messages that are due.
func (c *conn) send() {
	for c.owed > 0 && c.c.Buffered() < c.ahead {
		n := min(c.owed, max(1, c.ahead/c.exchange.outSize))
		c.owed -= n
		c.flying += n * c.exchange.inSize
		if !c.write(n * c.exchange.outSize) {
			return
		}
	}
}

// write writes n bytes, whole messages.
func (c *conn) write(n int) bool {
	for n > 0 {
		step := min(n, maxStep)
		if _, err := c.c.Write(c.exchange.out.piece(c.sendAt, step)); err != nil {
			c.g.fail(lost(int(c.index), c.replies.offset, err))
			return false
		}
		c.sendAt = c.exchange.out.advance(c.sendAt, step)
		n -= step
	}
	return true
}

// forget makes what is due and not written undone.
func (c *conn) forget() {
	if c.owed == 0 {
		return
	}
	c.due.drop(c.owed)
	c.owed = 0
	if c.due.n == 0 {
		c.g.lower()
	}
}

// openConns opens n connections and appends them to conns. Each has had one
// message answered when then is called.
func openConns(g *generator, n int, conns *[]*conn, then func()) {
	inBursts(n, func(opened func()) {
		c := newConn(g, g.number())
		c.opened = opened
		*conns = append(*conns, c)
		g.dial(int(c.index), func(*loop.Conn) loop.Handler { return c }, nil)
	}, then)
}

// stuckConn says of one connection what it waits for, nil if none waits.
func stuckConn(conns []*conn) error {
	for _, c := range conns {
		if c.c == nil {
			return fmt.Errorf("%s is not connected", name(int(c.index)))
		}
		if c.flying > 0 {
			return fmt.Errorf("%s, byte %d of its replies: want %#02x and %d bytes in all, got none", name(int(c.index)), c.replies.offset, c.replies.in.piece(c.replies.at, 1)[0], c.flying)
		}
	}
	return nil
}

// abort resets connections.
func abort(conns []*conn) {
	for _, c := range conns {
		if c.c != nil {
			c.c.Abort()
		}
	}
}
