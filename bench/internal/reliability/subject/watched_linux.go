package subject

// The handler with every callback, in which faults can be armed.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// watched echoes, and does in its callbacks what is armed.
type watched struct{ *session }

// wait is how long a watched connection may be silent until OnTimeout.
const wait = 50 * time.Millisecond

func (s *watched) OnOpen(c *loop.Conn) error {
	defer s.enter("OnOpen")()
	s.act("OnOpen", c)
	return nil
}

// OnData leaves a half of its input, so that there is some that comes after what is
// done in it.
func (s *watched) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	n, err := s.echo(c, in[:(len(in)+1)/2])
	if s.mute && errors.Is(err, net.ErrClosed) {
		return len(in), nil
	}
	if err == nil {
		c.SetReadDeadline(time.Now().Add(wait))
	}
	s.act("OnData", c)
	return n, err
}

func (s *watched) OnDrain(c *loop.Conn) {
	defer s.enter("OnDrain")()
	s.act("OnDrain", c)
}

func (s *watched) OnTimeout(c *loop.Conn, _ loop.Deadline) error {
	defer s.enter("OnTimeout")()
	s.act("OnTimeout", c)
	return nil
}

func (s *watched) OnEOF(c *loop.Conn) {
	defer s.enter("OnEOF")()
	s.act("OnEOF", c)
	s.end(c)
}

func (s *watched) OnShutdown(c *loop.Conn) {
	defer s.enter("OnShutdown")()
	s.act("OnShutdown", c)
	s.end(c)
}

func (s *watched) OnClose(c *loop.Conn, err error) {
	defer s.enter("OnClose")()
	s.close(c, err)
	s.act("OnClose", c)
}

// act does what is armed for the callback of this connection.
func (s *session) act(callback string, c *loop.Conn) {
	g := s.g
	g.mu.Lock()
	a, armed := g.bound[c]
	if !armed || a.Callback != callback {
		g.mu.Unlock()
		return
	}
	delete(g.bound, c)
	g.mu.Unlock()
	s.fire(a, c)
}

// fire does to the connection what is armed.
func (s *session) fire(a Arm, c *loop.Conn) {
	g := s.g
	g.mu.Lock()
	g.seen.Fired = append(g.seen.Fired, Fired{Arm: a})
	s.fired = len(g.seen.Fired)
	g.mu.Unlock()
	s.mute = s.mute || a.Action == CloseWrite
	s.closed = s.closed || a.Action == Close || a.Action == Abort || a.Resets()
	err := g.perform(a, c)
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen.Fired[s.fired-1].Err = err.Error()
}

func (g *engine) perform(a Arm, c *loop.Conn) error {
	switch a.Action {
	case Panic:
		panic("armed in " + a.Callback)
	case Goexit:
		runtime.Goexit()
	case Block:
		<-g.release
	case Close:
		return c.Close()
	case Abort:
		c.Abort()
	case Write:
		_, err := c.WriteString(Marker)
		return err
	case CloseWrite:
		return c.CloseWrite()
	case Deadlines:
		setDeadlines(c)
	case Shutdown:
		go func() {
			if err := g.e.Shutdown(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, "shutdown:", err)
			}
		}()
	case EndNow:
		return g.e.Close()
	}
	return nil
}

// setDeadlines sets every deadline to every kind of time. The last read deadline
// has passed, so OnTimeout follows.
func setDeadlines(c *loop.Conn) {
	now := time.Now()
	for _, t := range []time.Time{now.Add(-time.Hour), {}, now, now.Add(1<<63 - 1), now.Add(-1)} {
		c.SetReadDeadline(t)
		c.SetWriteDeadline(t)
	}
	for _, d := range []time.Duration{-1, 1<<63 - 1, 0, 1, -1 << 63} {
		c.SetIdleTimeout(d)
	}
}
