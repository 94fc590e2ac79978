//go:build unix

package loop_test

// C8 of the contract: a stale handle reaches nobody.

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// A handle that was kept too long reaches nobody, although the descriptor's
// number is another connection's by now (hazards 1 and 2).
func TestC8AStaleHandleReachesNobody(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	type opened struct {
		c  *loop.Conn
		fd int
	}
	opens := make(chan opened, 1)
	ended := make(chan error, 1)
	ln := r.listen(r.protocol(func(c *loop.Conn) hooks {
		return hooks{
			open: func(c *loop.Conn) error {
				s, err := c.Stream()
				if err == nil {
					opens <- opened{c, s.FD()}
				}
				return err
			},
			data:  echo,
			close: func(_ *loop.Conn, err error) { ended <- err },
		}
	}))
	first := r.dial(ln)
	stale := take(t, "the first connection", opens)
	ref := stale.c.Ref()
	first.Close()
	take(t, "its end", ended)

	// The lowest free number is given out first, so it comes back soon.
	var heir *client
	for range 100 {
		c := r.dial(ln)
		if take(t, "the next connection", opens).fd == stale.fd {
			heir = c
			break
		}
	}
	if heir == nil {
		t.Fatal("the number did not come back")
	}
	do(t, l, func() {
		c := stale.c
		for name, err := range everyMethod(c) {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s of a connection that is gone: %v", name, err)
			}
		}
		if a := c.LocalAddr(); a.IsValid() {
			t.Errorf("LocalAddr is %v", a)
		}
		if !c.RemoteAddr().IsValid() {
			t.Error("RemoteAddr is forgotten")
		}
	})
	if _, err := ref.Write([]byte("stale")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Write: %v", err)
	}
	if err := ref.Do(func(*loop.Conn) { t.Error("Ref.Do ran") }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Do: %v", err)
	}
	if err := ref.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ref.Close: %v", err)
	}
	turn(t, l)
	heir.echoes()
}

// everyMethod calls all methods of c that do I/O and returns their errors.
func everyMethod(c *loop.Conn) map[string]error {
	errs := make(map[string]error)
	_, errs["Write"] = c.Write([]byte("stale"))
	_, errs["large Write"] = c.Write(make([]byte, 100_000))
	_, errs["WriteString"] = c.WriteString("stale")
	_, errs["Writev"] = c.Writev([][]byte{[]byte("st"), []byte("ale")})
	errs["CloseWrite"] = c.CloseWrite()
	errs["Close"] = c.Close()
	_, errs["Stream"] = c.Stream()
	_, _, errs["Detach"] = c.Detach()
	c.Abort()
	c.Pause()
	c.Resume()
	c.SetReadDeadline(time.Now())
	c.SetWriteDeadline(time.Now())
	c.SetIdleTimeout(1)
	c.SetHandler(c.Handler())
	return errs
}

// A connection that another one's callback ends is silent from then on, even
// with an event in the same batch, and a connection that is accepted in that
// batch gets nothing of it (hazards 1 and 3).
func TestC8ClosingWithinABatch(t *testing.T) {
	for name, end := range map[string]func(*loop.Conn){
		"Abort": (*loop.Conn).Abort,
		"Close": func(c *loop.Conn) { c.Close() },
		"Detach": func(c *loop.Conn) {
			if s, _, err := c.Detach(); err == nil {
				s.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1, LingerTimeout: time.Millisecond})
			l := r.engine.Loops()[0]
			conns := make(map[*loop.Conn]bool) // the loop's: those that live
			victims := r.listen(r.always(hooks{
				open: func(c *loop.Conn) error { conns[c] = true; return nil },
				data: func(c *loop.Conn, in []byte) (int, error) {
					if !conns[c] {
						t.Error("OnData is called for a connection that was ended")
					}
					for other := range conns {
						if other != c {
							delete(conns, other)
							end(other)
						}
					}
					return len(in), nil
				},
			}))
			heirs := r.listen(r.always(hooks{data: echo}))
			for range 20 {
				var old []*client
				for range 5 {
					old = append(old, r.dial(victims))
				}
				until(t, "the connections are up", func() (up bool) {
					do(t, l, func() { up = len(conns) >= 5 })
					return up
				})
				release := hold(t, l)
				for _, c := range old {
					c.send([]byte("victim"))
				}
				heir := r.dial(heirs)
				heir.send([]byte("heir"))
				release()
				heir.expect("heir")
				heir.echoes()
				for _, c := range old {
					c.Close()
				}
			}
		})
	}
}
