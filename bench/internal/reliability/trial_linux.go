package reliability

// One row on one server: how it is run and what all rows are held to.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eddyline/eddyline/bench/internal/harness"
)

// Options say how rows are run.
type Options struct {
	Server   string        // by name
	Long     bool          // the sizes that the table is about, not those for every day
	Patience time.Duration // what must happen and has not after this time hangs
}

// Trial is a row that is being run. Its methods belong to the row's goroutine,
// where nothing else is said.
type Trial struct {
	Options
	ctx     context.Context
	row     Row
	result  Result
	undo    []func()
	servers []*Server
	clients []*Client
	next    int     // number of the next client
	peak    int64   // the most that a server's memory has grown, in bytes
	load    float64 // the most of a core that a server used while nothing happened

	image *os.File // the program that all servers become; nil is this one
}

// stopped is what ends a row early; the breach is in its result.
type stopped struct{}

// Run runs row until it is done or ctx ends, and leaves nothing behind.
func Run(ctx context.Context, row Row, o Options) Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &Trial{Options: o, ctx: ctx, row: row, result: Result{Row: row.Name, Server: o.Server, Long: o.Long}}
	began := time.Now()
	if missing := Missing(row); missing != "" {
		t.Breach(Failed, "%s", missing)
		return t.result
	}
	t.run()
	t.Figure("peak memory +%.1f MiB, %.1f %% of a core at rest", float64(t.peak)/(1<<20), 100*t.load)
	t.result.Seconds = time.Since(began).Seconds()
	return t.result
}

// run does the row, holds its servers to what all rows promise, and cleans up.
func (t *Trial) run() {
	t.attempt(func() { t.row.run(t) })
	t.attempt(t.rest)
	for _, f := range slices.Backward(t.undo) {
		f()
	}
}

// attempt runs a part of the row, which may stop.
func (t *Trial) attempt(f func()) {
	defer func() {
		if p := recover(); p != nil && p != (stopped{}) {
			panic(p)
		}
	}()
	f()
}

// Missing says what row needs and this machine has not, or "".
func Missing(row Row) string {
	var lacks []string
	for _, n := range row.Needs {
		if n == Root {
			if os.Geteuid() != 0 {
				lacks = append(lacks, "needs root")
			}
			continue
		}
		if _, err := exec.LookPath(string(n)); err != nil {
			text := "needs " + string(n)
			if p := packages[n]; p != "" {
				text += ": apt-get install " + p
			}
			lacks = append(lacks, text)
		}
	}
	return strings.Join(lacks, "; ")
}

// Size is short, or long where the long sizes are wanted.
func (t *Trial) Size(short, long int) int {
	if t.Long {
		return long
	}
	return short
}

// Time is Size for durations.
func (t *Trial) Time(short, long time.Duration) time.Duration {
	if t.Long {
		return long
	}
	return short
}

// Figure notes something measured.
func (t *Trial) Figure(format string, args ...any) {
	t.result.Figures = append(t.result.Figures, fmt.Sprintf(format, args...))
}

// Breach notes a promise that was not kept; the row goes on.
func (t *Trial) Breach(o Outcome, format string, args ...any) {
	t.result.Breaches = append(t.result.Breaches, *breach(o, format, args...))
}

// Include runs another row, with all guards, as a part of this one. Its figures are
// left out. What it starts keeps the part's own Trial: some of that ends only with
// its connections.
func (t *Trial) Include(row Row) {
	part := &Trial{Options: t.Options, ctx: t.ctx, row: row, image: t.image}
	part.run()
	for _, b := range part.result.Breaches {
		t.Breach(b.Outcome, "%s: %s", row.Name, b.Text)
	}
	t.peak, t.load = max(t.peak, part.peak), max(t.load, part.load)
}

// Fail is Breach and ends the row.
func (t *Trial) Fail(o Outcome, format string, args ...any) {
	t.Breach(o, format, args...)
	panic(stopped{})
}

// Must ends the row if err is not nil: with the outcome that it carries, else as
// not tested. What says what was being done.
func (t *Trial) Must(what string, err error) {
	if err == nil {
		return
	}
	if t.ctx.Err() != nil {
		t.Fail(Failed, "interrupted")
	}
	var b *Breach
	if !errors.As(err, &b) {
		t.Fail(Failed, "%s: %v", what, err)
	}
	if err := t.dying(); err != nil {
		t.Fail(Ended, "%s: %v; %v", what, err, b)
	}
	t.Fail(b.Outcome, "%s: %v", what, b)
}

// dying returns why a server does not serve any more. One that ends breaks its
// connections some time before it has ended.
func (t *Trial) dying() error {
	for range 20 {
		for _, s := range t.servers {
			if err := s.Alive(); err != nil {
				return err
			}
		}
		t.Sleep(100 * time.Millisecond)
	}
	return nil
}

// Undo lets f run when the row is over, last first.
func (t *Trial) Undo(f func()) { t.undo = append(t.undo, f) }

// Until waits for a condition that nobody announces, within the time allowed.
func (t *Trial) Until(what string, cond func() bool) error {
	for end := time.Now().Add(t.Patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		if time.Now().After(end) {
			return breach(Hung, "waited %v in vain until %s", t.Patience, what)
		}
	}
	return nil
}

// Sleep lets time pass, in which the row watches.
func (t *Trial) Sleep(d time.Duration) { harness.Sleep(t.ctx, d) }

// span are n numbers from first on.
func span(first, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = first + i
	}
	return all
}

// each calls f for every item at once and returns the first error.
func each[T any](items []T, f func(T) error) error {
	errs := make([]error, len(items))
	var all sync.WaitGroup
	for i, item := range items {
		all.Go(func() { errs[i] = f(item) })
	}
	all.Wait()
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(failed) == 0 {
		return nil
	}
	if len(failed) == 1 {
		return failed[0]
	}
	outcome := Failed
	if b := new(Breach); errors.As(failed[0], &b) {
		outcome = b.Outcome
	}
	return breach(outcome, "%v, and %d more of %d", failed[0], len(failed)-1, len(items))
}
