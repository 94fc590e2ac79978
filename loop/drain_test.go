//go:build unix

package loop_test

// The beginning of a drain: everybody is told, once, whoever panics meanwhile.

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// Dials under way, connections that stay for a while and connections that go:
// with some of each panicking when they are told, all the others are told, and
// nobody twice, although the telling begins anew after each panic (hazard 39).
func TestAPanicDoesNotCutTheTellingShort(t *testing.T) {
	const each = 12
	for kind, crash := range crashes {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			l := r.engine.Loops()[0]
			told := make(map[*loop.Conn]int) // the loop's
			ln := r.listen(r.always(hooks{
				data: func(c *loop.Conn, in []byte) (int, error) {
					if string(in) == "done" {
						return len(in), c.Close()
					}
					return c.Write(in)
				},
				shutdown: func(c *loop.Conn) {
					told[c]++
					if len(told)%3 == 0 {
						crash()
					}
				},
			}))
			var clients []*client
			for range each {
				c := r.dial(ln)
				c.echoes()
				clients = append(clients, c)
			}
			silent := silentAddress(t)
			outcomes := 0 // the loop's
			for range each {
				err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", silent, r.always(hooks{}), func(_ *loop.Conn, err error) {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("the dial ended with %v", err)
					}
					if outcomes++; outcomes%3 == 0 {
						crash()
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			a, b := pair(t)
			reported := new(counter)
			registered(t, l, a.FD(), poller.Read|poller.Edge, func(poller.Event) { reported.more() })
			until(t, "the dials are under way", func() bool { return r.engine.Stats().Conns == 2*each })
			turn(t, l)

			ended := make(chan error, 1)
			go func() { ended <- r.engine.Shutdown(context.Background()) }()
			// Each panic but the last begins another turn.
			until(t, "all have panicked", func() bool { return r.engine.Stats().Panics == 2*each/3 })
			turn(t, l)
			do(t, l, func() {
				if len(told) != each || outcomes != each {
					t.Errorf("%d of %d connections and %d of %d dials were told", len(told), each, outcomes, each)
				}
				for _, times := range told {
					if times != 1 {
						t.Errorf("a connection was told %d times", times)
					}
				}
			})
			// Raw registrations live until the end, and so do those who stay.
			if _, err := b.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			until(t, "the registration is called", func() bool { return reported.Load() > 0 })
			for i, c := range clients {
				if i%3 == 2 {
					c.expectReset()
					continue
				}
				c.echoes()
				c.send([]byte("done"))
				c.expectEnd()
				c.Close()
			}
			if err := take(t, "Shutdown", ended); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			r.wait()
			if s := r.engine.Stats(); s.Panics != 2*each/3 || s.Conns != 0 {
				t.Errorf("%d panics, %d connections; want %d, 0", s.Panics, s.Conns, 2*each/3)
			}
		})
	}
}
