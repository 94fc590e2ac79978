package subject

// The handler with every callback, in which faults can be armed.

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// watched echoes, and does in its callbacks what is armed.
type watched struct{ session }

// wait is how long a watched connection may be silent until OnTimeout.
const wait = 50 * time.Millisecond

func (s *watched) OnOpen(c *loop.Conn) error {
	defer s.enter("OnOpen")()
	s.opened = true
	s.g.act("OnOpen", c)
	return nil
}

func (s *watched) OnData(c *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	n, err := c.Write(in)
	if err == nil {
		c.SetReadDeadline(time.Now().Add(wait))
	}
	s.g.act("OnData", c)
	return n, err
}

func (s *watched) OnDrain(c *loop.Conn) {
	defer s.enter("OnDrain")()
	s.g.act("OnDrain", c)
}

func (s *watched) OnTimeout(c *loop.Conn, _ loop.Deadline) error {
	defer s.enter("OnTimeout")()
	s.g.act("OnTimeout", c)
	return nil
}

func (s *watched) OnEOF(c *loop.Conn) {
	defer s.enter("OnEOF")()
	s.g.act("OnEOF", c)
	c.Close()
}

func (s *watched) OnShutdown(c *loop.Conn) {
	defer s.enter("OnShutdown")()
	s.g.act("OnShutdown", c)
	c.Close()
}

func (s *watched) OnClose(c *loop.Conn, err error) {
	defer s.enter("OnClose")()
	s.close(err)
	s.g.act("OnClose", c)
}

// act does what is armed for the callback of this connection.
func (g *engine) act(callback string, c *loop.Conn) {
	g.mu.Lock()
	a, armed := g.bound[c]
	if !armed || a.Callback != callback {
		g.mu.Unlock()
		return
	}
	delete(g.bound, c)
	g.seen.Fired = append(g.seen.Fired, Fired{Arm: a})
	fired := len(g.seen.Fired) - 1
	g.mu.Unlock()
	err := g.perform(a, c)
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen.Fired[fired].Err = err.Error()
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
