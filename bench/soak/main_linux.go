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
)

func main() {
	if child.Dispatch(soak.Roles) {
		return
	}
	harness.Main(parse, run)
}

const usage = `usage: go run ./bench/soak [flags]

Keeps an eddyline server in a process of its own under a mixed load for a chosen
time, and tells whether it stays as it was:

    go run ./bench/soak -for 2m
    go run ./bench/soak -for 8h -conns 1000 -out soak
    go run ./bench/soak -from soak/results.json     the same tables and charts again

The load, from this process through package net: echoes whose bytes are checked,
readers that rest while megabytes wait for them, connections for one message,
half-closed ones, others that outlast a read deadline, a write deadline or an idle
timeout, resets in the middle and dials that are given up; connections that the
server detaches and adopts again, pauses, or answers from another goroutine; unix
sockets. The server dials itself meanwhile, and calls off one dial in four. Now
and then the whole server is stopped for a moment (SIGSTOP), and its system calls
are short, late, interrupted, say "not yet" or fail, where nobody may hear of it:
for that the server is built with -tags faultinject, in this checkout.
-faults=false runs it as it is released.

Each second the server's memory, descriptors and goroutines are noted, and how long
small echoes of it take, and of an idle server of package net beside it. At the end
everything is let go, and judged:

%s
The seed decides what each connection does and when faults come; -seed replays it,
as far as the timing of the processes repeats. Every sample is saved in
results.json, with the command, the commit and the machine.

Exit status: 0; 1 when something grew, was lost or did not come back, or when the
server ended by itself; 2 for wrong flags; 130 after an interrupt, which judges
what is there. Whatever ends a run, what it saw is shown and saved.

`

// options are the flags, checked.
type options struct {
	soak.Config
	out  string
	from string
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
	fs.StringVar(&o.out, "out", "", "`directory` for results.json and the charts (default a new one for temporary files)")
	fs.StringVar(&o.from, "from", "", "show the run of this `results.json` again instead of making one")
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

// command is what makes this run again.
func (o *options) command() string {
	return fmt.Sprintf("go run ./bench/soak -for %v -seed %d -conns %d -faults=%t", o.For, o.Seed, o.Conns, o.Faults)
}

// run does what the flags want and returns the exit status.
func run(ctx context.Context, o *options, out io.Writer, stderr *os.File) int {
	dir, err := directory(o.out) // of whose absence nobody wants to hear when the time is over
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return harness.Usage
	}
	d, err := o.document(ctx, out, stderr)
	if d != nil {
		tell(out, d)
		err = errors.Join(err, keep(out, dir, d))
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "soak:", err)
		return harness.Failed
	case !d.Result.Passed():
		return harness.Failed
	case ctx.Err() != nil:
		return harness.Interrupted
	}
	return 0
}

func directory(name string) (string, error) {
	if name == "" {
		return os.MkdirTemp("", "eddyline-soak-")
	}
	return name, os.MkdirAll(name, 0o777)
}

// document is that of a saved run or of a new one. It is there beside an error if
// something was seen before that.
func (o *options) document(ctx context.Context, out io.Writer, stderr *os.File) (*soak.Document, error) {
	if o.from != "" {
		return soak.Load(o.from)
	}
	fmt.Fprintf(out, "seed %d: replay with %s\n", o.Seed, o.command())
	d := soak.NewDocument(o.command())
	result, err := o.soak(ctx, stderr)
	if result == nil {
		return nil, err
	}
	d.Result = result
	return d, err
}

// soak makes one run.
func (o *options) soak(ctx context.Context, stderr *os.File) (*soak.Result, error) {
	cfg := o.Config
	if cfg.Faults {
		program, err := child.Build("github.com/eddyline/eddyline/bench/soak", nil, "-tags", "faultinject")
		if err != nil {
			return nil, err
		}
		defer program.Close()
		cfg.Program = program
	}
	line := progress.New(stderr, false)
	defer line.Clear()
	cfg.Step = func(s soak.Sample) {
		if o.Step != nil {
			o.Step(s)
		}
		line.Show(int(s.At.Seconds()*10), int(cfg.For.Seconds()*10), fmt.Sprintf("%d connections, %d descriptors, %.0f MB, p99 %v",
			s.Conns, s.Descriptors, float64(s.Resident)/(1<<20), s.Server.P99.Round(100*time.Microsecond)))
	}
	return soak.Run(ctx, cfg)
}

// keep saves the run and draws it.
func keep(w io.Writer, dir string, d *soak.Document) error {
	file := filepath.Join(dir, "results.json")
	if err := d.Save(file); err != nil {
		return err
	}
	files, err := d.Result.Draw(dir)
	fmt.Fprintln(w)
	for _, f := range append([]string{file}, files...) {
		fmt.Fprintln(w, " ", filepath.ToSlash(f))
	}
	return err
}
