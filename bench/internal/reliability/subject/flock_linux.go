package subject

// What the server is asked to do to connections and descriptors that it has.

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// join notes a connection of the flock.
func (g *engine) join(c *loop.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flock = append(g.flock, c.Ref())
}

// each calls f for all of the flock that are still there, and returns when it has.
func (g *engine) each(f func(c *loop.Conn)) error {
	g.mu.Lock()
	flock := g.flock
	g.flock = nil
	g.mu.Unlock()
	for _, r := range flock {
		_ = r.Do(f) // it may have gone
	}
	return g.run(func(*loop.Loop) error { return nil }) // after those
}

// endThose closes the connections of clients, which must be there.
func (g *engine) endThose(arg []byte) error {
	clients, err := decode[[]string](arg)
	if err != nil {
		return err
	}
	for _, client := range clients {
		c, s := g.find(client)
		if s == nil {
			return fmt.Errorf("no connection of %s", client)
		}
		if err := c.Ref().Do(func(c *loop.Conn) { _ = s.end(c) }); err != nil {
			return err
		}
	}
	return g.run(func(*loop.Loop) error { return nil }) // after those
}

// sink makes the newest connection one whose input is taken and that is all.
func (g *engine) sink() error {
	done := make(chan struct{})
	err := g.current().Do(func(c *loop.Conn) {
		g.mu.Lock()
		s := g.sessions[c]
		g.mu.Unlock()
		c.SetHandler(&sink{s})
		close(done)
	})
	if err == nil {
		<-done
	}
	return err
}

type sink struct{ *session }

// OnData takes so long that more has come by then: only the engine ends the turn.
func (s *sink) OnData(_ *loop.Conn, in []byte) (int, error) {
	defer s.enter("OnData")()
	for end := time.Now().Add(200 * time.Microsecond); time.Now().Before(end); {
	}
	return len(in), nil
}

// still is a registered descriptor to which nothing happens.
type still struct {
	fd  int
	reg *loop.Registration
}

// watch registers so many of them.
func (g *engine) watch(arg []byte) error {
	n, err := decode[int](arg)
	if err != nil {
		return err
	}
	return g.run(func(l *loop.Loop) error {
		for range n {
			fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
			if err != nil {
				return err
			}
			reg, err := l.Register(fd, poller.Read, func(ev poller.Event) {
				g.wrong("a descriptor to which nothing happens is said to be ready: %v", ev.Ready)
			})
			if err != nil {
				return err
			}
			g.still = append(g.still, still{fd, reg})
		}
		return nil
	})
}

// unwatch closes them.
func (g *engine) unwatch() error {
	return g.run(func(*loop.Loop) error {
		for _, s := range g.still {
			if err := s.reg.Close(); err != nil {
				return err
			}
			if err := unix.Close(s.fd); err != nil {
				return err
			}
		}
		g.still = nil
		return nil
	})
}

// run calls f on the first loop.
func (g *engine) run(f func(l *loop.Loop) error) error {
	l, done := g.e.Loops()[0], make(chan error, 1)
	if err := l.Post(func() { done <- f(l) }); err != nil {
		return err
	}
	return <-done
}
