//go:build unix

package loop_test

// What the engine lends to a handler, and what only the kernel points at: neither
// may be collected or used again meanwhile (hazard 4).

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/eddyline/eddyline/loop"
)

// whileLent is what a handler may do to its connection while it looks at the input.
var whileLent = map[string]func(c *loop.Conn, in []byte) error{
	"nothing":     func(*loop.Conn, []byte) error { return nil },
	"cork":        func(c *loop.Conn, _ []byte) error { _, err := c.WriteString("short"); return err },
	"long Write":  func(c *loop.Conn, _ []byte) error { _, err := c.Write(make([]byte, 100_000)); return err },
	"pending":     func(c *loop.Conn, _ []byte) error { _, err := c.Write(make([]byte, 8<<20)); return err },
	"echo":        func(c *loop.Conn, in []byte) error { _, err := c.Write(in); return err },
	"Pause":       func(c *loop.Conn, _ []byte) error { c.Pause(); return nil },
	"Close":       func(c *loop.Conn, _ []byte) error { return c.Close() },
	"Abort":       func(c *loop.Conn, _ []byte) error { c.Abort(); return nil },
	"CloseWrite":  func(c *loop.Conn, _ []byte) error { return c.CloseWrite() },
	"both Closes": func(c *loop.Conn, _ []byte) error { return errors.Join(c.CloseWrite(), c.Close()) },
	"SetHandler":  func(c *loop.Conn, _ []byte) error { c.SetHandler(c.Handler()); return nil },
	"Detach": func(c *loop.Conn, _ []byte) error {
		s, unread, err := c.Detach()
		if err != nil {
			return err
		}
		clear(unread) // it is the caller's own, and not what was offered
		return s.Close()
	},
	"engine's Close": func(c *loop.Conn, _ []byte) error { return c.Loop().Engine().Close() },
}

// The input offered to OnData stays as it is until OnData returns, whatever the
// handler does, whoever uses buffers meanwhile, and however often the collector
// runs. It does so in the loop's buffer and in a block that keeps what was left.
func TestInputIsTheHandlersUntilItReturns(t *testing.T) {
	for name, deed := range whileLent {
		for _, kept := range []int{0, 1, 3_000, 50_000} {
			t.Run(fmt.Sprintf("%s, %d kept", name, kept), func(t *testing.T) { lend(t, deed, kept) })
		}
	}
}

// lend lets deed be done when kept bytes of input were left before and some more
// are offered along with them.
func lend(t *testing.T, deed func(c *loop.Conn, in []byte) error, kept int) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: 16 << 20})
	var other *loop.Conn // the loop's
	r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error { other = c; return nil }})))
	until(t, "the other connection is up", func() bool { return r.engine.Stats().Accepted == 1 })
	left, looked := make(chan struct{}), make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		if len(in) < kept {
			return 0, nil
		}
		if len(in) == kept {
			close(left)
			return 0, nil
		}
		err := deed(c, in)
		for range 10 {
			_, writeErr := other.Write(bytes.Repeat([]byte{0xFF}, 20_000)) // into blocks of the pool
			err = errors.Join(err, writeErr)
		}
		looked <- errors.Join(err, look(in))
		return len(in), nil
	}})))
	c.send(record(0, kept))
	if kept > 0 {
		take(t, "the first part", left)
	}
	c.send(record(kept, 10))
	if err := take(t, "OnData", looked); err != nil {
		t.Error(err)
	}
}

// look collects garbage and then holds input against what was sent, from another
// goroutine, as a handler may that waits for it.
func look(in []byte) error {
	checked := make(chan error)
	go func() {
		runtime.GC()
		start := ledger(0)
		checked <- start.check(in)
	}()
	return <-checked
}

// A connection that waits is known to the kernel alone, by a number: it is not
// collected, and each event comes to its own.
func TestWhatOnlyTheKernelKnowsIsNotCollected(t *testing.T) {
	const conns = 100
	r := newRig(t, loop.Config{Loops: 1})
	known := make(chan weak.Pointer[loop.Conn], conns)
	made := 0 // the loop's
	ln, err := r.engine.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", func(c *loop.Conn) loop.Handler {
		known <- weak.Make(c)
		name := fmt.Sprint("connection ", made)
		made++
		return loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
			_, err := c.WriteString(name)
			return len(in), err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	var clients []*client
	var pointers []weak.Pointer[loop.Conn]
	for range conns {
		clients = append(clients, r.dial(ln))
		pointers = append(pointers, take(t, "the connection", known))
	}
	for range 3 {
		runtime.GC()
	}
	for i, p := range pointers {
		if p.Value() == nil {
			t.Fatalf("connection %d has been collected", i)
		}
		clients[i].send([]byte("who?"))
		clients[i].expect(fmt.Sprint("connection ", i))
	}
}
