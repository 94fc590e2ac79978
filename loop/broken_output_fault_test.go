//go:build unix && faultinject

package loop_test

// What becomes of a connection whose output has failed while input is left.

import (
	"errors"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

// A connection whose send failed, with input still to be offered, ends as soon as
// its handler wants no more of that: no event will come that could end it later.
func TestC2AConnectionWithBrokenOutputEnds(t *testing.T) {
	for name, second := range map[string]func(*loop.Conn) error{
		"error":           func(*loop.Conn) error { return errors.New("enough") },
		"error of Write":  func(c *loop.Conn) error { _, err := c.Write([]byte("x")); return err },
		"Close":           func(c *loop.Conn) error { return c.Close() },
		"Pause":           func(c *loop.Conn) error { c.Pause(); return nil },
		"Pause and Close": func(c *loop.Conn) error { c.Pause(); return c.Ref().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1, ReadBuffer: 1 << 10, ReadBudget: 1 << 10})
			first := true
			conns := make(chan *loop.Conn, 1)
			closed := make(chan error, 1)
			ln := r.listen(r.always(hooks{
				open: func(c *loop.Conn) error { c.Pause(); conns <- c; return nil },
				data: func(c *loop.Conn, in []byte) (int, error) {
					if !first {
						return len(in), second(c)
					}
					first = false
					_, err := c.Write([]byte("an answer"))
					return len(in), err
				},
				close: func(_ *loop.Conn, err error) { closed <- err },
			}))
			c := r.dialDoomed(ln)
			if _, err := c.Write(make([]byte, 64<<10)); err != nil {
				t.Fatal(err)
			}
			conn := take(t, "OnOpen", conns)
			failed := false
			remove := inject(t, func(call sys.Call) sys.Errno {
				if call != sys.CallSend || failed {
					return 0
				}
				failed = true
				return syscall.ECONNRESET
			})
			defer remove()
			do(t, conn.Loop(), conn.Resume)
			if err := take(t, "OnClose", closed); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("OnClose hears %v, want ECONNRESET", err)
			}
		})
	}
}
