package scenario

// What a server used of the machine during a window.

import (
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

// reading is what is read at either end of a window.
type reading struct {
	at      time.Time
	cpu     time.Duration   // the server's processor time
	threads []child.Threads // of the server and of its load
}

// account is the difference of two readings.
type account struct {
	wall   time.Duration
	cpu    time.Duration
	waited time.Duration // of the busiest threads, for a core that something else had
}

// own is what a server says of itself from before the load to after it, all 0 if
// it says nothing. Saying it stops the server for some milliseconds, which must
// not be seen in the latencies, so it is asked at rest.
type own struct {
	loaded    time.Duration
	requests  uint64 // answered meanwhile, 0 when nobody counted them
	user, sys time.Duration
	mallocs   float64
}

func (o *own) add(before, after servers.Mark, loaded time.Duration, requests uint64) {
	o.loaded += loaded
	o.requests += requests
	o.user += time.Duration(after.UserNS - before.UserNS)
	o.sys += time.Duration(after.SysNS - before.SysNS)
	o.mallocs += float64(after.Mallocs - before.Mallocs)
}

// read reads the figures; what processor time is divided by, the wall clock, is
// read right next to it.
func (c *contender) read() (r reading, err error) {
	processes := []*child.Process{c.server.Process}
	if c.client != nil {
		processes = append(processes, c.client.Process())
	}
	for _, p := range processes {
		t, err := p.Threads()
		if err != nil {
			return r, err
		}
		r.threads = append(r.threads, t)
	}
	r.at = time.Now()
	r.cpu, err = c.server.CPUTime()
	return r, err
}

func between(from, to reading) account {
	a := account{wall: to.at.Sub(from.at), cpu: to.cpu - from.cpu}
	for i, t := range to.threads {
		a.waited += t.Waited(from.threads[i])
	}
	return a
}

func (a *account) add(b account) {
	a.wall += b.wall
	a.cpu += b.cpu
	a.waited += b.waited
}

// share returns d as a share of the time.
func (a account) share(d time.Duration) float64 { return float64(d) / float64(max(a.wall, 1)) }

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
