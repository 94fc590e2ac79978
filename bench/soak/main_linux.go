// Command soak keeps a server of the engine under a mixed load with faults for a
// chosen time and tells whether it stayed as it was. Run it with -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/progress"
	"github.com/eddyline/eddyline/bench/internal/soak"
	"github.com/eddyline/eddyline/bench/internal/table"
)

func main() {
	if child.Dispatch(map[string]child.Role{soak.Role: soak.Server}) {
		return
	}
	harness.Main(parse, run)
}

const usage = `usage: go run ./bench/soak [flags]

Keeps an eddyline server in a process of its own under a mixed load for a chosen
time, and tells whether it stays as it was:

    go run ./bench/soak -for 2m
    go run ./bench/soak -for 8h -conns 1000 -out charts

The load, from this process through package net: echoes whose bytes are checked,
readers that rest while megabytes wait for them, connections for one message,
half-closed ones, others that outlast a read deadline, resets in the middle and
dials that are given up. The server dials itself meanwhile, and calls off one dial
in four. Now and then the whole server is stopped for a moment (SIGSTOP), and its
system calls are short, late, interrupted, say "not yet" or fail, where nobody may
hear of it: for that the server is built with -tags faultinject, in this checkout.
-faults=false runs it as it is released.

Each second the server's memory, descriptors and goroutines and the latency of
the echoes are noted. At the end everything is let go, and judged:

%s
The seed decides what each connection does and when faults come; -seed replays it,
as far as the timing of two processes repeats.

Exit status: 0; 1 when something grew, was lost or did not come back; 2 for wrong
flags; 130 after an interrupt, which judges what is there.

`

// options are the flags, checked.
type options struct {
	soak.Config
	out string
}

func parse(args []string, w io.Writer) (*options, error) {
	o := new(options)
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprintf(w, usage, soak.Rules)
		fs.PrintDefaults()
	}
	fs.DurationVar(&o.For, "for", time.Minute, "how long the load lasts")
	fs.Uint64Var(&o.Seed, "seed", 0, "the seed to replay (default a new one)")
	fs.IntVar(&o.Conns, "conns", 100, "`connections` that the load keeps busy, about")
	fs.BoolVar(&o.Faults, "faults", true, "let system calls of the server fail")
	fs.StringVar(&o.out, "out", "", "`directory` for the charts (default a new one for temporary files)")
	err := fs.Parse(args)
	if err != nil {
		return nil, err
	}
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.For < time.Second:
		err = fmt.Errorf("-for %v: a second is the least", o.For)
	case o.Conns < 1 || o.Conns > 10_000:
		err = fmt.Errorf("-conns %d: from 1 to 10000", o.Conns)
	}
	if err != nil {
		fmt.Fprintln(w, "soak:", err)
		fmt.Fprintln(w, "Run with -h for help.")
		return nil, err
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64() >> 32 // short enough to be typed
	}
	return o, nil
}

// run makes one run and returns the exit status.
func run(ctx context.Context, o *options, out io.Writer, stderr *os.File) int {
	if o.out != "" { // which nobody wants to hear of when the time is over
		if err := os.MkdirAll(o.out, 0o777); err != nil {
			fmt.Fprintln(stderr, "soak:", err)
			return harness.Usage
		}
	}
	fmt.Fprintf(out, "seed %d: replay with -seed %d -for %v -conns %d -faults=%t\n", o.Seed, o.Seed, o.For, o.Conns, o.Faults)
	if o.Faults {
		program, err := child.Build("github.com/eddyline/eddyline/bench/soak", nil, "-tags", "faultinject")
		if err != nil {
			fmt.Fprintln(stderr, "soak:", err)
			return harness.Failed
		}
		defer program.Close()
		o.Program = program
	}
	line, step := progress.New(stderr, false), o.Step
	o.Step = func(s soak.Sample) {
		if step != nil {
			step(s)
		}
		line.Show(int(s.At.Seconds()*10), int(o.For.Seconds()*10), fmt.Sprintf("%d connections, %d descriptors, %.0f MB, p99 %v",
			s.Conns, s.Descriptors, float64(s.Resident)/(1<<20), s.P99.Round(100*time.Microsecond)))
	}
	result, err := soak.Run(ctx, o.Config)
	line.Clear()
	if result != nil {
		tell(out, result)
		err = errors.Join(err, draw(out, o.out, result))
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "soak:", err)
		return harness.Failed
	case !result.Passed():
		return harness.Failed
	case ctx.Err() != nil:
		return harness.Interrupted
	}
	return 0
}

// tell prints what came out.
func tell(w io.Writer, r *soak.Result) {
	did := table.Table{{"load", "done", "lost", "MB checked"}}
	for _, a := range r.Actions {
		did.Add(a.Kind, fmt.Sprint(a.Done), fmt.Sprint(a.Lost), fmt.Sprintf("%.1f", float64(a.Bytes)/(1<<20)))
	}
	did.Print(w)
	fmt.Fprintln(w)
	faults := table.Table{{"fault", "times"}}
	for _, f := range r.Faults {
		faults.Add(f.What, fmt.Sprint(f.Times))
	}
	faults.Print(w)
	for _, why := range r.Lost {
		fmt.Fprintf(w, "  LOST: %s\n", why)
	}
	fmt.Fprintln(w)
	stayed := table.Table{{"figure", "before", "middle third", "last third", "peak", "after", table.Notes}}
	for _, v := range r.Verdicts {
		stayed.Add(v.Figure, v.Before, v.Middle, v.Last, v.Peak, v.After, v.Says)
	}
	stayed.Print(w)
}

func draw(w io.Writer, dir string, r *soak.Result) error {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "eddyline-soak-")
		if err != nil {
			return err
		}
		dir = temporary
	}
	files, err := r.Draw(dir)
	for _, f := range files {
		fmt.Fprintln(w, "  chart:", filepath.ToSlash(f))
	}
	return err
}
