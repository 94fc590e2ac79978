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
	s := newSession(g)
	s.client = c.RemoteAddr().String()
	g.sessions[c] = s
	g.mu.Unlock()
	switch g.cfg.Protocol {
	case Watched:
		s.act("Protocol", c)
	case Flock:
		g.join(c)
	}
	g.mu.Lock()
	g.seen.Opened++
	g.mu.Unlock()
	switch g.cfg.Protocol {
	case Watched:
		return &watched{session: s}
	case Late:
		return &late{session: s}
	case Tail:
		return &tail{s}
	case Requests:
		return &requests{session: s}
	case Frames:
		return &frames{s}
	}
	return s
}

// session echoes, and holds the engine to C2 and C3.
type session struct {
	g      *engine
	client string          // its address
	inside string          // the callback under way; plain, so that the race detector sees another goroutine
	heard  map[string]bool // callbacks
	mute   bool            // by CloseWrite
	closed bool            // by Close, Abort or a panic of its own: only OnClose is left
	wrote  int             // bytes of the echo that the engine took
	fired  int             // number in Report.Fired of what was done to it, from 1; 0 is nothing
}

func newSession(g *engine) *session { return &session{g: g, heard: map[string]bool{}} }

// once are the callbacks that come no second time.
var once = map[string]bool{"OnOpen": true, "OnEOF": true, "OnShutdown": true}

// enter notes that a callback begins; what it returns notes its end.
func (s *session) enter(callback string) (leave func()) {
	switch {
	case s.inside != "":
		s.g.wrong("%s within %s", callback, s.inside)
	case s.heard["OnClose"]:
		s.g.wrong("%s after OnClose", callback)
	case callback == "OnClose": // of a connection that could not be registered it is the first
	case !s.heard["OnOpen"] && callback != "OnOpen":
		s.g.wrong("%s before OnOpen", callback)
	case once[callback] && s.heard[callback]:
		s.g.wrong("%s twice", callback)
	case s.closed && s.heard["OnOpen"]: // which comes after a Close in Protocol
		s.g.wrong("%s after Close", callback)
	case s.heard["OnEOF"] && callback == "OnData": // whoever has OnEOF here leaves no input
		s.g.wrong("OnData after OnEOF")
	}
	s.inside = callback
	s.heard[callback] = true
	return func() { s.inside = "" }
}

func (s *session) OnOpen(*loop.Conn) error {
	defer s.enter("OnOpen")()
	return nil
}

func (s *session) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	return s.echo(c, in)
}

func (s *session) echo(c *loop.Conn, in []byte) (int, error) {
	n, err := c.Write(in)
	s.wrote += n
	s.g.echoed.Add(int64(n))
	return n, err
}

// end is Close, after which only OnClose may come.
func (s *session) end(c *loop.Conn) error {
	s.closed = true
	return c.Close()
}

func (s *session) OnDrain(*loop.Conn) { s.enter("OnDrain")() }

func (s *session) OnClose(c *loop.Conn, err error) {
	defer s.enter("OnClose")()
	s.close(c, err)
}

func (s *session) close(c *loop.Conn, err error) {
	cause := "nil"
	var panicked *loop.PanicError
	switch {
	case errors.As(err, &panicked):
		cause = Panicked
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause = Deadline
	case err != nil:
		cause = err.Error()
	}
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.g.seen.Closed++
	delete(s.g.sessions, c)
	if s.fired > 0 {
		s.g.seen.Fired[s.fired-1].End = &End{cause, s.wrote}
	}
	if _, known := s.g.seen.Causes[cause]; known || len(s.g.seen.Causes) < 64 {
		s.g.seen.Causes[cause]++
	}
}

// late answers when the peer has ended its output, whose first byte says which
// stream it is.
type late struct {
	*session
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
		s.end(c) // it was not asked
		return
	}
	if s.in.Done() != Question {
		s.g.wrong("OnEOF after %d bytes of %d", s.in.Done(), Question)
	}
	c.Loop().AfterFunc(s.g.cfg.Limit, func() {
		if err := reply(c); err != nil {
			s.g.wrong("the late reply: %v", err)
		}
		s.end(c)
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
type tail struct{ *session }

func (s *tail) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	if err := reply(c); err != nil {
		s.g.wrong("the reply before Close: %v", err)
	}
	return 1, s.end(c)
}

// requests gives every line a limit, and wants that to pass before the connection ends by it.
type requests struct {
	*session
	due time.Time
}

func (s *requests) OnOpen(c *loop.Conn) error {
	s.limit(c)
	return s.session.OnOpen(c)
}

func (s *requests) limit(c *loop.Conn) {
	s.due = time.Now().Add(s.g.cfg.Limit)
	c.SetReadDeadline(s.due)
}

func (s *requests) OnClose(c *loop.Conn, err error) {
	if left := time.Until(s.due); left > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		s.g.wrong("a deadline fired %v early", left)
	}
	s.session.OnClose(c, err)
}

func (s *requests) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	end := bytes.IndexByte(in, '\n') + 1
	if end == 0 {
		return 0, nil
	}
	s.limit(c)
	return c.Write(in[:end])
}

// frames leaves input where it is until a frame is whole.
type frames struct{ *session }

func (s *frames) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	if len(in) < Frame {
		return 0, nil
	}
	return c.Write(in[:Frame])
}
