package scenario

// What a server used of the machine during a window, and what others had of its
// cores meanwhile.

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

// reading is what is read at either end of a window.
type reading struct {
	at    time.Time
	cpu   time.Duration // the server's processor time
	load  time.Duration // its load's
	cores time.Duration // for which anybody's tasks ran on the cores of both
	told  bool          // whether the kernel tells that
}

// account is the difference of two readings.
type account struct {
	span    time.Duration // from one to the other
	wall    time.Duration // of it, what the load took
	cpu     time.Duration // the server's
	foreign time.Duration // that others ran on the cores of server and load
	told    bool          // whether that is known
}

// own is what a server says of itself from before the load to after it, or the
// kernel of a server that says nothing. Saying it stops the server for some
// milliseconds, which must not be seen in the latencies, so it is asked at rest.
type own struct {
	loaded    time.Duration
	requests  uint64 // answered meanwhile, 0 when nobody counted them
	user, sys time.Duration
	mallocs   float64
}

func (o *own) add(b own) {
	o.loaded += b.loaded
	o.requests += b.requests
	o.user += b.user
	o.sys += b.sys
	o.mallocs += b.mallocs
}

// said is what a server says of the time between two marks.
func said(before, after servers.Mark, loaded time.Duration, requests uint64) own {
	return own{
		loaded:   loaded,
		requests: requests,
		user:     time.Duration(after.UserNS - before.UserNS),
		sys:      time.Duration(after.SysNS - before.SysNS),
		mallocs:  float64(after.Mallocs - before.Mallocs),
	}
}

// read reads the figures. What processor time is divided by, the wall clock, is
// read right next to it; the cores come after the processes on them, whose clocks
// bring the kernel's account of their cores up to date.
func (c *contender) read() (r reading, err error) {
	for _, g := range c.generators() {
		t, err := g.Process().CPUTime()
		if err != nil {
			return r, err
		}
		r.load += t
	}
	r.at = time.Now()
	if r.cpu, err = c.server.CPUTime(); err != nil || !c.place.apart() {
		return r, err
	}
	r.cores, err = child.CoreTime(c.place.Server, c.place.Load)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	r.told = err == nil
	return r, err
}

func between(from, to reading) account {
	a := account{span: to.at.Sub(from.at), cpu: to.cpu - from.cpu, told: from.told && to.told}
	a.wall = a.span
	if a.told {
		// A little less than nothing is possible: the clocks are not read all at once.
		a.foreign = max(0, to.cores-from.cores-a.cpu-(to.load-from.load))
	}
	return a
}

// add adds another window's account.
func (a *account) add(b account) {
	a.span += b.span
	a.wall += b.wall
	a.cpu += b.cpu
	a.foreign += b.foreign
	a.told = b.told
}

// busy returns the share of a core that the server used.
func (a account) busy() float64 { return share(a.cpu, a.wall) }

// lost returns how much of a core others had, 0 where nobody knows.
func (a account) lost() float64 { return share(a.foreign, a.span) }

func share(d, of time.Duration) float64 { return float64(d) / float64(max(of, 1)) }

// undisturbed measures, and again while others had too much of the cores and
// retries are left, of which it counts those used in again. The last time counts
// as it is.
func undisturbed[W any](ctx context.Context, again *int, measure func() (W, account, error)) (W, account, error) {
	for {
		w, a, err := measure()
		if err != nil || ctx.Err() != nil || a.lost() <= quiet || *again == retries {
			return w, a, err
		}
		*again++
	}
}

// allocs returns the objects allocated per request, of which there were rate per
// second as far as they were not counted.
func (o own) allocs(rate float64) float64 {
	if o.requests > 0 {
		return o.mallocs / float64(o.requests)
	}
	return per(o.mallocs, o.loaded, rate)
}

// per returns n, which was counted over some time, per request, when there were
// so many requests per second.
func per(n float64, over time.Duration, rate float64) float64 {
	if rate == 0 || over == 0 {
		return 0
	}
	return n / over.Seconds() / rate
}
