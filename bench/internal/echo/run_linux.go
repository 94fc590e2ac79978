package echo

// The rounds: which server is measured when.

import (
	"context"
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers"
)

// Config tells what is measured, and how.
type Config struct {
	Servers []servers.Server
	Points  []Point
	Rounds  int
	Slices  int           // windows per server in each round
	Slice   time.Duration // length of a window
	Warmup  time.Duration // load before each window
	Quiet   float64       // largest share of a window lost to other programs before it is measured again
	Retries int           // how many windows of a server's round may be measured again
	Cores   Cores
	Nice    int      // priority of servers and generators
	Env     []string // for every server

	// Step, if set, is called before each window and Done after each point.
	Step func(Step)
	Done func(Result)
}

// Cores are the cores that server and load generator are pinned to, -1 for none.
type Cores struct {
	Server int `json:"server"`
	Load   int `json:"load"`
}

// Step is how far a run has come.
type Step struct {
	Point  Point
	Round  int
	Server string
	Done   int // windows done, of Total
	Total  int
}

// Run measures all points, one after another, and returns those that it began;
// when ctx ends it returns what there is by then.
func Run(ctx context.Context, c Config) []Result {
	r := runner{Config: c, total: len(c.Points) * c.Rounds * c.Slices * len(c.Servers)}
	var results []Result
	for _, p := range c.Points {
		if ctx.Err() != nil {
			break
		}
		result := r.point(ctx, p)
		results = append(results, result)
		if c.Done != nil {
			c.Done(result)
		}
	}
	return results
}

type runner struct {
	Config
	done, total int // windows
}

func (r *runner) point(ctx context.Context, p Point) Result {
	result := Result{Point: p}
	for _, s := range r.Servers {
		result.Rows = append(result.Rows, Row{Server: s.Name, Floor: s.Floor, Again: s.Again, Samples: []Sample{}})
	}
	for round := range r.Rounds {
		if ctx.Err() != nil {
			break
		}
		r.round(ctx, &result, round)
	}
	result.summarize(r.Rounds)
	return result
}

// round gives every server one sample. All are started first and idle while
// another one's window runs; the windows are short and take turns, so that what
// slows the machine for a second slows all servers alike. The processes are new
// in each round: the luck of a process's memory layout is no server's for the
// whole run.
func (r *runner) round(ctx context.Context, result *Result, round int) {
	benches := make([]*bench, len(r.Servers))
	for i, s := range r.Servers {
		row := &result.Rows[i]
		if row.Err != "" || ctx.Err() != nil {
			continue
		}
		b, err := r.start(s, result.Point)
		row.fail(ctx, err)
		if err == nil {
			benches[i] = b
		}
	}
	for range r.Slices {
		for i := range r.Servers {
			// Each round begins with another server, so that none has the same
			// neighbour in time throughout.
			i = (i + round) % len(r.Servers)
			r.step(result.Point, round, r.Servers[i].Name)
			b := benches[i]
			if b == nil || ctx.Err() != nil {
				continue
			}
			if err := b.measure(ctx, &r.Config); err != nil {
				result.Rows[i].fail(ctx, b.end(err))
				benches[i] = nil
			}
		}
	}
	for i, b := range benches {
		if b == nil {
			continue
		}
		row := &result.Rows[i]
		err := b.end(nil)
		row.fail(ctx, err)
		if err == nil && ctx.Err() == nil {
			row.Samples = append(row.Samples, b.sum.sample(round))
		}
	}
}

func (r *runner) step(p Point, round int, server string) {
	if r.Step != nil {
		r.Step(Step{p, round, server, r.done, r.total})
	}
	r.done++
}

// fail notes the first failure of a row. What fails because ctx ended is none.
func (r *Row) fail(ctx context.Context, err error) {
	if err != nil && r.Err == "" && ctx.Err() == nil {
		r.Err = err.Error()
	}
}
