// Package external runs programs of others that are used when they are
// installed: wrk and redis-benchmark as load generators, redis-server as one
// more server, strace to count system calls.
package external

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"time"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// The programs, as they are called.
const (
	WrkName            = "wrk"
	RedisBenchmarkName = "redis-benchmark"
	RedisServerName    = "redis-server"
	StraceName         = "strace"
)

// Program is one of them.
type Program struct {
	Name, About string
	version     string // the argument at which it tells its version
}

// Programs are all of them.
var Programs = []Program{
	{WrkName, "the load of scenario http", "-v"},
	{RedisBenchmarkName, "the load of scenario redis", "--version"},
	{RedisServerName, "one more server in scenario redis", "--version"},
	{StraceName, "counts system calls", "-V"},
}

// Installed reports whether a program is found.
func Installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// telling is how long a program may take to tell its version.
const telling = 5 * time.Second

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// Version returns the version that an installed program says it has, empty if it
// says none.
func (p Program) Version() string {
	ctx, cancel := context.WithTimeout(context.Background(), telling)
	defer cancel()
	// The status tells nothing: wrk fails for want of an address.
	said, _ := exec.CommandContext(ctx, p.Name, p.version).CombinedOutput()
	return string(versionNumber.Find(said))
}

// Version returns the version of the program of a name, as Program.Version does.
func Version(name string) string {
	for _, p := range Programs {
		if p.Name == name {
			return p.Version()
		}
	}
	return ""
}

// Result is what a load generator said of its run.
type Result struct {
	Seconds  float64
	Requests uint64
	Bytes    uint64 // 0 when it does not tell
	Latency  *results.Latency
	Used     time.Duration // processor time of the generator
	Busy     float64       // the same as a share of a core
}

// at reads the latency of quantile q off an ascending curve, between two points
// along the line that joins them.
func at(curve []results.Quantile, q float64) int64 {
	for i, p := range curve {
		if p.Q < q {
			continue
		}
		if i == 0 || p.Q == q {
			return p.NS
		}
		before := curve[i-1]
		share := (q - before.Q) / (p.Q - before.Q)
		return before.NS + int64(share*float64(p.NS-before.NS))
	}
	if len(curve) == 0 {
		return 0
	}
	return curve[len(curve)-1].NS
}

// describe makes a distribution of a curve, which must ascend; of none it is nil.
func describe(curve []results.Quantile) (*results.Latency, error) {
	if len(curve) == 0 {
		return nil, nil
	}
	var before results.Quantile
	for _, p := range curve {
		if p.Q < before.Q || p.NS < before.NS || p.Q > 1 {
			return nil, fmt.Errorf("latency of %d ns at quantile %v, after %d ns at %v", p.NS, p.Q, before.NS, before.Q)
		}
		before = p
	}
	return &results.Latency{
		P50:   at(curve, 0.5),
		P90:   at(curve, 0.9),
		P99:   at(curve, 0.99),
		P999:  at(curve, 0.999),
		Max:   at(curve, 1),
		Curve: curve,
	}, nil
}

// quantile makes a point of a curve; ok is false for a time beyond the clock's range.
func quantile(q, time, unit float64) (p results.Quantile, ok bool) {
	ns := math.Round(time * unit)
	return results.Quantile{Q: q, NS: int64(ns)}, math.Abs(ns) < math.MaxInt64
}
