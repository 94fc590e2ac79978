package scenario

// How long a run will take.

import (
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers"
)

// What a contender takes besides its windows, on a machine that does nothing else.
const (
	startTime = 60 * time.Millisecond  // starting, asking and ending its processes
	connTime  = 110 * time.Microsecond // making and resetting a connection
	idleTime  = 200 * time.Millisecond // until memory has settled, for each number of idle connections
	otherTime = time.Second            // what a program of others measures at least
)

// traced is the least time in which system calls are counted.
const traced = time.Second / 2

// Estimate returns about how long Run takes.
func Estimate(c Config, plans []Plan) time.Duration {
	r := &runner{Config: c}
	var all time.Duration
	for _, plan := range plans {
		calibrated := map[Point]bool{}
		for _, p := range plan.Points {
			all += r.pointTime(plan, p)
			if p.Share > 0 && !calibrated[unshared(p)] {
				calibrated[unshared(p)] = true
				all += time.Duration(len(plan.Servers)) * (startOf(p) + c.Warmup + 2*c.Slice)
			}
		}
	}
	return all
}

// pointTime estimates one point.
func (r *runner) pointTime(plan Plan, p Point) time.Duration {
	t := r.task(plan, p, servers.Server{})
	start := startOf(p) + time.Duration(t.Load.SlowConns)*connTime + time.Duration(len(t.Idle))*idleTime
	windows, length := r.windows(t)
	round := start + time.Duration(windows)*(r.Warmup+length)
	if t.With != nil {
		round = start + max(length, otherTime)
	}
	each := time.Duration(r.Rounds) * round
	if r.counts(t) {
		each += start + max(r.Warmup+length, traced)
	}
	return time.Duration(len(plan.Servers)) * each
}

// startOf estimates how long starting and ending a contender at p takes.
func startOf(p Point) time.Duration { return startTime + time.Duration(p.Conns)*connTime }
