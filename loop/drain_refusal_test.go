//go:build unix

package loop_test

// OnDrain after a refusal while little is pending.

import (
	"io"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// A Write that does not fit beside little output is followed by OnDrain as well,
// when there is nothing pending any more: then whatever may be written fits. It
// comes once, not again and again while the peer does not read.
func TestOnDrainFollowsARefusalBelowTheLowMark(t *testing.T) {
	const most, low = 64 << 10, 16 << 10
	for name, pending := range map[string]func(*loop.Conn) (n int){
		"corked":            func(c *loop.Conn) int { return write(t, c, 100) },
		"kernel takes none": func(c *loop.Conn) int { return fillSlowly(t, c, low/2) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1, MaxPending: most, HighMark: most, LowMark: low})
			refused, drained := make(chan int, 1), make(chan int, 10)
			c := r.dial(r.listen(r.always(hooks{
				open: func(c *loop.Conn) error {
					n := pending(c)
					if _, err := c.Write(make([]byte, most)); err != loop.ErrBackpressure {
						t.Errorf("Write beside %d bytes: %v, want ErrBackpressure", c.Buffered(), err)
					}
					refused <- n
					return nil
				},
				drain: func(c *loop.Conn) {
					drained <- write(t, c, most)
					c.Close()
				},
			})))
			l := r.engine.Loops()[0]
			total := take(t, "the refusal", refused)
			if name != "corked" {
				turn(t, l)
				turn(t, l)
				if len(drained) != 0 {
					t.Error("OnDrain came while output was pending")
				}
			}
			got, err := io.Copy(io.Discard, c)
			if err != nil {
				t.Error(err)
			}
			total += take(t, "OnDrain", drained)
			if got != int64(total) || len(drained) != 0 {
				t.Errorf("the peer read %d bytes of %d; OnDrain came %d times more", got, total, len(drained))
			}
		})
	}
}

// write writes n bytes, which must be taken.
func write(t *testing.T, c *loop.Conn, n int) int {
	m, err := c.Write(make([]byte, n))
	if err != nil {
		t.Errorf("Write of %d bytes beside %d: %v", n, c.Buffered(), err)
	}
	return m
}

// fillSlowly writes until the kernel takes no more and something is pending, but
// less than most. It returns the number of bytes.
func fillSlowly(t *testing.T, c *loop.Conn, most int) (n int) {
	s, err := c.Stream()
	if err != nil {
		t.Error(err)
		return 0
	}
	for err == nil {
		var m int
		m, err = s.Write(make([]byte, 64<<10))
		n += m
	}
	return n + write(t, c, most-1)
}
