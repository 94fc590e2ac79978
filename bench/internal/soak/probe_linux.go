package soak

// The probes: the same small echoes to the server and to the control, at the same
// time, which is how latency is seen.

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What a probe sends, and how long after one answer or pause it sends again.
const (
	probeSize  = 64
	probeEvery = 5 * time.Millisecond
)

// probe measures echoes of one server over one connection.
type probe struct {
	dial func() (*conn, error)
	rng  *rand.Rand

	mu    sync.Mutex
	took  *hdrhistogram.Histogram // microseconds
	sent  time.Time               // of what is under way; zero when nothing is
	lost  int64
	first string // the first reason of a loss
}

func newProbe(seed uint64, dial func() (*conn, error)) *probe {
	return &probe{
		dial: dial,
		rng:  rand.New(rand.NewPCG(seed, 'p')),
		took: hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3),
	}
}

// run measures until ctx ends. A connection that fails is a loss, and replaced.
func (p *probe) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := p.measure(ctx); ctx.Err() == nil {
			p.lose(err)
			time.Sleep(probeEvery)
		}
	}
}

// measure uses one connection until it fails or ctx ends.
func (p *probe) measure(ctx context.Context) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := p.once(c); err != nil {
			return err
		}
	}
}

func (p *probe) once(c *conn) error {
	out, in := streams(p.rng)
	answer := make([]byte, probeSize)
	began := time.Now()
	p.sending(began)
	defer p.sending(time.Time{})
	if err := c.SetDeadline(began.Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write(out.Next(probeSize)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	p.answered(time.Since(began))
	return in.Check(answer)
}

func (p *probe) sending(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = at
}

func (p *probe) answered(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.took.RecordValue(max(after.Microseconds(), 1))
}

func (p *probe) lose(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost++
	if p.first == "" {
		p.first = fmt.Sprint(err)
	}
}

// take returns what was measured since the last call. Without an answer it is the
// age of what is under way: a server that does not answer is slow, not unseen.
func (p *probe) take() Latency {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Latency{Echoes: p.took.TotalCount()}
	if l.Echoes > 0 {
		l.P50 = time.Duration(p.took.ValueAtPercentile(50)) * time.Microsecond
		l.P99 = time.Duration(p.took.ValueAtPercentile(99)) * time.Microsecond
	} else if !p.sent.IsZero() {
		l.P50 = time.Since(p.sent)
		l.P99 = l.P50
	}
	p.took.Reset()
	return l
}
