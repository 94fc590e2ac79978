package client

// Bulk: one way, as fast as it goes.

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
)

// settleEvery is how often a finish looks whether all has gone.
const settleEvery = time.Millisecond

type bulk struct {
	g      *generator
	pipes  []*pipe
	before uint64 // bytes sent when the window began
}

// pipe is one connection.
type pipe struct {
	g     *generator
	c     *loop.Conn
	index int
	at    int
}

func (d *bulk) open() {
	inBursts(d.g.spec.Conns, func(opened func()) {
		p := &pipe{g: d.g, index: d.g.number()}
		p.at = origin(p.index)
		d.pipes = append(d.pipes, p)
		d.g.dial(p.index, func(*loop.Conn) loop.Handler { return p }, func(c *loop.Conn) {
			p.c = c
			opened()
		})
	}, d.g.complete)
}

func (d *bulk) begin() {
	for _, p := range d.pipes {
		p.push()
	}
}

// push writes until the kernel takes no more; OnDrain goes on.
func (p *pipe) push() {
	for p.g.sending && p.c.Buffered() == 0 {
		if _, err := p.c.Write(echoed.piece(p.at, maxStep)); err != nil {
			p.g.fail(lost(p.index, 0, err))
			return
		}
		p.at = echoed.advance(p.at, maxStep)
	}
}

// OnDrain goes on sending.
func (p *pipe) OnDrain(*loop.Conn) { p.push() }

// OnData is an error: nothing is asked of the server.
func (p *pipe) OnData(_ *loop.Conn, in []byte) (int, error) {
	p.g.fail(fmt.Errorf("%s: want no reply, got %d bytes, the first %#02x", name(p.index), len(in), in[0]))
	return len(in), nil
}

// OnClose is the end, which only the generator may bring about.
func (p *pipe) OnClose(_ *loop.Conn, err error) { p.g.fail(lost(p.index, 0, err)) }

func (d *bulk) finish() {
	err := d.unsent()
	switch {
	case err == nil:
		d.g.complete()
	case errors.Is(err, errUnsent):
		d.g.loop.AfterFunc(settleEvery, d.finish)
	default:
		d.g.fail(err)
	}
}

var errUnsent = errors.New("the server's kernel has not taken all")

// unsent returns an error for a connection of which not every byte has arrived.
func (d *bulk) unsent() error {
	for _, p := range d.pipes {
		if p.c == nil {
			return fmt.Errorf("%s is not connected", name(p.index))
		}
		n, err := p.unsent()
		if err != nil {
			return fmt.Errorf("%s: %w", name(p.index), err)
		}
		if n > 0 {
			return fmt.Errorf("%s: %d bytes are left: %w", name(p.index), n, errUnsent)
		}
	}
	return nil
}

// unsent returns how many bytes wait, or travel without having been acknowledged.
func (p *pipe) unsent() (int, error) {
	s, err := p.c.Stream()
	if err != nil {
		return 0, err
	}
	n, err := unix.IoctlGetInt(s.FD(), unix.SIOCOUTQ)
	if err != nil {
		return 0, os.NewSyscallError("ioctl SIOCOUTQ", err)
	}
	return n + p.c.Buffered(), nil
}

// measured counts bytes by the loop's account, which is of the end of its last
// turn, and whole messages.
func (d *bulk) measured(w *window) {
	now := d.g.engine.Stats().BytesOut
	w.Bytes = now - d.before
	size := uint64(d.g.spec.Size)
	w.Requests = now/size - d.before/size
	d.before = now
}

func (d *bulk) stuck() error { return d.unsent() }

func (d *bulk) reset() {
	for _, p := range d.pipes {
		if p.c != nil {
			p.c.Abort()
		}
	}
}
