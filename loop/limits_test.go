//go:build unix

package loop_test

// The bounds that keep one peer, or one caller, from costing the others.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// A listener that waits at MaxConns is not woken by those who are refused: it
// would find no place, refuse in its turn, and so on for ever.
func TestTheRefusedDoNotWakeAPausedListener(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2, MaxConns: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	r.dial(ln).echoes()
	waiting := r.dial(ln)
	waiting.send([]byte("later"))
	until(t, "the listener pauses", func() bool { return r.engine.Stats().AcceptPauses > 0 })
	before := r.engine.Stats().AcceptPauses
	const attempts = 500
	for range attempts {
		err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(hooks{}), nil)
		if !errors.Is(err, loop.ErrMaxConns) {
			t.Fatalf("Dial: %v, want ErrMaxConns", err)
		}
		a, _ := tcpPair(t)
		if err := r.engine.Adopt(a, r.always(hooks{})); !errors.Is(err, loop.ErrMaxConns) {
			t.Fatalf("Adopt: %v, want ErrMaxConns", err)
		}
		a.Close()
		for _, l := range r.engine.Loops() {
			turn(t, l)
		}
	}
	// Its own attempts come after 5, 10, 20 ms and so on up to a second.
	if n := r.engine.Stats().AcceptPauses - before; n > attempts/5 {
		t.Errorf("the listener was woken %d times by %d refusals", n, attempts)
	}
	if s := r.engine.Stats(); s.Conns != 1 || s.Accepted != 1 {
		t.Errorf("%d connections are open, %d were accepted; MaxConns is 1", s.Conns, s.Accepted)
	}
}

// That the last place is taken is no reason to pause: perhaps nobody waits.
func TestAFullEngineWithoutAQueueDoesNotPause(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxConns: 3})
	ln := r.listen(r.always(hooks{data: echo}))
	for range 3 {
		r.dial(ln).echoes()
	}
	turn(t, r.engine.Loops()[0])
	if n := r.engine.Stats().AcceptPauses; n != 0 {
		t.Errorf("the listener paused %d times", n)
	}
}

// A peer whose bytes come one by one does not keep the loop for a call each
// (hazard 34): a call is charged like a kilobyte.
func TestOneByteAReceiveIsFair(t *testing.T) {
	const (
		budget = 8 << 10
		most   = 2 * budget / (1 << 10) // in its own event and once more as the backlog
		total  = 5000
	)
	r := newRig(t, loop.Config{Loops: 1, ReadBuffer: 1, ReadBudget: budget})
	calls := 0 // the loop's
	var in ledger
	served := make(chan int, 1)
	done := make(chan struct{})
	dribbler := r.dial(r.listenUnix(r.always(hooks{data: func(_ *loop.Conn, p []byte) (int, error) {
		if calls++; calls == total {
			close(done)
		}
		return len(p), in.check(p)
	}})))
	other := r.dial(r.listenUnix(r.always(hooks{data: func(_ *loop.Conn, p []byte) (int, error) {
		served <- calls
		return len(p), nil
	}})))
	until(t, "the connections are up", func() bool { return r.engine.Stats().Accepted == 2 })
	release := hold(t, r.engine.Loops()[0])
	dribbler.send(record(0, total))
	other.send([]byte("x"))
	release()
	if n := take(t, "the other connection", served); n > most {
		t.Errorf("%d receives of one byte went first, want at most %d", n, most)
	}
	take(t, "all bytes", done)
}

// The same for input that comes after Close, which nobody gets to see.
func TestOneByteADiscardIsFair(t *testing.T) {
	const (
		budget = 8 << 10
		most   = 2 * budget / (1 << 10)
		total  = 5000
	)
	r := newRig(t, loop.Config{Loops: 1, ReadBuffer: 1, ReadBudget: budget, LingerTimeout: time.Hour})
	l := r.engine.Loops()[0]
	dribbler := r.dial(r.listenUnix(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		return len(in), c.Close()
	}})))
	dribbler.send([]byte("xx")) // the second x is late, so it lingers
	dribbler.expectEnd()
	turn(t, l)
	release := hold(t, l)
	before := r.engine.Stats()
	dribbler.send(make([]byte, total))
	release()
	until(t, "all is discarded", func() bool { return r.engine.Stats().Receives-before.Receives >= total })
	if turns := r.engine.Stats().Turns - before.Turns; turns < total/most {
		t.Errorf("%d bytes were discarded one by one in %d turns, at most %d are for one", total, turns, most)
	}
}

// Bytes that wait hold no more than a block of the smallest size where MaxInbound says that
// no more will come.
func TestFewBytesHoldASmallBlock(t *testing.T) {
	const conns, smallest = 20, 512
	r := newRig(t, loop.Config{Loops: 1, MaxInbound: 64})
	l := r.engine.Loops()[0]
	offered := 0 // the loop's
	ln := r.listen(r.always(hooks{data: func(_ *loop.Conn, in []byte) (int, error) { offered += len(in); return 0, nil }}))
	var clients []*client
	for range conns {
		clients = append(clients, r.dial(ln))
	}
	for _, want := range []int{conns, conns + 2*conns} { // a byte each, then both of them
		for _, c := range clients {
			c.send([]byte("x"))
		}
		until(t, "all is offered", func() (all bool) {
			do(t, l, func() { all = offered == want })
			return all
		})
	}
	turn(t, l)
	if n := r.engine.Stats().QueuedBytes; n == 0 || n > conns*smallest {
		t.Errorf("%d connections with two bytes each hold %d bytes", conns, n)
	}
}
