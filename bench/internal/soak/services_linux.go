package soak

// What the server offers, each on a listener of its own.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// What is given to the connections of some services.
const (
	readLimit  = 200 * time.Millisecond // the read deadline
	writeLimit = 200 * time.Millisecond // the write deadline
	idleLimit  = 200 * time.Millisecond // the idle timeout
	lavish     = 1 << 20                // bytes sent under a write deadline, more than the kernels take of a stalled connection
	pauseLimit = 2 * time.Millisecond   // a pause
	relays     = 16 << 10               // pieces that wait for the relaying goroutine, at most
)

// service is one listener and its protocol.
type service struct {
	name     string
	network  string
	address  string
	balance  loop.Balance
	protocol func(*server) loop.Protocol
}

var services = []service{
	{"echo", "tcp", "127.0.0.1:0", loop.RoundRobin, func(s *server) loop.Protocol {
		return func(c *loop.Conn) loop.Handler {
			c.SetIdleTimeout(time.Minute)
			return &echo{s, false}
		}
	}},
	{"unix", "unix", fmt.Sprintf("@eddyline-soak-%d", os.Getpid()), loop.LeastConns, func(s *server) loop.Protocol {
		return func(*loop.Conn) loop.Handler { return &echo{s, false} }
	}},
	{"read deadline", "tcp", "127.0.0.1:0", loop.LeastConns, func(*server) loop.Protocol {
		return func(c *loop.Conn) loop.Handler {
			c.SetReadDeadline(time.Now().Add(readLimit))
			return loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil })
		}
	}},
	{"write deadline", "tcp", "127.0.0.1:0", loop.RoundRobin, func(s *server) loop.Protocol {
		return func(*loop.Conn) loop.Handler { return &giver{server: s} }
	}},
	{"idle timeout", "tcp", "127.0.0.1:0", loop.SourceHash, func(s *server) loop.Protocol {
		return func(c *loop.Conn) loop.Handler {
			c.SetIdleTimeout(idleLimit)
			return &idler{echo{s, false}}
		}
	}},
	{"hand-over", "tcp", "127.0.0.1:0", loop.RoundRobin, func(s *server) loop.Protocol {
		return func(*loop.Conn) loop.Handler { return &parting{server: s} }
	}},
	{"pause", "tcp", "127.0.0.1:0", loop.ReusePort, func(s *server) loop.Protocol {
		return func(*loop.Conn) loop.Handler { return &pauser{echo: echo{s, false}} }
	}},
	{"relay", "tcp", "127.0.0.1:0", loop.RoundRobin, func(s *server) loop.Protocol {
		return func(*loop.Conn) loop.Handler { return relaying{s} }
	}},
}

// listening is the server's first reply: where each service is.
type listening map[string]place

type place struct {
	Network string `json:"network"`
	Address string `json:"address"`
}

// placeOf is an address as package net has it.
func placeOf(a stream.Addr) place {
	if a.IsUnix() {
		return place{a.Network(), a.Path()}
	}
	return place{a.Network(), a.String()}
}

func (s *server) listen() error {
	for _, v := range services {
		ln, err := s.engine.Listen(loop.ListenConfig{Balance: v.balance}, v.network, v.address, v.protocol(s))
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		s.addresses[v.name] = placeOf(ln.Addr())
	}
	return nil
}

// echo sends back what comes and, after the peer's FIN, its own.
type echo struct {
	*server
	full bool // more is pending than the high mark
}

func (h *echo) OnData(c *loop.Conn, in []byte) (int, error) {
	n, err := c.Write(in)
	if !h.full && c.Buffered() > loop.DefaultHighMark {
		h.full = true
		h.seen.filled.Add(1)
	}
	return n, err
}

func (h *echo) OnDrain(*loop.Conn) {
	h.full = false
	h.seen.drained.Add(1)
}

func (h *echo) OnEOF(c *loop.Conn)        { _ = c.CloseWrite() }
func (h *echo) OnClose(*loop.Conn, error) {}

// giver sends much at once, under a write deadline.
type giver struct {
	*server
	limit time.Time
}

func (h *giver) OnOpen(c *loop.Conn) error {
	h.limit = time.Now().Add(writeLimit)
	c.SetWriteDeadline(h.limit)
	var bufs [][]byte
	out := ledger.New(0)
	for left := lavish; left > 0; left = lavish - int(out.Done()) {
		bufs = append(bufs, out.Next(left))
	}
	_, err := c.Writev(bufs)
	return err
}

func (h *giver) OnData(_ *loop.Conn, in []byte) (int, error) { return len(in), nil }

func (h *giver) OnTimeout(c *loop.Conn, d loop.Deadline) error {
	if early := time.Until(h.limit); d != loop.WriteDeadline || early > 0 || c.Buffered() == 0 {
		h.fault(&h.wrong, fmt.Errorf("a %v, %v early with %d bytes pending", d, early, c.Buffered()))
	}
	h.seen.unwritten.Add(1)
	c.Abort()
	return nil
}

func (h *giver) OnClose(*loop.Conn, error) {}

// idler is an echo that ends when nothing has moved for a time.
type idler struct{ echo }

func (h *idler) OnTimeout(_ *loop.Conn, d loop.Deadline) error {
	if d != loop.IdleTimeout {
		h.fault(&h.wrong, fmt.Errorf("a %v that nobody set", d))
	}
	h.seen.idled.Add(1)
	return os.ErrDeadlineExceeded
}

// parting takes its connection out of the engine at the first bytes, and gives it
// back with these bytes unanswered.
type parting struct {
	*server
	socket *stream.Stream
	unread []byte
}

func (h *parting) OnData(c *loop.Conn, in []byte) (int, error) {
	s, unread, err := c.Detach()
	if err != nil {
		return 0, err
	}
	h.socket, h.unread = s, unread
	return len(in), nil
}

func (h *parting) OnClose(_ *loop.Conn, err error) {
	if h.socket == nil {
		return // it ended before
	}
	if !errors.Is(err, loop.ErrDetached) {
		h.fault(&h.wrong, fmt.Errorf("a detached connection ended with %w", err))
	}
	err = h.engine.AdoptStream(h.socket, func(*loop.Conn) loop.Handler { return &arrived{echo{h.server, false}, h.unread} })
	if err != nil {
		h.fault(&h.wrong, err)
		_ = h.socket.Close()
	}
}

// arrived is an echo that owes some bytes.
type arrived struct {
	echo
	owed []byte
}

func (h *arrived) OnOpen(c *loop.Conn) error {
	h.seen.detached.Add(1)
	_, err := c.Write(h.owed)
	h.owed = nil
	return err
}

// pauser is an echo that rests after each piece until a timer wakes it.
type pauser struct {
	echo
	resting bool
}

func (h *pauser) OnData(c *loop.Conn, in []byte) (int, error) {
	h.awake("input")
	n, err := h.echo.OnData(c, in)
	if n == 0 {
		return n, err
	}
	c.Pause()
	h.resting = true
	began := time.Now()
	c.Loop().AfterFunc(pauseLimit, func() {
		if lasted := time.Since(began); lasted < pauseLimit {
			h.fault(&h.wrong, fmt.Errorf("a timer of %v fired after %v", pauseLimit, lasted))
		}
		h.seen.paused.Add(1)
		h.resting = false
		c.Resume()
	})
	return n, err
}

func (h *pauser) OnEOF(c *loop.Conn) {
	h.awake("the end")
	h.echo.OnEOF(c)
}

// awake wants that the connection is not paused.
func (h *pauser) awake(heard string) {
	if h.resting {
		h.fault(&h.wrong, fmt.Errorf("a paused connection heard of %s", heard))
	}
}

// relay is a piece that another goroutine sends back.
type relay struct {
	to    loop.Ref
	piece []byte
}

// relaying gives what comes to the relaying goroutine.
type relaying struct{ *server }

func (h relaying) OnData(c *loop.Conn, in []byte) (int, error) {
	select {
	case h.relayed <- relay{c.Ref(), append([]byte(nil), in...)}:
		return len(in), nil
	default:
		return 0, errors.New("too many pieces wait for the relaying goroutine")
	}
}

func (h relaying) OnClose(*loop.Conn, error) {}

// relay sends back what the connections were sent, from a goroutine that is no loop's.
func (s *server) relay() {
	for r := range s.relayed {
		n, err := r.to.Write(r.piece)
		if err != nil && !errors.Is(err, net.ErrClosed) || err == nil && n != len(r.piece) {
			s.fault(&s.wrong, fmt.Errorf("a Ref took %d of %d bytes: %w", n, len(r.piece), err))
		}
		s.seen.relayed.Add(1)
	}
}
