package client

// Churn: connections that live for one message.

import (
	"fmt"

	"github.com/eddyline/eddyline/loop"
)

type churn struct {
	g      *generator
	places []*place
}

// place is where one connection follows the other.
type place struct {
	g        *generator
	protocol loop.Protocol
	replies  reader
	index    int
	began    int64
	waiting  bool // for the reply
}

func (d *churn) open() {
	for range d.g.spec.Conns {
		p := &place{g: d.g}
		p.protocol = func(*loop.Conn) loop.Handler { return p }
		d.places = append(d.places, p)
	}
	d.begin()
	d.g.whenIdle(d.g.complete)
}

func (d *churn) begin() {
	for _, p := range d.places {
		d.g.raise()
		p.live()
	}
}

// live makes the next connection.
func (p *place) live() {
	p.index = p.g.number()
	p.began = p.g.now()
	p.waiting = true
	e := p.g.exchange
	p.replies = reader{in: e.in, at: e.start(p.index), size: e.inSize}
	p.g.dial(p.index, p.protocol, nil)
}

// OnOpen sends the message.
func (p *place) OnOpen(c *loop.Conn) error {
	e := p.g.exchange
	at := e.start(p.index)
	for n := e.outSize; n > 0; {
		step := min(n, maxStep)
		if _, err := c.Write(e.out.piece(at, step)); err != nil {
			return err
		}
		at = e.out.advance(at, step)
		n -= step
	}
	return nil
}

// OnData checks the reply and ends the connection when it has all of it.
func (p *place) OnData(c *loop.Conn, in []byte) (int, error) {
	n := len(in)
	replies, err := p.replies.read(in, p.replies.size-p.replies.partial)
	if err != nil {
		p.g.fail(fmt.Errorf("%s, %w", name(p.index), err))
		return n, nil
	}
	if replies == 0 {
		return n, nil
	}
	p.waiting = false
	p.g.answered(p.began, p.g.now(), 1)
	return n, c.Close()
}

// OnClose begins the next life.
func (p *place) OnClose(_ *loop.Conn, err error) {
	if p.waiting || err != nil {
		p.g.fail(lost(p.index, p.replies.offset, err))
		return
	}
	if p.g.sending {
		p.live()
		return
	}
	p.g.lower()
}

func (d *churn) finish() { d.g.whenIdle(d.g.complete) }

func (d *churn) measured(*window) {}

func (d *churn) stuck() error {
	for _, p := range d.places {
		if p.waiting {
			return fmt.Errorf("%s, byte %d of its reply: want %#02x, got none", name(p.index), p.replies.offset, p.replies.in.piece(p.replies.at, 1)[0])
		}
	}
	return nil
}

func (d *churn) reset() {}
