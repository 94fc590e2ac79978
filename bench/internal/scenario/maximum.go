package scenario

// What servers can do at most, which the rates of an open loop are shares of.

import (
	"context"
	"errors"
)

// maxima is what a short closed run told of every server.
type maxima struct {
	rates  []float64 // requests per second, 0 of one that failed
	failed map[int]error
}

func (m maxima) slowest() float64 {
	slowest := 0.0
	for _, r := range m.rates {
		if r > 0 && (slowest == 0 || r < slowest) {
			slowest = r
		}
	}
	return slowest
}

// unshared is a point regardless of its share.
func unshared(p Point) Point {
	p.Share, p.Variant = 0, ""
	return p
}

// maximum finds out what the servers can do at p, once for all shares of it.
func (r *runner) maximum(ctx context.Context, plan Plan, p Point) maxima {
	if m, ok := r.maxima[unshared(p)]; ok {
		return m
	}
	m := maxima{make([]float64, len(plan.Servers)), map[int]error{}}
	for i, s := range plan.Servers {
		r.step(plan, p, "maximum", i)
		if ctx.Err() != nil {
			continue
		}
		t := r.task(plan, p, s)
		t.Load = closed(p)
		rate, err := r.closedRate(ctx, t)
		if err != nil {
			m.failed[i] = err
		}
		m.rates[i] = rate
	}
	r.maxima[unshared(p)] = m
	return m
}

func (r *runner) closedRate(ctx context.Context, t Task) (float64, error) {
	b, err := r.Start(ctx, t)
	if err != nil {
		return 0, err
	}
	if err := b.Measure(ctx, r.Warmup, 2*r.Slice); err != nil {
		return 0, b.Kill(err)
	}
	round, err := b.End()
	if err != nil {
		return 0, err
	}
	if round.Requests == 0 {
		return 0, errors.New("no message came back")
	}
	return round.Rate(), nil
}
