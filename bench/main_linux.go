// Command bench compares eddyline with other ways to write a server in Go, side
// by side on one machine. Run it with -h.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/progress"
	"github.com/eddyline/eddyline/bench/internal/report"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/scenario"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/table"
)

func main() {
	roles := map[string]child.Role{
		client.Role:  client.Child,
		servers.Role: servers.Child(servers.All()),
	}
	if child.Dispatch(roles) {
		return
	}
	harness.Main(parse, func(ctx context.Context, o *options, out io.Writer, stderr *os.File) int {
		p := program{o, servers.All(), harness.Enter, out, stderr}
		return p.run(ctx)
	})
}

// program is one run.
type program struct {
	*options
	all    []servers.Server
	enter  func(ctx context.Context, nice int, waiting func()) (leave func() error, err error) // as harness.Enter
	stdout io.Writer
	stderr *os.File
}

// run does what the flags say and returns the exit status.
func (p *program) run(ctx context.Context) int {
	switch {
	case p.options.list:
		return p.status(p.list())
	case p.new != "":
		return p.compareFiles()
	}
	var old *results.Document
	if p.old != "" {
		var err error
		if old, err = results.Load(p.old); err != nil {
			return p.status(err)
		}
		if err := p.repeat(old); err != nil {
			return harness.Usage
		}
	}
	plans, err := p.prepare()
	if err == nil && p.out != "" {
		err = os.MkdirAll(p.out, 0o777)
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "bench:", err)
		return harness.Usage
	}
	leave, err := p.enter(ctx, p.nice, func() {
		fmt.Fprintln(p.stderr, "bench: another measurement runs on this machine; waiting for its end")
	})
	if ctx.Err() != nil {
		return harness.Interrupted
	}
	if err != nil {
		return p.status(err)
	}
	d := p.measure(ctx, plans)
	err = errors.Join(leave(), p.write(d))
	regressed := false
	if err == nil && old != nil {
		regressed, err = tellChanges(p.stdout, old, d)
	}
	switch {
	case ctx.Err() != nil:
		p.status(err)
		return harness.Interrupted
	case d.Failed() || regressed:
		p.status(err)
		return harness.Failed
	}
	return p.status(err)
}

// repeat makes the options those of old, except for what the flags say.
func (p *program) repeat(old *results.Document) error {
	again, taken, err := p.repeating(old.Args, p.stderr)
	if err != nil {
		return err
	}
	p.options = again
	if len(taken) > 0 {
		fmt.Fprintf(p.stderr, "bench: as the run in %s: %s\n", p.old, strings.Join(taken, " "))
	}
	return nil
}

// status tells an error and returns the exit status for it.
func (p *program) status(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(p.stderr, "bench:", err)
	return harness.Failed
}

// list prints what there is.
func (p *program) list() error {
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Scenarios")
	for _, s := range scenario.All() {
		about := s.About
		if s.Missing != "" {
			about += " (" + s.Missing + ")"
		}
		fmt.Fprintf(t, "  %s\t%s\n", s.Name, about)
	}
	fmt.Fprintln(t, "\nServers")
	usual := servers.Names(servers.Compared(p.all))
	for _, s := range p.all {
		about := s.About
		if !slices.Contains(usual, s.Name) {
			about += " (only when named)"
		}
		if s.Version != "" {
			about += " (" + s.Version + ")"
		}
		fmt.Fprintf(t, "  %s\t%s\n", s.Name, about)
	}
	fmt.Fprintln(t, "\nPrograms of others")
	for _, e := range external.Programs {
		found := "not installed"
		if external.Installed(e.Name) {
			found = e.Version()
		}
		fmt.Fprintf(t, "  %s\t%s (%s)\n", e.Name, e.About, found)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	plans, err := p.prepare()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "\nWith these flags, without -list: %s\n", extent(p.config(), plans))
	return err
}

// prepare finds out what is measured, and whether it can be.
func (p *program) prepare() ([]scenario.Plan, error) {
	files, err := harness.Files()
	if err != nil {
		return nil, err
	}
	p.nice = harness.Nice(p.nice)
	return p.plans(p.all, files)
}

// compareFiles tells what has changed between two earlier runs.
func (p *program) compareFiles() int {
	old, err := results.Load(p.old)
	if err != nil {
		return p.status(err)
	}
	new, err := results.Load(p.new)
	if err != nil {
		return p.status(err)
	}
	regressed, err := tellChanges(p.stdout, old, new)
	if regressed {
		return harness.Failed
	}
	return p.status(err)
}

// measure measures, and prints every point as it is finished.
func (p *program) measure(ctx context.Context, plans []scenario.Plan) *results.Document {
	commit, modified := machine.Source()
	d := &results.Document{
		Format:      results.Format,
		Time:        time.Now().UTC(),
		Commit:      commit,
		Modified:    modified,
		Machine:     machine.Describe(),
		Args:        p.args,
		Environment: harness.Environment,
		Nice:        p.nice,
	}
	if server, _ := child.Pair(); server < 0 {
		fmt.Fprintln(p.stderr, "bench: there is one core only: server and load generator share it, and the figures are worth little")
	}
	c := p.config()
	if c.Calls == nil {
		fmt.Fprintln(p.stderr, "bench: strace is not installed: system calls are not counted")
	}
	fmt.Fprintln(p.stderr, "bench:", extent(c, plans))
	line := progress.New(p.stderr, false)
	c.Step = func(s scenario.Step) {
		line.Show(s.Done, s.Total, fmt.Sprintf("%s, %v, %s, %s", s.Scenario, s.Point, s.Doing, s.Server))
	}
	head := heading(d)
	c.Done = func(run results.Run) {
		line.Clear()
		if !p.json {
			fmt.Fprint(p.stdout, head)
			table.Text(p.stdout, run)
			fmt.Fprintln(p.stdout)
			head = ""
		}
	}
	d.Runs = scenario.Run(ctx, c, plans)
	line.Clear()
	if !p.json {
		table.PrintLegend(p.stdout, d.Runs)
	}
	d.Interrupted = ctx.Err() != nil
	return d
}

// heading stands above the tables.
func heading(d *results.Document) string {
	if d.Source() == "" {
		return ""
	}
	return fmt.Sprintf("eddyline at commit %s\n\n", d.Source())
}

// config says how is measured.
func (p *program) config() scenario.Config {
	at := scenario.Place{Nice: p.nice, Env: harness.Environment}
	at.Server, at.Load = child.Pair()
	count, length := p.slices()
	c := scenario.Config{
		Rounds:    p.rounds,
		Slices:    count,
		Slice:     length,
		Warmup:    length * 3 / 10,
		Start:     at.Start,
		Installed: external.Installed,
	}
	if external.Installed(external.StraceName) {
		c.Calls = func(ctx context.Context, t scenario.Task) (float64, error) {
			return at.Calls(ctx, t, c.Warmup+length)
		}
	}
	return c
}

// extent tells how much is measured, and about how long that takes.
func extent(c scenario.Config, plans []scenario.Plan) string {
	points := 0
	for _, p := range plans {
		points += len(p.Points)
	}
	return fmt.Sprintf("%d points, on a quiet machine about %v", points, scenario.Estimate(c, plans).Round(time.Second))
}

// write writes what is asked for besides the tables.
func (p *program) write(d *results.Document) error {
	if p.json {
		if err := d.Write(p.stdout); err != nil {
			return err
		}
	}
	if p.out == "" {
		return nil
	}
	charts, err := report.SVGs(p.out, d)
	err = errors.Join(
		err,
		writeFile(filepath.Join(p.out, "results.json"), d.Write),
		writeFile(filepath.Join(p.out, "report.html"), func(w io.Writer) error { return report.HTML(w, d) }),
		writeFile(filepath.Join(p.out, "tables.md"), func(w io.Writer) error { return writeTables(w, d) }),
	)
	if err == nil {
		fmt.Fprintf(p.stderr, "bench: results.json, report.html, tables.md, charts.md and its %d charts are in %s\n", len(charts), p.out)
	}
	return err
}

// writeTables writes every run as a table in Markdown.
func writeTables(w io.Writer, d *results.Document) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, heading(d))
	for _, run := range d.Runs {
		table.Markdown(b, run)
		fmt.Fprintln(b)
	}
	table.PrintLegendMarkdown(b, d.Runs)
	return b.Flush()
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
