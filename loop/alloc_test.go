//go:build unix

package loop_test

// What the steady state costs: no allocation.

import (
	"io"
	"runtime"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// Messages allocate nothing: small, large, pipelined, cut in the middle, with
// deadlines that move at each.
func TestMessagesAllocateNothing(t *testing.T) {
	deadlines := func(c *loop.Conn, in []byte) (int, error) {
		c.SetReadDeadline(c.Loop().Now().Add(1e9))
		c.SetIdleTimeout(1e9)
		return c.Write(in)
	}
	halves := func(c *loop.Conn, in []byte) (int, error) {
		if len(in) < 100 {
			return 0, nil
		}
		return c.Write(in[:100])
	}
	elsewhere := func(c *loop.Conn, in []byte) (int, error) {
		// Not corked in the callback but queued to the end of the turn.
		return c.Writev([][]byte{in})
	}
	for _, tc := range []struct {
		name   string
		data   func(*loop.Conn, []byte) (int, error)
		size   int
		pieces int
	}{
		{"small", echo, 64, 1},
		{"large", echo, 60_000, 1},
		{"deadlines", deadlines, 64, 1},
		{"halves", halves, 100, 2},
		{"vector", elsewhere, 64, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			// hooks without the watcher, whose bookkeeping may allocate.
			c := r.dial(r.listen(loop.HandlerFunc(tc.data).Protocol()))
			msg, back := make([]byte, tc.size), make([]byte, tc.size)
			round := func() {
				for i := range tc.pieces {
					k := tc.size / tc.pieces
					if _, err := c.Write(msg[i*k : (i+1)*k]); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := io.ReadFull(c, back); err != nil {
					t.Fatal(err)
				}
			}
			const rounds = 10_000
			for range 200 {
				round()
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range rounds {
				round()
			}
			runtime.ReadMemStats(&after)
			// The runtime itself allocates now and then.
			if n := after.Mallocs - before.Mallocs; n > rounds/50 {
				t.Errorf("%d allocations in %d messages", n, rounds)
			}
		})
	}
}

// Moving a timer allocates nothing, nor does asking what is pending.
func TestMovingATimerAllocatesNothing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	do(t, l, func() {
		timer := l.AfterFunc(1e9, func() {})
		if n := testing.AllocsPerRun(1000, func() { timer.Reset(2e9); timer.Reset(1e9); timer.Stop(); timer.Reset(1e9) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
