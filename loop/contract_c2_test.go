//go:build unix

package loop_test

// C2 of the contract: the callbacks come in order.

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// However a connection ends, its callbacks come in order: the watcher of every
// handler checks.
func TestC2CallbacksComeInOrder(t *testing.T) {
	endings := []func(c *loop.Conn, in []byte) (int, error){
		echo,
		func(c *loop.Conn, in []byte) (int, error) { return len(in), c.Close() },
		func(c *loop.Conn, in []byte) (int, error) { c.Abort(); return len(in), nil },
		func(c *loop.Conn, in []byte) (int, error) { return len(in), errors.New("no") },
		func(c *loop.Conn, in []byte) (int, error) { panic("test") },
		func(c *loop.Conn, in []byte) (int, error) { return len(in) + 1, nil },
		func(c *loop.Conn, in []byte) (int, error) { return len(in), c.CloseWrite() },
		func(c *loop.Conn, in []byte) (int, error) {
			s, _, err := c.Detach()
			if err == nil {
				s.Close()
			}
			return 0, err
		},
		func(c *loop.Conn, in []byte) (int, error) {
			c.SetReadDeadline(time.Now())
			return len(in), nil
		},
	}
	r := newRig(t, loop.Config{Loops: 2, LingerTimeout: time.Millisecond})
	var clients []*client
	for _, ending := range endings {
		for _, eof := range []func(*loop.Conn){nil, func(*loop.Conn) {}, func(c *loop.Conn) { c.Close() }} {
			ln := r.listen(r.always(hooks{data: ending, eof: eof}))
			for _, leave := range []func(*client){
				func(c *client) { _ = c.Conn.(*net.TCPConn).CloseWrite() }, // it may be over already
				(*client).reset,
				func(c *client) { c.Close() },
				func(*client) {},
			} {
				c := r.dial(ln)
				clients = append(clients, c)
				c.send([]byte("x"))
				leave(c)
			}
		}
	}
	until(t, "every connection was accepted", func() bool {
		return r.engine.Stats().Accepted == uint64(len(clients))
	})
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.watchers) != len(clients) {
		t.Fatalf("%d handlers for %d connections", len(r.watchers), len(clients))
	}
	for _, w := range r.watchers {
		if !w.opened {
			t.Error("a handler has not heard OnOpen")
		}
	}
}
