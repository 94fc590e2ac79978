//go:build unix

package loop_test

// C5 of the contract: one connection's trouble is its own.

import (
	"sync"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// A handler that panics, a peer at line rate, a peer that does not read, and
// one that hoards: none of them costs another connection its service.
func TestC5AFaultStaysWithItsConnection(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	good := r.dial(r.listen(r.always(hooks{data: echo})))
	panicker := r.listen(r.always(hooks{data: func(*loop.Conn, []byte) (int, error) { panic("test") }}))
	hoarder := r.listen(r.always(hooks{data: func(*loop.Conn, []byte) (int, error) { return 0, nil }}))
	deaf := r.dial(r.listen(r.always(hooks{data: echo})))
	flood := r.dial(r.listen(r.always(hooks{})))

	var flooding sync.WaitGroup
	for _, c := range []*client{deaf, flood} {
		flooding.Go(func() {
			p := make([]byte, 64<<10)
			for {
				if _, err := c.Write(p); err != nil {
					return // closed below
				}
			}
		})
	}
	for range 50 {
		p, h := r.dial(panicker), r.dial(hoarder)
		p.send([]byte("x"))
		h.send([]byte("x"))
		good.echoes()
		p.expectReset()
		h.Close()
	}
	deaf.Close()
	flood.Close()
	flooding.Wait()
	good.echoes()
	if n := r.engine.Stats().Panics; n != 50 {
		t.Errorf("%d panics are counted, want 50", n)
	}
}

// However much one connection has to read, the next one is served after a
// budget's worth of it (hazard 34).
func TestC5OneConnectionDoesNotStarveAnother(t *testing.T) {
	const budget = 8 << 10
	r := newRig(t, loop.Config{Loops: 1, ReadBuffer: 2 << 10, ReadBudget: budget})
	flooded := 0 // the loop's
	served := make(chan int, 1)
	flood := r.dial(r.listenUnix(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		flooded += len(in)
		return len(in), nil
	}})))
	small := r.dial(r.listenUnix(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		served <- flooded
		return len(in), nil
	}})))
	until(t, "the connections are up", func() bool { return r.engine.Stats().Accepted == 2 })
	release := hold(t, r.engine.Loops()[0])
	flood.send(make([]byte, 100<<10)) // unix sockets buffer more than that
	small.send([]byte("x"))
	release()
	if n := take(t, "the small message", served); n > 3*budget {
		t.Errorf("%d bytes of another connection went first, the budget is %d", n, budget)
	}
}
