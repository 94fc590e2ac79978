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
	cpu     time.Duration // the server's processor time
	mark    servers.Mark
	threads []child.Threads // of the server and of its load
}

// account is the difference of two readings.
type account struct {
	wall      time.Duration
	cpu       time.Duration
	user, sys time.Duration // by the server's own account, 0 if it gives none
	mallocs   float64
	waited    time.Duration // of the busiest threads, for a core that something else had
}

// read reads the figures; what processor time is divided by, the wall clock, is
// read right next to it.
func (c *contender) read() (r reading, err error) {
	if r.mark, err = c.server.Mark(); err != nil {
		return r, err
	}
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
	a := account{
		wall:    to.at.Sub(from.at),
		cpu:     to.cpu - from.cpu,
		user:    time.Duration(to.mark.UserNS - from.mark.UserNS),
		sys:     time.Duration(to.mark.SysNS - from.mark.SysNS),
		mallocs: float64(to.mark.Mallocs - from.mark.Mallocs),
	}
	for i, t := range to.threads {
		a.waited += t.Waited(from.threads[i])
	}
	return a
}

func (a *account) add(b account) {
	a.wall += b.wall
	a.cpu += b.cpu
	a.user += b.user
	a.sys += b.sys
	a.mallocs += b.mallocs
	a.waited += b.waited
}

// share returns d as a share of the time.
func (a account) share(d time.Duration) float64 { return float64(d) / float64(max(a.wall, 1)) }

// per returns n, which was counted over the account's time, per request, when
// there were so many requests per second.
func (a account) per(n, rate float64) float64 {
	if rate == 0 || a.wall == 0 {
		return 0
	}
	return n / a.wall.Seconds() / rate
}
