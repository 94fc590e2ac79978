package subject

// The functions that the engine calls besides a connection's callbacks, and what is
// done in them.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// within lets a function do something to the newest connection.
func (g *engine) within(arg []byte) error {
	a, err := decode[Arm](arg)
	if err != nil {
		return err
	}
	begun := make(chan error, 1)
	err = g.current().Do(func(c *loop.Conn) { begun <- g.begin(a, c) })
	if err != nil {
		return err
	}
	return <-begun
}

// begin lets the engine call the function, which must come once.
func (g *engine) begin(a Arm, c *loop.Conn) error {
	g.mu.Lock()
	s := g.sessions[c]
	g.mu.Unlock()
	called := false
	f := func() {
		if called {
			g.wrong("the function of %s came again", a.Callback)
			return
		}
		called = true
		s.fire(a, c)
	}
	l := c.Loop()
	switch a.Callback {
	case "Ref.Do":
		return c.Ref().Do(func(*loop.Conn) { f() })
	case "Post":
		return l.Post(f)
	case "AfterFunc":
		l.AfterFunc(0, f)
		return nil
	case "Every":
		return every(l, f)
	case "Register":
		return g.register(l, f)
	case "OnOpen of a dial":
		return g.dial(l, f, func() {})
	case "done of a dial":
		return g.dial(l, func() {}, f)
	}
	return fmt.Errorf("no function of %q", a.Callback)
}

// every stops the timer behind f. If f panics, the engine must.
func every(l *loop.Loop, f func()) error {
	var t *loop.Timer
	t, err := l.Every(time.Millisecond, func() {
		f()
		t.Stop()
	})
	return err
}

// register calls f for a descriptor that stays readable, and closes the registration
// behind it. If f panics, the engine must.
func (g *engine) register(l *loop.Loop, f func()) error {
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	var r *loop.Registration
	returned := false
	r, err = l.Register(fd, poller.Read, func(poller.Event) {
		l.AfterFunc(wait/10, func() { // some turns later
			if returned {
				return
			}
			if err := r.Close(); !errors.Is(err, net.ErrClosed) {
				g.wrong("a registration whose function has panicked is not closed: %v", err)
			}
			_ = unix.Close(fd)
		})
		f()
		returned = true // and the loop may end before the timer
		_ = r.Close()
		_ = unix.Close(fd)
	})
	if err != nil {
		_ = unix.Close(fd)
	}
	return err
}

// dial connects to this server and calls the functions in OnOpen and done.
func (g *engine) dial(l *loop.Loop, opened, done func()) error {
	p := func(*loop.Conn) loop.Handler {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.seen.Opened++
		return &dialed{newSession(g), opened}
	}
	err := l.Dial(context.Background(), loop.DialConfig{}, "tcp", g.addr, p, func(c *loop.Conn, _ error) {
		g.mu.Lock()
		g.seen.Done++
		g.mu.Unlock()
		done()
		if c != nil {
			_ = c.Close()
		}
	})
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.seen.Dials++
	}
	return err
}

// dialed is the handler of a connection that the server makes itself.
type dialed struct {
	*session
	opened func()
}

func (s *dialed) OnOpen(*loop.Conn) error {
	defer s.enter("OnOpen")()
	s.opened()
	return nil
}
