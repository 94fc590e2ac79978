package client

// The closed loop over datagrams: a fixed number of them outstanding per socket.

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

const (
	lostAfter = 200 * time.Millisecond // without its reply a datagram is taken for lost
	lookEvery = lostAfter / 4          // how often is looked for such
)

// datagrams drives sockets of its own, whose readiness the loop tells: what one
// has received is read with one call, and what follows from it is sent with one.
type datagrams struct {
	g        *generator
	sockets  []*socket
	in, out  *packets
	looking  bool // for lost ones
	timer    *loop.Timer
	received atomic.Uint64 // bytes of replies so far; any goroutine
	window   window        // the figures of the window under way
}

// socket is one connected socket.
type socket struct {
	d      *datagrams
	fd     int
	watch  *loop.Registration
	index  int
	flight flights
	opened func() // called when the first datagram is back
}

func (d *datagrams) open() {
	places := d.g.spec.Pipeline
	// One byte more shows what is longer than it should be.
	d.in, d.out = newPackets(places, d.g.spec.Size+1), newPackets(places, d.g.spec.Size)
	inBursts(d.g.spec.Conns, func(opened func()) {
		s := &socket{d: d, index: d.g.number(), flight: newFlights(places), opened: opened}
		if err := s.connect(); err != nil {
			d.g.fail(fmt.Errorf("%s: %w", name(s.index), err))
			return
		}
		d.sockets = append(d.sockets, s)
		s.demand(d.g.now(), 1)
	}, d.g.complete)
	d.look()
}

// connect makes the socket, which receives from the server alone and hears when
// nobody listens there.
func (s *socket) connect() error {
	fd, err := unix.Socket(s.d.g.domain(), unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, s.d.g.sockaddr()); err != nil {
		return errors.Join(os.NewSyscallError("connect", err), unix.Close(fd))
	}
	watch, err := s.d.g.loop.Register(fd, poller.Read, func(poller.Event) { s.receive() })
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	s.fd, s.watch = fd, watch
	return nil
}

func (d *datagrams) begin() {
	now := d.g.now()
	for _, s := range d.sockets {
		s.demand(now, len(s.flight.places))
	}
	d.look()
}

// demand makes n messages due at the moment now. All places are free.
func (s *socket) demand(now int64, n int) {
	s.d.g.raise()
	for i := range n {
		s.put(&s.flight.places[i], now, now)
	}
	s.send()
}

// put puts the next datagram of a place among those that send sends.
func (s *socket) put(p *flight, due, now int64) {
	fillDatagram(s.d.out.add(), s.index, s.flight.leave(p, due, now))
}

// send sends what was put.
func (s *socket) send() {
	if s.d.out.used == 0 {
		return
	}
	s.d.window.Datagrams += uint64(s.d.out.used)
	if err := s.d.out.send(s.fd); err != nil {
		s.fail(err)
	}
}

// receive checks what has come, and sends what it makes due.
func (s *socket) receive() {
	d, before := s.d, s.flight.n
	n, err := d.in.receive(s.fd)
	now := d.g.now()
	for i := 0; i < n && err == nil; i++ {
		err = s.answered(d.in.packet(i), now)
	}
	if err != nil {
		s.fail(err)
		return
	}
	d.received.Add(uint64(n * d.g.spec.Size))
	s.send()
	s.settle(before)
}

// answered takes one reply.
func (s *socket) answered(p []byte, now int64) error {
	n, err := readDatagram(p, s.index, s.d.g.spec.Size)
	if err != nil {
		return err
	}
	place, awaited, err := s.flight.land(n)
	switch {
	case err != nil:
		return err
	case !awaited:
		s.d.window.Belated++
	case s.opened != nil:
		opened := s.opened
		s.opened = nil
		opened()
	default:
		s.d.g.answered(place.due, now, 1)
		if s.d.g.sending {
			s.put(place, now, now)
		}
	}
	return nil
}

// settle notes when the last of those before that were outstanding is gone.
func (s *socket) settle(before int) {
	if before > 0 && s.flight.n == 0 {
		s.d.g.lower()
	}
}

func (s *socket) fail(err error) { s.d.g.fail(fmt.Errorf("%s: %w", name(s.index), err)) }

// look gives up what is lost, now and then, while anything is outstanding.
func (d *datagrams) look() {
	if d.looking {
		return
	}
	d.looking = true
	d.timer = d.g.loop.AfterFunc(lookEvery, func() {
		now := d.g.now()
		for _, s := range d.sockets {
			s.giveUp(now)
		}
		d.looking = d.g.busy > 0
		if d.looking {
			d.timer.Reset(lookEvery)
		}
	})
}

// giveUp gives up what is lost and sends it again, with a number of its own and
// due as before, unless the load has ended.
func (s *socket) giveUp(now int64) {
	before := s.flight.n
	if before == 0 {
		return
	}
	for i := range s.flight.places {
		p := &s.flight.places[i]
		if !p.flying || now-p.sent < int64(lostAfter) {
			continue
		}
		s.d.window.Overdue++
		s.flight.giveUp(p)
		if s.d.g.sending || s.opened != nil {
			s.put(p, p.due, now)
		}
	}
	s.send()
	s.settle(before)
}

func (d *datagrams) finish() { d.g.whenIdle(d.g.complete) }

// measured moves the figures of the window to w.
func (d *datagrams) measured(w *window) {
	w.Datagrams, w.Overdue, w.Belated = d.window.Datagrams, d.window.Overdue, d.window.Belated
	d.window = window{}
}

func (d *datagrams) stuck() error {
	for _, s := range d.sockets {
		if s.flight.n > 0 {
			return fmt.Errorf("%s: %d datagrams are outstanding, and no reply came", name(s.index), s.flight.n)
		}
	}
	return nil
}

func (d *datagrams) reset() {
	for _, s := range d.sockets {
		_ = s.watch.Close() // both are open
		_ = unix.Close(s.fd)
	}
}
