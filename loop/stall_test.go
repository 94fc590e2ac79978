//go:build unix

package loop_test

// Output that the kernel did not take: its writable edge brings the rest, and what
// was to follow it (hazard 26).

import (
	"errors"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// TestAFlushThatWouldBlockGoesOn writes more than the kernel takes, in every way, to
// a peer that is silent: nothing but the writable edge tells that there is room.
func TestAFlushThatWouldBlockGoesOn(t *testing.T) {
	output := record(0, stalledOutput)
	writes := map[string]func(c *loop.Conn) error{
		"Write":       func(c *loop.Conn) error { return inCall(c, output) },
		"WriteString": func(c *loop.Conn) error { _, err := c.WriteString(string(output)); return err },
		"cork and Write": func(c *loop.Conn) error {
			return errors.Join(inCall(c, output[:10]), inCall(c, output[10:]))
		},
		"Writev": func(c *loop.Conn) error {
			_, err := c.Writev([][]byte{output[:10], nil, output[10 : 6<<20], output[6<<20:]})
			return err
		},
		"short ones": func(c *loop.Conn) error {
			var errs error
			for rest := output; len(rest) > 0; rest = rest[min(1<<10, len(rest)):] {
				errs = errors.Join(errs, inCall(c, rest[:min(1<<10, len(rest))]))
			}
			return errs
		},
		"from a task": func(c *loop.Conn) error {
			return c.Loop().Post(func() {
				if err := inCall(c, output); err != nil {
					t.Error(err)
				}
			})
		},
		"Ref.Write": func(c *loop.Conn) error {
			_, err := c.Ref().Write(output)
			return err
		},
	}
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		for name, write := range writes {
			t.Run(name, func(t *testing.T) { stall(t, listen, write) })
		}
	})
}

func inCall(c *loop.Conn, p []byte) error {
	_, err := c.Write(p)
	return err
}

// stall lets a connection write and end its output, and lets the peer read in parts:
// each time it stops, the kernel is full again.
func stall(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener, write func(c *loop.Conn) error) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput, MaxTaskBytes: stalledOutput})
	conns := make(chan *loop.Conn, 1)
	c := r.dial(listen(r, r.always(hooks{open: func(c *loop.Conn) error { conns <- c; return write(c) }})))
	conn := take(t, "the connection", conns)
	l := conn.Loop()
	turn(t, l)
	do(t, l, func() {
		if conn.Buffered() == 0 {
			t.Error("the kernel has taken everything: the test is too small")
		}
		if err := conn.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	const parts = 4
	for i := range parts {
		c.expect(string(record(i*stalledOutput/parts, stalledOutput/parts)))
	}
	c.expectEnd()
}
