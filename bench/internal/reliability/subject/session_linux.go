package subject

// The handlers of this engine's server: each watches the order in which it is
// called.

import (
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/loop"
)

// protocol makes the handler of one connection.
func (g *engine) protocol(c *loop.Conn) loop.Handler {
	g.mu.Lock()
	g.newest = c.Ref()
	if len(g.armed) > 0 {
		g.bound[c] = g.armed[0]
		g.armed = g.armed[1:]
	}
	g.mu.Unlock()
	if g.cfg.Protocol == Watched {
		g.act("Protocol", c)
	}
	g.mu.Lock()
	g.seen.Opened++
	g.mu.Unlock()
	s := session{g: g}
	switch g.cfg.Protocol {
	case Watched:
		return &watched{s}
	case Late:
		return &late{session: s}
	case Tail:
		return &tail{s}
	case Requests:
		return &requests{s}
	case Quiet:
		return &quiet{s}
	case Frames:
		return &frames{s}
	}
	return &s
}

// session echoes, and holds the engine to C2.
type session struct {
	g      *engine
	inside string // the callback under way; plain, so that the race detector sees another goroutine
	opened bool
	closed bool
}

// enter notes that a callback begins; what it returns notes its end.
func (s *session) enter(callback string) (leave func()) {
	switch {
	case s.inside != "":
		s.g.wrong("%s within %s", callback, s.inside)
	case s.closed:
		s.g.wrong("%s after OnClose", callback)
	case !s.opened && callback != "OnOpen" && callback != "OnClose":
		s.g.wrong("%s before OnOpen", callback)
	case s.opened && callback == "OnOpen":
		s.g.wrong("OnOpen twice")
	}
	s.inside = callback
	return func() { s.inside = "" }
}

func (s *session) OnOpen(*loop.Conn) error {
	defer s.enter("OnOpen")()
	s.opened = true
	return nil
}

func (s *session) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	n, err := c.Write(in)
	s.g.echoed.Add(int64(n))
	return n, err
}

func (s *session) OnDrain(*loop.Conn) { s.enter("OnDrain")() }

func (s *session) OnClose(_ *loop.Conn, err error) {
	defer s.enter("OnClose")()
	s.close(err)
}

func (s *session) close(err error) {
	s.closed = true
	cause := "nil"
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause = Deadline
	case err != nil:
		cause = err.Error()
	}
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.g.seen.Closed++
	if _, known := s.g.seen.Causes[cause]; known || len(s.g.seen.Causes) < 64 {
		s.g.seen.Causes[cause]++
	}
}

// late answers when the peer has ended its output, whose first byte says which
// stream it is.
type late struct {
	session
	in *ledger.Stream
}

func (s *late) OnData(_ *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	if s.in == nil {
		s.in = ledger.New(int(in[0]))
		return 1, nil
	}
	return len(in), s.in.Check(in)
}

func (s *late) OnEOF(c *loop.Conn) {
	defer s.enter("OnEOF")()
	if s.in == nil {
		c.Close() // it was not asked
		return
	}
	if s.in.Done() != Question {
		s.g.wrong("OnEOF after %d bytes of %d", s.in.Done(), Question)
	}
	c.Loop().AfterFunc(s.g.cfg.Limit, func() {
		if err := reply(c); err != nil {
			s.g.wrong("the late reply: %v", err)
		}
		c.Close()
	})
}

// reply writes Reply bytes.
func reply(c *loop.Conn) error {
	out := ledger.New(0)
	for out.Done() < Reply {
		if _, err := c.Write(out.Next(Reply - int(out.Done()))); err != nil {
			return err
		}
	}
	return nil
}

// tail answers and closes while the peer still sends.
type tail struct{ session }

func (s *tail) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	if err := reply(c); err != nil {
		s.g.wrong("the reply before Close: %v", err)
	}
	return 1, c.Close()
}

// requests gives every line a limit.
type requests struct{ session }

func (s *requests) OnOpen(c *loop.Conn) error {
	c.SetReadDeadline(time.Now().Add(s.g.cfg.Limit))
	return s.session.OnOpen(c)
}

func (s *requests) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	end := bytes.IndexByte(in, '\n') + 1
	if end == 0 {
		return 0, nil
	}
	c.SetReadDeadline(time.Now().Add(s.g.cfg.Limit))
	return c.Write(in[:end])
}

// quiet closes connections on which nothing moves.
type quiet struct{ session }

func (s *quiet) OnOpen(c *loop.Conn) error {
	c.SetIdleTimeout(s.g.cfg.Limit)
	return s.session.OnOpen(c)
}

// frames leaves input where it is until a frame is whole.
type frames struct{ session }

func (s *frames) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	if len(in) < Frame {
		return 0, nil
	}
	return c.Write(in[:Frame])
}
