package main

// The flags, and what they make of a run.

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/commas"
	"github.com/eddyline/eddyline/bench/internal/compare"
	"github.com/eddyline/eddyline/bench/internal/scenario"
)

const usage = `usage: go run ./bench [flags]

Compares eddyline with other ways to write a server in Go, side by side on this
machine, and with the floor: the smallest epoll loop that can be written.

    go run ./bench                               the quick comparison, about a minute
    go run ./bench -full -out results            everything, with charts in results/report.html
    go run ./bench -list                         the scenarios and the servers that there are
    go run ./bench -scenarios churn,rate         the quick points of these
    go run ./bench -servers eddyline,net -conns 10,100,1000
    go run ./bench -compare old/results.json     measures the same again, and tells what has changed
    go run ./bench -compare old.json new.json    tells it of two earlier runs

Every server is a process of its own on one core, the load generator another on
the next core; all have the same environment. Every byte that comes back is
checked. In each round all servers are started anew and take turns in short
windows, and the order rotates, so that a slow spell of the machine falls on all
alike; the tables have the medians over the rounds. -conns, -size, -pipeline and
-rate replace the values of the scenarios that have such a dimension.

-compare with one file measures what the run in that file measured, by the flags
that it was given: -full, -scenarios, -servers, -conns, -size, -pipeline, -rate,
-rounds, -window and -nice. Those that are given now replace them one by one.
Rates and times are compared as ratios to the floor in the same round, in which a
slower machine cancels out, or as they are where one side has no floor. A
regression is eddyline's rate, CPU or memory per connection, or its p99 at a fixed
rate, worse by more than %v %% and beyond chance: at p < %v in the Mann-Whitney
test, corrected by Holm's method for the number of such figures. The more points,
the more rounds that takes; when there were too few, it says so.

A server that does not start, crashes or answers a wrong byte is a failed row
with what it said; the others go on. A row marked "saturated" says more about
the load generator than about the server. wrk, redis-benchmark, redis-server and
strace are used where they are installed. As root, servers and generators run at
a high priority, to which other programs give way meanwhile.

Exit status: 0; 1 when a server failed or -compare found a regression; 2 for
wrong flags; 130 after an interrupt, which prints and writes what is finished.

`

// options are the flags, checked.
type options struct {
	full      bool
	list      bool
	json      bool
	scenarios []scenario.Scenario
	named     bool          // the scenarios were asked for by name
	servers   []string      // nil: the usual ones
	instead   scenario.Grid // values that replace those of the grids
	rounds    int
	window    time.Duration // per server and round
	out       string        // directory; "" for none
	nice      int
	old, new  string   // results to compare; new is "" when it is to be measured
	args      []string // the command line
	selection []string // of it, what says what is measured, as flags with their values
}

// selecting are the flags that say what is measured, and how.
var selecting = []string{"full", "scenarios", "servers", "conns", "size", "pipeline", "rate", "rounds", "window", "nice"}

// slice is the length of a window; a round has as many as fill -window.
const slice = 200 * time.Millisecond

// slices returns how many windows of which length a server has in a round.
func (o *options) slices() (count int, length time.Duration) {
	count = max(1, int(o.window/slice))
	return count, o.window / time.Duration(count)
}

// parse reads the command line. flag.ErrHelp means that the help was printed;
// after any other error w tells what is wrong.
func parse(args []string, w io.Writer) (*options, error) {
	o := &options{args: args}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprintf(w, usage, compare.Effect, compare.Alpha)
		fs.PrintDefaults()
	}
	var names, named, conns, size, pipeline, rate string
	fs.BoolVar(&o.full, "full", false, "all scenarios, all their points, longer rounds: about 42 minutes")
	fs.BoolVar(&o.list, "list", false, "list scenarios and servers and end")
	fs.StringVar(&names, "scenarios", "", "`names` with commas, see -list (default echo; all with -full)")
	fs.StringVar(&named, "servers", "", "`names` with commas, see -list (default the usual ones)")
	fs.StringVar(&conns, "conns", "", "`numbers` of connections, with commas")
	fs.StringVar(&size, "size", "", "`bytes` per message, with commas")
	fs.StringVar(&pipeline, "pipeline", "", "`numbers` of messages that a connection keeps outstanding, with commas")
	fs.StringVar(&rate, "rate", "", "`messages` per second of the scenario rate, with commas, instead of shares of the slowest server's maximum")
	fs.IntVar(&o.rounds, "rounds", 0, "rounds (default 5)")
	fs.DurationVar(&o.window, "window", 0, "measured time per server and round, taken in turns of about 200 ms (default 200ms, with -full 600ms)")
	fs.StringVar(&o.out, "out", "", "write results.json, report.html, tables.md, and the charts as SVG with charts.md that shows them, into the `directory`")
	fs.BoolVar(&o.json, "json", false, "print everything as JSON, every round included, instead of tables")
	fs.StringVar(&o.old, "compare", "", "tell what has changed beyond noise since the results in `file`: measure the same again, or name a second file after it")
	fs.IntVar(&o.nice, "nice", -20, "priority of servers and generators, as for nice(1), where permitted; 0 leaves it")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	fs.Visit(func(f *flag.Flag) {
		if slices.Contains(selecting, f.Name) {
			o.selection = append(o.selection, "-"+f.Name+"="+f.Value.String())
		}
	})
	if named != "" {
		o.servers = commas.Split(named)
	}
	err := errors.Join(
		o.arguments(fs.Args()),
		commas.Numbers("-conns", conns, &o.instead.Conns),
		commas.Numbers("-size", size, &o.instead.Sizes),
		commas.Numbers("-pipeline", pipeline, &o.instead.Pipelines),
		commas.Rates("-rate", rate, &o.instead.Rates),
		o.choose(names),
		o.times(),
	)
	if err != nil {
		fmt.Fprintln(w, "bench:", err)
		fmt.Fprintln(w, "Run with -h for help.")
		return nil, err
	}
	return o, nil
}

// repeating returns the options of a run that measures what one with the command
// line before measured, as far as o does not say otherwise, and what it takes from
// there. After an error w tells what is wrong.
func (o *options) repeating(before []string, w io.Writer) (again *options, taken []string, err error) {
	old, err := parse(before, w)
	if err != nil {
		return nil, nil, err
	}
	again, err = parse(slices.Concat(old.selection, o.args), w)
	return again, old.selection, err
}

// arguments reads what follows the flags: nothing, or the second file to compare.
func (o *options) arguments(rest []string) error {
	if o.old != "" && len(rest) > 0 {
		o.new, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if o.old != "" && o.json {
		return errors.New("-json and -compare are two outputs; -out writes the JSON beside a comparison")
	}
	if o.new != "" && o.out != "" {
		return errors.New("-out has nothing to write when two files are compared")
	}
	return nil
}

// choose finds the scenarios.
func (o *options) choose(names string) (err error) {
	all := scenario.All()
	switch {
	case names != "":
		o.named = true
		o.scenarios, err = scenario.Find(all, commas.Split(names))
	case o.full:
		o.scenarios = scenario.Available(all)
	default:
		o.scenarios = scenario.Usual(all)
	}
	if err != nil {
		return err
	}
	var grids []scenario.Grid
	for _, s := range o.scenarios {
		grids = append(grids, o.grids(s)...)
	}
	if unused := scenario.Unused(grids, o.instead); len(unused) > 0 {
		return fmt.Errorf("%s: none of %s has this dimension", strings.Join(unused, ", "), strings.Join(scenario.Names(o.scenarios), ", "))
	}
	return nil
}

// grids are where a scenario is measured.
func (o *options) grids(s scenario.Scenario) []scenario.Grid {
	if o.full {
		return s.Full
	}
	return s.Quick
}

// times checks the flags of how long is measured.
func (o *options) times() error {
	if o.rounds == 0 {
		o.rounds = 5
	}
	if o.window == 0 {
		o.window = slice
		if o.full {
			o.window = 3 * slice
		}
	}
	if o.rounds < 0 {
		return fmt.Errorf("-rounds %d is no number of rounds", o.rounds)
	}
	if o.window < 10*time.Millisecond {
		return fmt.Errorf("-window %v is too short to measure anything; 10ms is the least", o.window)
	}
	return nil
}
