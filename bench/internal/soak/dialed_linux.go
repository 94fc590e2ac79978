package soak

// The connections that the server makes to itself.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/loop"
)

// dialEvery is the time between two dials of the server to itself.
const dialEvery = 5 * time.Millisecond

// dialItself lets the first loop dial the server's own listener again and again.
func (s *server) dialItself(rng *rand.Rand) error {
	l := s.engine.Loops()[0]
	return l.Post(func() {
		_, _ = l.Every(dialEvery, func() {
			if !s.quiet.Load() {
				s.dial(rng)
			}
		})
	})
}

// dial makes one dial; one in four is called off.
func (s *server) dial(rng *rand.Rand) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := streams(rng)
	d := &dialed{server: s, out: out, in: in, total: 1 + rng.IntN(32<<10)}
	off := rng.IntN(4) == 0
	s.dials.Add(1)
	err := s.engine.Dial(ctx, loop.DialConfig{}, "tcp", s.addresses["echo"].Address, func(*loop.Conn) loop.Handler { return d }, func(_ *loop.Conn, err error) {
		cancel()
		s.outcomes.Add(1)
		if err != nil && !off {
			s.fault(&s.failures, err)
		}
	})
	if err != nil {
		cancel()
		s.outcomes.Add(1)
		s.fault(&s.failures, err)
	}
	if off {
		cancel()
	}
}

// dialed is a connection of the server to itself: it sends total bytes, wants
// them back and closes.
type dialed struct {
	*server
	out, in *ledger.Stream
	total   int
}

func (d *dialed) OnOpen(c *loop.Conn) error {
	_, err := c.Write(d.out.Next(d.total))
	return err
}

func (d *dialed) OnData(c *loop.Conn, in []byte) (int, error) {
	if err := d.in.Check(in); err != nil {
		return 0, err
	}
	if d.in.Done() < int64(d.total) {
		return len(in), nil
	}
	return len(in), c.Close()
}

func (d *dialed) OnClose(_ *loop.Conn, err error) {
	if err == nil && d.in.Done() != int64(d.total) {
		err = fmt.Errorf("%d of %d bytes came back", d.in.Done(), d.total)
	}
	if err != nil {
		d.fault(&d.torn, fmt.Errorf("a dialed connection: %w", err))
		return
	}
	d.exchanged.Add(1)
}
