// Command sharpness breaks the engine on purpose and tells which seed of the
// simulation notices, or whether the fault table does. Run it with -h.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/progress"
	"github.com/eddyline/eddyline/bench/internal/sharpness"
)

func main() {
	harness.Main(parse, run)
}

const usage = `usage: go run ./bench/sharpness [flags]

Tells how sharp the simulation of the engine is, or the fault table (docs/reliability.md). The engine's
sources are broken on purpose, one way at a time: a flush that is left out, a
descriptor closed twice, a deadline that comes late. Each breakage is built into the
test program by an overlay (go help build), which leaves the sources as they are,
and the simulation runs until a seed fails:

    go run ./bench/sharpness                      all of them, some minutes
    go run ./bench/sharpness -only 'linger|OnClose'
    go run ./bench/sharpness -list                what each breaks
    go run ./bench/sharpness -markdown            the table of docs/reliability.md
    go run ./bench/sharpness -table               those of the fault table, each with the row that must
                                                  notice it, in its small size; half an hour on a busy machine

A row is a breakage, the clause of the contract that it breaks, the first seed that
failed, counted from 1, and what it said. Breakages of which it is known that no
seed shows them are tried too, and listed with the reason.

Exit status: 0; 1 when a breakage was not noticed that should be, or did not fit the
sources any more; 2 for wrong flags; 130 after an interrupt, which prints what is
finished.

`

// options are the flags, checked.
type options struct {
	seeds          int
	only           *regexp.Regexp
	list, markdown bool
	table          bool
}

func parse(args []string, w io.Writer) (*options, error) {
	o := new(options)
	fs := flag.NewFlagSet("sharpness", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprint(w, usage)
		fs.PrintDefaults()
	}
	only := fs.String("only", "", "a `pattern` of names: those alone")
	fs.IntVar(&o.seeds, "seeds", 1500, "how many seeds are tried, as by the tests without flags")
	fs.BoolVar(&o.list, "list", false, "list the breakages and end")
	fs.BoolVar(&o.table, "table", false, "try the fault table instead of the simulation")
	fs.BoolVar(&o.markdown, "markdown", false, "print the table in Markdown")
	err := fs.Parse(args)
	if err != nil {
		return nil, err
	}
	o.only, err = regexp.Compile(*only)
	switch {
	case err != nil:
		err = fmt.Errorf("-only: %w", err)
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.seeds < 1:
		err = fmt.Errorf("-seeds %d: one is the least", o.seeds)
	case len(o.chosen()) == 0:
		err = fmt.Errorf("-only %s: no breakage is called so; -list shows all", *only)
	}
	if err != nil {
		fmt.Fprintln(w, "sharpness:", err)
		fmt.Fprintln(w, "Run with -h for help.")
		return nil, err
	}
	return o, nil
}

func (o *options) chosen() (list []sharpness.Breakage) {
	all := sharpness.Breakages
	if o.table {
		all = sharpness.RowBreakages
	}
	for _, b := range all {
		if o.only.MatchString(b.Name) {
			list = append(list, b)
		}
	}
	return list
}

// run tries what is chosen and returns the exit status.
func run(ctx context.Context, o *options, out io.Writer, stderr *os.File) int {
	if o.list {
		list(out, o.chosen())
		return 0
	}
	root, err := sharpness.Root(ctx)
	if ctx.Err() != nil {
		return harness.Interrupted
	}
	if err != nil {
		fmt.Fprintln(stderr, "sharpness:", err)
		return harness.Failed
	}
	line := progress.New(stderr, false)
	status := 0
	var done []sharpness.Outcome
	for i, b := range o.chosen() {
		line.Show(i, len(o.chosen()), b.Name)
		outcome, err := sharpness.Try(ctx, root, b, o.seeds)
		if ctx.Err() != nil {
			status = harness.Interrupted
			break
		}
		if err != nil {
			line.Clear()
			fmt.Fprintln(stderr, "sharpness:", err)
			status = harness.Failed
			continue
		}
		if outcome.By == "" && b.Missed == "" {
			status = harness.Failed
		}
		done = append(done, outcome)
	}
	line.Clear()
	tell(out, done, o)
	return status
}
