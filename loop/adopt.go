package loop

// Adopt: connections that somebody else made.

import (
	"fmt"
	"net"
	"os"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// Adopt takes over a connection of package net and makes it one of the engine's,
// on one of the loops in turn. The descriptor is duplicated and nc is closed, so
// nothing may be using nc and nothing read from it may be waiting in a buffer
// elsewhere. On an error nc is untouched: os.ErrInvalid if it is no stream
// socket, errors.ErrUnsupported if it has no descriptor of its own (net.Pipe,
// crypto/tls.Conn), ErrMaxConns, net.ErrClosed, or the kernel's. Only when the engine ends
// at that very moment, nc is closed and the error is net.ErrClosed. A nil error
// says that the connection is on its way: if the kernel then refuses to watch it,
// or the engine begins to drain, it is closed, and p is not called.
func (e *Engine) Adopt(nc net.Conn, p Protocol) error {
	if nc == nil || p == nil {
		return fmt.Errorf("loop: adopt: nil connection or Protocol: %w", os.ErrInvalid)
	}
	err := e.adopt(func() (*stream.Stream, error) { return stream.FromConn(nc) }, p)
	if err != nil {
		return fmt.Errorf("loop: adopt %v: %w", remoteOf(nc), err)
	}
	return nil
}

// remoteOf is the address of nc's peer, nil if there is none because nc holds a nil
// pointer.
func remoteOf(nc net.Conn) (addr net.Addr) {
	defer func() { _ = recover() }()
	return nc.RemoteAddr()
}

// AdoptStream is Adopt for a connected [stream.Stream]. On success the Stream is
// detached from its socket: its methods return net.ErrClosed. It is an error,
// EBUSY, while one of its methods runs or an Acquire is outstanding.
func (e *Engine) AdoptStream(s *stream.Stream, p Protocol) error {
	if s == nil || p == nil {
		return fmt.Errorf("loop: adopt: nil stream or Protocol: %w", os.ErrInvalid)
	}
	err := e.adopt(func() (*stream.Stream, error) { return s, nil }, p)
	if err != nil {
		return fmt.Errorf("loop: adopt %v: %w", s, err)
	}
	return nil
}

// adopt checks everything it can before it calls take, which may not be undone.
func (e *Engine) adopt(take func() (*stream.Stream, error), p Protocol) error {
	if e.ending() {
		return net.ErrClosed
	}
	if !e.reserve() {
		return ErrMaxConns
	}
	s, err := take()
	if err != nil {
		e.release()
		return err
	}
	peer, _ := s.PeerAddr() // unknown when the peer is gone already
	fd, err := s.Detach()
	if err != nil {
		e.release()
		return err
	}
	c := newConn(e.pick(), fd, peer)
	c.flags |= shared | distrust // who knows what else is set on it
	c.calmLinger()
	if err := c.loop.force(&arrival{c, p, true}); err != nil {
		c.abandon()
		return err
	}
	return nil
}

// ending tells whether Shutdown or Close was called.
func (e *Engine) ending() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopping || e.draining
}

// calmLinger turns off a lingering close that somebody set on the socket: it
// would block the loop, although the descriptor is nonblocking. A reset on close
// (linger 0) is left as it is.
func (c *Conn) calmLinger() {
	if on, seconds, errno := sys.Linger(int(c.fd)); errno == 0 && on && seconds > 0 {
		_ = sys.SetLinger(int(c.fd), false, 0)
	}
}
