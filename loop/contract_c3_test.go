//go:build unix

package loop_test

// C3 of the contract: all input is offered before the end.

import (
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// Input that came together with its end, more than any budget, is all offered
// before the end is told (hazards 11, 12 and 23).
func TestC3AllInputIsOfferedBeforeTheEnd(t *testing.T) {
	cfg := loop.Config{Loops: 1, ReadBuffer: 1000, ReadBudget: 3000}
	const total = 100_000
	for _, c := range []struct {
		name  string
		eof   bool
		leave func(*client)
	}{
		{"OnEOF", true, (*client).finish},
		{"OnClose", false, (*client).finish},
		{"OnClose after close", false, func(c *client) { c.Close() }},
		{"OnClose after reset", false, (*client).reset},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, cfg)
			var in ledger
			told := make(chan ledger, 1)
			h := hooks{
				data: func(c *loop.Conn, p []byte) (int, error) {
					n := (len(p) + 1) / 2
					return n, in.check(p[:n])
				},
				close: func(*loop.Conn, error) {
					if !c.eof {
						told <- in
					}
				},
			}
			if c.eof {
				h.eof = func(c *loop.Conn) { told <- in; c.Close() }
			}
			ln := r.listen(r.always(h))
			client := r.dial(ln)
			until(t, "the connection is up", func() bool { return r.engine.Stats().Accepted == 1 })
			release := hold(t, r.engine.Loops()[0])
			client.send(record(0, total))
			c.leave(client)
			release()
			if got := take(t, "the end", told); got != total {
				t.Fatalf("the end was told after %d of %d bytes", got, total)
			}
		})
	}
}
