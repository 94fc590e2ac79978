package client

// Slow readers: connections that send and do not read, beside those that are
// measured.

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

const (
	// slowBytes is what one slow connection sends at most: a server without bounds
	// keeps it all.
	slowBytes = 1 << 20
	slowEvery = 10 * time.Millisecond
	// slowStill is for how many rounds of slowEvery none of them could write any
	// more when the server holds what it is going to hold.
	slowStill = 20

	// Loopback's segments of 64 KiB let the kernel take megabytes for a peer that
	// does not read. With those of a network and small buffers, what the server
	// does with the rest shows.
	slowSegment = 1400
	slowBuffer  = 16 << 10
	slowAhead   = 8 << 10
)

type slow struct {
	closedLoop
	slow  []*conn
	timer *loop.Timer
	owed  int // messages that they could not write yet
	still int // rounds for which that has not changed
	rest  func()
}

func (d *slow) open() {
	d.connect(true, d.g.answered, func() { d.openSlow(d.g.spec.SlowConns) })
}

// openSlow opens n slow connections one after the other: connecting on loopback
// is done at once.
func (d *slow) openSlow(n int) {
	if n == 0 {
		d.g.complete()
		return
	}
	c := newConn(d.g, d.g.number())
	c.ahead = slowAhead
	c.opened = func() { d.openSlow(n - 1) }
	d.slow = append(d.slow, c)
	if err := d.adopt(c); err != nil {
		d.g.fail(fmt.Errorf("%s: %w", name(int(c.index)), err))
	}
}

// adopt connects c with options that must be set before, and gives it to the
// loop.
func (d *slow) adopt(c *conn) error {
	fd, err := d.socket(int(c.index))
	if err != nil {
		return err
	}
	s, err := stream.FromFD(fd)
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	if err := d.g.engine.AdoptStream(s, func(*loop.Conn) loop.Handler { return c }); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// socket returns a connected socket with small segments and a small window.
func (d *slow) socket(index int) (fd int, err error) {
	fd, err = unix.Socket(d.g.domain(), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	for _, o := range []struct {
		name             string
		level, opt, want int
	}{
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"TCP_MAXSEG", unix.IPPROTO_TCP, unix.TCP_MAXSEG, slowSegment},
		{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, slowBuffer},
		{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, slowBuffer},
		{"IP_BIND_ADDRESS_NO_PORT", unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.want); err != nil {
			return fd, os.NewSyscallError("setsockopt "+o.name, err)
		}
	}
	if source, ok := d.g.source(index); ok {
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: source.As4()}); err != nil {
			return fd, os.NewSyscallError("bind", err)
		}
	}
	for {
		err := unix.Connect(fd, d.g.sockaddr())
		if err == unix.EINTR {
			continue
		}
		if err != nil && err != unix.EISCONN {
			return fd, fmt.Errorf("connect to %s: %w", d.g.server, os.NewSyscallError("connect", err))
		}
		return fd, nil
	}
}

func (d *slow) begin() {
	d.closedLoop.begin()
	now := d.g.now()
	n := max(1, slowBytes/d.g.exchange.outSize)
	for _, c := range d.slow {
		c.c.Pause()
		c.demand(now, n)
	}
	d.owed, d.still = 0, 0
	d.timer = d.g.loop.AfterFunc(slowEvery, d.goOn)
}

// settle calls then when the slow connections stand still: what a server does
// while their buffers fill says little about what it does with full ones.
func (d *slow) settle(then func()) { d.rest = then }

// goOn lets the slow connections write what has become possible, until nothing
// does. No reply tells them, since they read none.
func (d *slow) goOn() {
	if !d.g.sending {
		return
	}
	owed := 0
	for _, c := range d.slow {
		c.send()
		owed += c.owed
	}
	if owed != d.owed {
		d.owed, d.still = owed, 0
	}
	if d.still++; d.still == slowStill {
		d.rest()
		return
	}
	d.timer.Reset(slowEvery)
}

func (d *slow) finish() {
	for _, c := range d.slow {
		c.forget()
		c.c.Resume()
	}
	d.closedLoop.finish()
}

func (d *slow) measured(w *window) {
	size := d.g.exchange.outSize
	for _, c := range d.slow {
		written := c.flying / d.g.exchange.inSize * size
		w.SlowBytes += uint64(max(0, written-c.c.Buffered()))
	}
}

func (d *slow) stuck() error {
	if err := stuckConn(d.slow); err != nil {
		return err
	}
	return d.closedLoop.stuck()
}

func (d *slow) reset() {
	abort(d.slow)
	d.closedLoop.reset()
}
