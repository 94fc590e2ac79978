//go:build unix && faultinject

package loop_test

// Descriptors that run out by count: what cannot be made is told and leaves nothing,
// what is open goes on, and what waits comes as soon as one is closed.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

// leave lets no more than n descriptors be made until the test or remove ends it.
func leave(t *testing.T, n int) (remove func()) {
	t.Helper()
	remove = sys.InjectRules(sys.Rules{Exhaust: n + 1})
	t.Cleanup(remove)
	return remove
}

// C7: with 0, 1, 2 and so on descriptors left, whatever is made fails with EMFILE until
// there are enough, and leaves none.
func TestEverythingThatIsMadeWithFewDescriptors(t *testing.T) {
	peers, err := net.Listen("tcp", "127.0.0.1:0") // of package net, so that it has descriptors
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			nc, err := peers.Accept()
			if err != nil {
				return
			}
			nc.Close()
		}
	}()
	t.Cleanup(func() { peers.Close() })
	for _, made := range []struct {
		what  string
		needs int // descriptors, at least: pollers differ
		try   func(t *testing.T, r *rig) error
	}{
		{"an engine of three loops", 3, func(t *testing.T, _ *rig) error {
			e, err := loop.New(loop.Config{Loops: 3})
			if err != nil {
				return err
			}
			return e.Close()
		}},
		{"a listener", 1, func(t *testing.T, r *rig) error { return tryListener(t, r, loop.RoundRobin) }},
		{"a listener of each loop", 2, func(t *testing.T, r *rig) error { return tryListener(t, r, loop.ReusePort) }},
		{"a dialled connection", 1, func(t *testing.T, r *rig) error {
			return take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, "tcp", peers.Addr().String(), r.always(hooks{}))).err
		}},
		{"an adopted connection", 1, func(t *testing.T, r *rig) error {
			nc, c := tcpPair(t)
			err := r.engine.Adopt(nc, r.always(hooks{data: echo}))
			if err != nil {
				nc.Close() // it is still ours
			} else {
				c.echoes()
			}
			c.Close()
			return err
		}},
	} {
		t.Run(made.what, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2})
			for left := 0; ; left++ {
				before := openDescriptors()
				remove := leave(t, left)
				err := made.try(t, r)
				remove()
				until(t, "no connection is left", func() bool { return r.engine.Stats().Conns == 0 })
				expectDescriptors(t, before)
				switch {
				case err == nil && left >= made.needs:
					return
				case !errors.Is(err, syscall.EMFILE) || left == 20:
					t.Fatalf("with %d descriptors left: %v", left, err)
				}
			}
		})
	}
}

// tryListener opens and closes a listener.
func tryListener(t *testing.T, r *rig, balance loop.Balance) error {
	ln, err := r.engine.Listen(loop.ListenConfig{Balance: balance}, "tcp", "127.0.0.1:0", r.always(hooks{}))
	if err != nil {
		return err
	}
	ln.Close()
	for _, l := range r.engine.Loops() {
		turn(t, l)
	}
	return nil
}

// C6: who waits is accepted when a connection has ended, though nobody else waits and
// the other listeners want descriptors as well; meanwhile the others are served.
func TestC6ListenersOutOfDescriptorsComeBackWhenOneIsClosed(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	lns := []*loop.Listener{r.listen(r.always(hooks{data: echo})), r.listen(r.always(hooks{data: echo}))}
	remove := leave(t, 2)
	open := []*client{r.dial(lns[0]), r.dial(lns[1])}
	for _, c := range open {
		c.echoes()
	}
	var waiting []*client
	for i, ln := range lns {
		c := r.dial(ln)
		c.send([]byte(fmt.Sprint("waits at ", i)))
		waiting = append(waiting, c)
	}
	until(t, "both pause", func() bool { return r.engine.Stats().AcceptPauses >= 2 })
	for _, c := range open {
		c.echoes()
	}
	if n := r.engine.Stats().Accepted; n != 2 {
		t.Fatalf("%d connections with two descriptors", n)
	}
	open[0].Close()
	open[1].Close()
	for i, c := range waiting {
		c.expect(fmt.Sprint("waits at ", i))
	}
	late := r.dial(lns[0])
	late.send([]byte("late"))
	waiting[1].Close()
	late.expect("late")
	remove()
	if s := r.engine.Stats(); s.Accepted != 5 {
		t.Errorf("%d connections were accepted, want 5", s.Accepted)
	}
}

// A dial without a descriptor fails at once, and the next one succeeds when another
// connection has ended.
func TestDialsOutOfDescriptors(t *testing.T) {
	server := newRig(t, loop.Config{Loops: 1})
	ln := server.listen(server.always(hooks{data: echo}))
	r := newRig(t, loop.Config{Loops: 1})
	dial := func() outcome {
		return take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(hooks{})))
	}
	first := dial()
	until(t, "it is accepted", func() bool { return server.engine.Stats().Conns == 1 })
	remove := leave(t, 0)
	for range 3 {
		if out := dial(); first.err != nil || !errors.Is(out.err, syscall.EMFILE) {
			t.Fatalf("the first: %v; one too many: %v", first.err, out.err)
		}
	}
	do(t, r.engine.Loops()[0], func() { _ = first.c.Close() })
	until(t, "both ends are gone", func() bool { return r.engine.Stats().Conns+server.engine.Stats().Conns == 0 })
	if out := dial(); out.err != nil {
		t.Errorf("after one was closed: %v", out.err)
	}
	until(t, "it is accepted", func() bool { return server.engine.Stats().Conns == 1 })
	remove()
}
