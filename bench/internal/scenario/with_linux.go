package scenario

// A window under a program of others.

import (
	"context"
	"time"

	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

// measureWith measures with a program of others, which makes its connections
// anew.
func (c *contender) measureWith(ctx context.Context, length time.Duration) error {
	first := c.again
	r, a, err := undisturbed(ctx, &c.again, func() (r outcome, a account, err error) {
		if c.again > first {
			err = c.restart(ctx)
		}
		if err != nil {
			return r, a, err
		}
		return c.runWith(ctx, length)
	})
	if err != nil {
		return err
	}
	c.sum, c.own = a, r.own
	c.round.Seconds, c.round.Requests, c.round.Bytes, c.round.Latency = r.Seconds, r.Requests, r.Bytes, r.Latency
	c.round.Load = r.Busy
	c.round.Saturated = r.Busy > saturated
	return c.look()
}

// outcome is what came of one run of a program of others.
type outcome struct {
	external.Result
	own own
}

// runWith has the program run once.
func (c *contender) runWith(ctx context.Context, length time.Duration) (run outcome, a account, err error) {
	var before servers.Mark
	var from reading
	begin := func() (err error) {
		if before, err = c.server.Mark(); err == nil {
			from, err = c.read()
		}
		return err
	}
	at := external.Place{CPU: c.place.Load, Nice: c.place.Nice}
	if run.Result, err = c.task.With(ctx, at, c.server.Addr, length, begin); err != nil {
		return run, a, err
	}
	to, err := c.read()
	if err != nil {
		return run, a, err
	}
	after, err := c.server.Mark()
	// It is a process that was not there before.
	to.load += run.Used
	a = between(from, to)
	run.own = said(before, after, a.span, run.Requests)
	// The program counts from its first request to its last, the account also holds
	// its start: what the server did, it did in the program's time.
	a.wall = time.Duration(run.Seconds * float64(time.Second))
	return run, a, err
}

// restart begins with a new server: one whose connections were all reset may still
// be busy with that, and would not be measured as it was the first time.
func (c *contender) restart(ctx context.Context) error {
	if err := c.stop(); err != nil {
		return err
	}
	c.holders, c.client, c.server = nil, nil, nil
	return c.start(ctx)
}
