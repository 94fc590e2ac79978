package main

// The flags, and what they make of a run.

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/eddyline/eddyline/bench/internal/commas"
	"github.com/eddyline/eddyline/bench/internal/echo"
)

const usage = `usage: go run ./bench/cost [flags]

Measures what the engine costs a server, side by side with the floor: the
smallest epoll echo loop that can be written in Go.

    go run ./bench/cost              processor time per echo
    go run ./bench/cost -idle        memory per idle connection
    go run ./bench/cost -timers      re-arming one of a million timers
    go run ./bench/cost -connect     how late a connect time-out comes

Every server is a process of its own on one core, the load generator another on
the next core. The figure is the server's processor time, user and system,
divided by the messages; every byte that comes back is checked. In each round
all servers are started anew and take turns in short windows, so that a slow
spell of the machine falls on all alike. The ratio is the median of the ratios
of each round; look at floor-again, a second copy of floor-level, for how far
equals differ on your machine. The generator polls without sleeping, since the
server would pay for waking it; its share in the table is what it worked. As
root, servers and generator run at a high priority, to which other programs give
way meanwhile.

Exit status: 0; 1 when a server failed or corrupted a byte; 2 for wrong flags;
130 after an interrupt, which prints what is finished.

`

// mode is what is measured.
type mode int

const (
	echoMode mode = iota
	idleMode
	timersMode
	connectMode
)

// options are the flags, checked.
type options struct {
	mode    mode
	points  []echo.Point // of echoMode
	conns   []int        // of idleMode
	timers  int          // of timersMode
	tries   int          // of connectMode
	rounds  int
	window  time.Duration // per server and round
	servers []string      // nil: the usual ones
	list    bool
	json    bool
	verbose bool
	profile string
	nice    int
	quiet   float64
	retries int
}

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
	o := new(options)
	fs := flag.NewFlagSet("cost", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprint(w, usage)
		fs.PrintDefaults()
	}
	idle := fs.Bool("idle", false, "measure memory per idle connection")
	timers := fs.Bool("timers", false, "measure re-arming timers")
	connect := fs.Bool("connect", false, "measure how late connect time-outs come")
	conns := fs.String("conns", "", "numbers of `connections`, with commas (default 1,100,2000,9000; with -idle 2000,6000,10000,14000,18000)")
	size := fs.Int("size", 64, "`bytes` per message")
	pipeline := fs.String("pipeline", "", "numbers of `messages` that a connection keeps outstanding, with commas (default 1, and 16 at 1 and 100 connections)")
	fs.IntVar(&o.timers, "n", 1_000_000, "with -timers, `how many` there are")
	fs.IntVar(&o.tries, "tries", 200, "with -connect, connects per kind and limit")
	fs.IntVar(&o.rounds, "rounds", 0, "rounds (default 7; with -idle 3)")
	fs.DurationVar(&o.window, "window", 3*slice, "measured time per server and round, taken in turns of about 200 ms")
	names := fs.String("servers", "", "servers, with commas, see -list (default the usual ones)")
	fs.BoolVar(&o.list, "list", false, "list the servers and end")
	fs.BoolVar(&o.json, "json", false, "print everything as JSON, every round included")
	fs.BoolVar(&o.verbose, "v", false, "print every round")
	fs.StringVar(&o.profile, "profile", "", "then take a CPU profile of eddyline, or of the only server named, at the first point, into `file`")
	fs.IntVar(&o.nice, "nice", -20, "priority of servers and generators, as for nice(1), where permitted; 0 leaves it")
	fs.Float64Var(&o.quiet, "quiet", 5, "measure a window again if other programs took more than so many `percent` of it")
	fs.IntVar(&o.retries, "retries", 3, "windows per server and round that may be measured again for that")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	err := o.choose(map[mode]bool{idleMode: *idle, timersMode: *timers, connectMode: *connect})
	if err == nil {
		err = o.finish(fs, *conns, *size, *pipeline, *names)
	}
	if err != nil {
		fmt.Fprintln(w, "cost:", err)
		fmt.Fprintln(w, "Run with -h for help.")
	}
	return o, err
}

// choose sets the mode to the one asked for.
func (o *options) choose(asked map[mode]bool) error {
	for m, yes := range asked {
		if !yes {
			continue
		}
		if o.mode != echoMode {
			return errors.New("-idle, -timers and -connect are runs of their own")
		}
		o.mode = m
	}
	if o.mode != echoMode && o.profile != "" {
		return errors.New("-profile goes with none of -idle, -timers and -connect")
	}
	return nil
}

func (o *options) finish(fs *flag.FlagSet, conns string, size int, pipeline, names string) error {
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if names != "" {
		o.servers = commas.Split(names)
	}
	if o.rounds == 0 {
		o.rounds = 7
		if o.mode == idleMode {
			o.rounds = 3
		}
	}
	if o.rounds < 0 || o.timers < 1 || o.tries < 1 || size < 1 || o.retries < 0 || o.quiet < 0 {
		return errors.New("-rounds, -n, -tries, -size, -retries and -quiet must not be negative, -n, -tries and -size not 0")
	}
	if o.window < 10*time.Millisecond {
		return fmt.Errorf("-window %v is too short to measure anything; 10ms is the least", o.window)
	}
	return o.grid(conns, size, pipeline)
}

// grid reads the flags that say where to measure.
func (o *options) grid(conns string, size int, pipeline string) error {
	var cs, ps []int
	if err := errors.Join(commas.Numbers("-conns", conns, &cs), commas.Numbers("-pipeline", pipeline, &ps)); err != nil {
		return err
	}
	o.conns = cs
	if cs == nil {
		o.conns = []int{2000, 6000, 10000, 14000, 18000}
	}
	if o.mode == idleMode {
		slices.Sort(o.conns)
		if o.conns = slices.Compact(o.conns); len(o.conns) < 2 {
			return errors.New("-idle needs two numbers of connections at least: the figure is a slope")
		}
	}
	o.points = grid(cs, size, ps)
	return nil
}

// grid returns the points of an echo run. With nothing asked for, pipelining is
// measured at few connections only: with many, a server gets so many messages
// per wait anyway.
func grid(conns []int, size int, pipelines []int) []echo.Point {
	var points []echo.Point
	if pipelines == nil && conns == nil {
		for _, c := range []int{1, 100, 2000, 9000} {
			points = append(points, echo.Point{Conns: c, Size: size, Pipeline: 1})
		}
		for _, c := range []int{1, 100} {
			points = append(points, echo.Point{Conns: c, Size: size, Pipeline: 16})
		}
		return points
	}
	if conns == nil {
		conns = []int{1, 100, 2000, 9000}
	}
	if pipelines == nil {
		pipelines = []int{1}
	}
	for _, p := range pipelines {
		for _, c := range conns {
			points = append(points, echo.Point{Conns: c, Size: size, Pipeline: p})
		}
	}
	return points
}

// checkLimit tells whether so many descriptors per process are enough.
func (o *options) checkLimit(limit int) error {
	most := 0
	switch o.mode {
	case echoMode:
		for _, p := range o.points {
			most = max(most, p.Conns)
		}
	case idleMode:
		most = slices.Max(o.conns)
	}
	if room := limit - spareDescriptors; most > room {
		return fmt.Errorf("-conns %d: a process may have %d descriptors here, which is enough for %d connections; raise the hard limit (ulimit -Hn) for more", most, limit, room)
	}
	return nil
}

// spareDescriptors is what a server or generator needs besides its connections.
const spareDescriptors = 64
