package scenario

// Which server is measured when.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Task is one server at one point.
type Task struct {
	Server   servers.Server
	Protocol workload.Protocol
	Load     client.Spec   // without the address
	Idle     []int         // as Scenario.Idle returns them
	With     external.Load // used instead of Load, nil if not
}

// Contender is a server with its load, which is connected and at rest.
type Contender interface {
	// Measure adds one window of length to the round, after warmup under load. When it
	// returns, nothing is outstanding.
	Measure(ctx context.Context, warmup, length time.Duration) error

	// End ends load and server and returns the figures of the round's windows.
	End() (results.Round, error)

	// Kill ends both because of err, and adds to it what the server had to say.
	Kill(err error) error
}

// Plan is one scenario with the points and the servers that are measured.
type Plan struct {
	Scenario
	Points  []Point
	Servers []servers.Server
	Lacking []servers.Server // of those chosen, that do not speak its protocol
}

// Config tells how is measured.
type Config struct {
	Rounds int
	Slices int           // windows per server in each round
	Slice  time.Duration // length of a window
	Warmup time.Duration // load before each window

	// Start starts a contender.
	Start func(ctx context.Context, t Task) (Contender, error)

	// Calls counts the system calls per request in a run of its own; nil: they are
	// not counted.
	Calls func(ctx context.Context, t Task) (float64, error)

	// Installed reports whether a program of others is there.
	Installed func(program string) bool

	// Step, if set, is called before each window and Done after each point.
	Step func(Step)
	Done func(results.Run)
}

// Step is how far a run has come.
type Step struct {
	Scenario string
	Point    Point
	Doing    string
	Server   string
	Done     int // windows, of Total
	Total    int
}

// maxHeld is how many connections the servers of a round may hold together; with
// more they are started one after another.
const maxHeld = 30_000

// Run measures all plans and returns the points that have figures or failures.
// When ctx ends, that is what there is by then.
func Run(ctx context.Context, c Config, plans []Plan) []results.Run {
	r := &runner{Config: c, maxima: map[Point]maxima{}}
	for _, p := range plans {
		r.total += r.steps(p)
	}
	var runs []results.Run
	for _, plan := range plans {
		for _, p := range plan.Points {
			if ctx.Err() != nil {
				return runs
			}
			run := r.point(ctx, plan, p)
			if !begun(run) {
				continue
			}
			runs = append(runs, run)
			if c.Done != nil {
				c.Done(run)
			}
		}
	}
	return runs
}

// begun reports whether there is anything to tell of a run.
func begun(run results.Run) bool {
	return slices.ContainsFunc(run.Rows, func(row results.Row) bool { return len(row.Rounds) > 0 || row.Err != "" })
}

type runner struct {
	Config
	maxima      map[Point]maxima // by the point without its share
	done, total int              // windows
}

// steps returns how many windows a plan has.
func (r *runner) steps(plan Plan) int {
	n := 0
	calibrated := map[Point]bool{}
	for _, p := range plan.Points {
		t := r.task(plan, p, servers.Server{})
		windows, _ := r.windows(t)
		n += r.Rounds * windows
		if r.counts(t) {
			n++
		}
		if p.Share > 0 && !calibrated[unshared(p)] {
			calibrated[unshared(p)] = true
			n++
		}
	}
	return n * len(plan.Servers)
}

// partial reports whether the requests that are counted are not all that the
// server does from rest to rest: what it does for peers that do not read is before
// and after them.
func (t Task) partial() bool { return t.Load.Mode == client.Slow }

// counts reports whether system calls can be counted: at a fixed rate a server
// that is slowed by the counting falls behind and works in larger batches.
func (r *runner) counts(t Task) bool {
	return r.Calls != nil && t.Load.Mode != client.Open && !t.partial()
}

// windows returns how many windows of which length a round has. A program of
// others, which makes its connections anew, has one.
func (r *runner) windows(t Task) (int, time.Duration) {
	if t.With != nil {
		return 1, time.Duration(r.Slices) * r.Slice
	}
	return r.Slices, r.Slice
}

func (r *runner) task(plan Plan, p Point, s servers.Server) Task {
	t := Task{Server: s, Protocol: plan.Protocol(p), Load: plan.Load(p)}
	if plan.Idle != nil {
		t.Idle = plan.Idle(p)
	}
	if plan.With != nil && r.Installed(plan.Program) {
		t.With = plan.With(p)
	}
	return t
}

// together reports whether all servers of a round may run at once. Under a program
// of others they may not: it resets its connections, and what a server makes of
// that would fall into the window of the next one.
func (r *runner) together(plan Plan, p Point) bool {
	with := r.task(plan, p, servers.Server{}).With != nil
	return !with && !plan.Apart && p.Conns*len(plan.Servers) <= maxHeld
}

// point measures one point.
func (r *runner) point(ctx context.Context, plan Plan, p Point) results.Run {
	rows := make([]results.Row, len(plan.Servers))
	for i, s := range plan.Servers {
		rows[i] = results.Row{Server: s.Name, Version: s.Version, Floor: s.Floor, Rounds: []results.Round{}}
	}
	if p.Share > 0 {
		m := r.maximum(ctx, plan, p)
		p.Rate = p.Share * m.slowest()
		for i, err := range m.failed {
			fail(ctx, &rows[i], err)
		}
	}
	for round := range r.Rounds {
		r.round(ctx, plan, p, rows, round)
	}
	r.count(ctx, plan, p, rows)
	for i := range rows {
		r.note(plan, &rows[i])
	}
	for _, s := range plan.Lacking {
		rows = append(rows, results.Row{
			Server:  s.Name,
			Version: s.Version,
			Floor:   s.Floor,
			Rounds:  []results.Round{},
			Notes:   []string{"not measured: " + plan.Lack(s, p)},
		})
	}
	return results.Run{Scenario: plan.Name, Point: p.Point, Rows: rows}
}

// note notes who made the load of a row.
func (r *runner) note(plan Plan, row *results.Row) {
	switch {
	case plan.Program == "":
	case r.Installed(plan.Program):
		row.Notes = append(row.Notes, strings.TrimSpace("load by "+plan.Program+" "+external.Version(plan.Program)))
	default:
		row.Notes = append(row.Notes, "own generator: "+plan.Program+" is not installed")
	}
}

// round gives every server one round. If they fit, all are started first and idle
// while another one's window runs; the windows are short and take turns, so that
// what slows the machine for a second slows all servers alike. The processes are
// new in each round: the luck of a process's memory layout is no server's for the
// whole run. Each round begins with another server, so that none has the same
// neighbour in time throughout.
func (r *runner) round(ctx context.Context, plan Plan, p Point, rows []results.Row, round int) {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = (i + round) % len(rows)
	}
	if r.together(plan, p) {
		r.turns(ctx, plan, p, rows, round, order)
		return
	}
	for i := range order {
		r.turns(ctx, plan, p, rows, round, order[i:i+1])
	}
}

// turns starts the servers of order, measures them in turns and ends them.
func (r *runner) turns(ctx context.Context, plan Plan, p Point, rows []results.Row, round int, order []int) {
	running := map[int]Contender{}
	for _, i := range order {
		if rows[i].Err != "" || ctx.Err() != nil {
			continue
		}
		b, err := r.Start(ctx, r.task(plan, p, plan.Servers[i]))
		if err != nil {
			fail(ctx, &rows[i], err)
			continue
		}
		running[i] = b
	}
	windows, length := r.windows(r.task(plan, p, servers.Server{}))
	for range windows {
		for _, i := range order {
			r.step(plan, p, fmt.Sprintf("round %d", round+1), i)
			b := running[i]
			if b == nil || ctx.Err() != nil {
				continue
			}
			if err := b.Measure(ctx, r.Warmup, length); err != nil {
				fail(ctx, &rows[i], b.Kill(err))
				delete(running, i)
			}
		}
	}
	for _, i := range order {
		if b := running[i]; b != nil {
			finish(ctx, b, &rows[i], round)
		}
	}
}

// finish ends a contender and keeps its round if it is whole.
func finish(ctx context.Context, b Contender, row *results.Row, round int) {
	if ctx.Err() != nil {
		_ = b.Kill(ctx.Err())
		return
	}
	figures, err := b.End()
	if err != nil {
		fail(ctx, row, err)
		return
	}
	figures.Round = round
	row.Rounds = append(row.Rounds, figures)
}

func (r *runner) step(plan Plan, p Point, doing string, server int) {
	if r.Step != nil {
		r.Step(Step{plan.Name, p, doing, plan.Servers[server].Name, r.done, r.total})
	}
	r.done++
}

// fail notes the first failure of a row. What fails because ctx ended is none.
func fail(ctx context.Context, row *results.Row, err error) {
	if err != nil && row.Err == "" && ctx.Err() == nil {
		row.Err = err.Error()
	}
}

// count counts the system calls of every server that has figures; a failure of
// the counting is none of the server's.
func (r *runner) count(ctx context.Context, plan Plan, p Point, rows []results.Row) {
	for i := range rows {
		t := r.task(plan, p, plan.Servers[i])
		if !r.counts(t) {
			return
		}
		r.step(plan, p, "system calls", i)
		row := &rows[i]
		if row.Err != "" || len(row.Rounds) == 0 || ctx.Err() != nil {
			continue
		}
		t.With = nil // the own generator tells how much it did while strace looked on
		calls, err := r.Calls(ctx, t)
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			row.Notes = append(row.Notes, "system calls not counted: "+firstLine(err))
			continue
		}
		for j := range row.Rounds {
			row.Rounds[j].Calls = calls
		}
	}
}

// firstLine leaves out what the server had to say besides.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
