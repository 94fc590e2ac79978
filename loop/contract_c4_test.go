//go:build unix

package loop_test

// C4 of the contract: memory is bounded.

import (
	"errors"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// A connection's memory is bounded in both directions, and so is what other
// goroutines may queue, whatever the peers do (hazard 32).
func TestC4MemoryIsBounded(t *testing.T) {
	cfg := loop.Config{Loops: 1, MaxInbound: 64 << 10, MaxPending: 128 << 10, HighMark: 32 << 10, MaxTasks: 100, MaxTaskBytes: 10_000, LingerTimeout: time.Millisecond}
	r := newRig(t, cfg)
	l := r.engine.Loops()[0]

	causes := make(chan error, 10)
	hoarder := r.listen(r.always(hooks{
		data:  func(c *loop.Conn, in []byte) (int, error) { return 0, nil },
		close: func(c *loop.Conn, err error) { causes <- err },
	}))
	for range 10 {
		c := r.dial(hoarder)
		go func() {
			// It ends with a reset, since nobody takes the bytes.
			_, _ = c.Write(make([]byte, 10<<20))
		}()
	}
	for range 10 {
		if err := take(t, "the end of a handler that never consumes", causes); !errors.Is(err, loop.ErrMaxInbound) {
			t.Errorf("OnClose heard %v, want ErrMaxInbound", err)
		}
	}

	refused := make(chan int, 1)
	flooder := r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		for {
			if _, err := c.Write(make([]byte, 5000)); err != nil {
				if err != loop.ErrBackpressure {
					return err
				}
				refused <- c.Buffered()
				return nil
			}
		}
	}}))
	r.dial(flooder)
	if n := take(t, "the refusal", refused); n > cfg.MaxPending {
		t.Errorf("%d bytes are pending, MaxPending is %d", n, cfg.MaxPending)
	}
	// Blocks are larger than what is in them, but by no more than its size.
	if n := r.engine.Stats().QueuedBytes; n > int64(10*2*cfg.MaxInbound+2*cfg.MaxPending) {
		t.Errorf("%d bytes of buffers are in use", n)
	}

	release := hold(t, l)
	posted := 0
	for ; posted <= cfg.MaxTasks; posted++ {
		if err := l.Post(func() {}); err != nil {
			if err != loop.ErrBackpressure {
				t.Errorf("Post: %v", err)
			}
			break
		}
	}
	if posted > cfg.MaxTasks {
		t.Errorf("%d tasks were taken, MaxTasks is %d", posted, cfg.MaxTasks)
	}
	release()
}
