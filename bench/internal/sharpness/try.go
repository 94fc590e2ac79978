package sharpness

// Running the simulation on a broken engine, until a seed fails, or a row of the fault
// table.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Outcome is what came of a breakage.
type Outcome struct {
	Breakage
	By    string // the first seed that failed, counted from 1, or the row; "": it was not noticed
	Words string // what that said, without where
}

// chunk is how many seeds one run of the program tries: so few that it demands nothing of
// their sum, and that one which does not end is found again soon.
const chunk = 100

// patience is how long a single seed may take that does not end, or crashes, and what must
// happen in a row.
const patience = 10 * time.Second

// Try builds the engine in the module at root with b in it, and runs the row that must
// notice it; or, in the simulation, the seeds from 1 to at most seeds until one fails.
func Try(ctx context.Context, root string, b Breakage, seeds int) (Outcome, error) {
	dir, err := os.MkdirTemp("", "eddyline-sharpness-")
	if err != nil {
		return Outcome{}, err
	}
	defer os.RemoveAll(dir)
	o := Outcome{Breakage: b}
	if b.Row != "" {
		o.By, o.Words, err = b.runRow(ctx, root, dir)
	} else {
		o.By, o.Words, err = b.runSeeds(ctx, root, dir, seeds)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", b.Name, err)
	}
	return o, err
}

// runSeeds simulates.
func (b Breakage) runSeeds(ctx context.Context, root, dir string, seeds int) (by, words string, err error) {
	p, err := b.build(ctx, root, dir)
	if err != nil {
		return "", "", err
	}
	seed, words, err := p.firstFailure(ctx, seeds)
	if seed > 0 {
		by = strconv.Itoa(seed)
	}
	return by, words, err
}

// runRow runs the row in its small size.
func (b Breakage) runRow(ctx context.Context, root, dir string) (by, words string, err error) {
	program := filepath.Join(dir, "reliability")
	if err := b.compile(ctx, root, dir, "build", "-buildvcs=false", "-o", program, "./bench/reliability"); err != nil {
		return "", "", err
	}
	cmd := exec.CommandContext(ctx, program, "-rows", b.Row, "-short", "-patience", patience.String(), "-out", dir)
	cmd.Dir = root
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it has a server to end
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", "", ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", "", fmt.Errorf("%v: %w", cmd, err)
	}
	outcome, words, err := verdict(filepath.Join(dir, "results.json"))
	switch {
	case err != nil:
		return "", "", fmt.Errorf("%v: %w\n%s", cmd, err, said)
	case outcome == "not tested":
		return "", "", fmt.Errorf("%v: %s", cmd, words)
	case outcome == "":
		return "", "", nil
	}
	return b.Row, outcome + ": " + words, nil
}

// verdict is the first breach that a file of one row's result tells of, "" for none.
func verdict(file string) (outcome, words string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	var d struct { // of reliability.Document, which is Linux's alone
		Results []struct {
			Breaches []struct{ Outcome, Text string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return "", "", err
	}
	if len(d.Results) != 1 {
		return "", "", fmt.Errorf("%s has the results of %d rows", file, len(d.Results))
	}
	for _, first := range d.Results[0].Breaches {
		words, _, _ := strings.Cut(first.Text, "\n")
		return first.Outcome, words, nil
	}
	return "", "", nil
}

// program is a test program of package loop.
type program struct{ file, dir string }

// build builds it with b in it, in dir.
func (b Breakage) build(ctx context.Context, root, dir string) (program, error) {
	p := program{file: filepath.Join(dir, "loop.test"), dir: filepath.Join(root, "loop")}
	return p, b.compile(ctx, root, dir, "test", "-c", "-tags", b.tags(), "-o", p.file, "./loop")
}

// compile runs the go command with b in the engine.
func (b Breakage) compile(ctx context.Context, root, dir, verb string, args ...string) error {
	overlay, err := b.overlay(root, dir)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", append([]string{verb, "-overlay", overlay}, args...)...)
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", build, err, said)
	}
	return nil
}

// keeps tells whether the kept run of the defect that b brings back still shows it.
func (p program) keeps(ctx context.Context, b Breakage) (shows bool, err error) {
	// Spaces of a test's name are underscores in the pattern.
	name := regexp.QuoteMeta(strings.ReplaceAll(b.Found, " ", "_"))
	cmd := exec.CommandContext(ctx, p.file, "-test.run", "^TestSimulatedRunsThatFoundDefects$/^"+name+"$", "-test.v",
		"-test.timeout", patience.String(), "-sim.small=false")
	cmd.Dir = p.dir
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || !strings.Contains(string(said), "=== RUN   TestSimulatedRunsThatFoundDefects/") {
		return false, fmt.Errorf("%v: %v, no such run:\n%s", cmd, err, said)
	}
	return err != nil, nil
}

// firstFailure looks for the first seed that fails.
func (p program) firstFailure(ctx context.Context, seeds int) (seed int, words string, err error) {
	for first := 1; first <= seeds; first += chunk {
		n := min(chunk, seeds-first+1)
		said, ok, err := p.run(ctx, first, n, patience*3)
		if err != nil {
			return 0, "", err
		}
		if ok {
			continue
		}
		if seed, words := failure(said); seed > 0 {
			return seed, words, nil
		}
		return p.oneByOne(ctx, first, n)
	}
	return 0, "", nil
}

// oneByOne looks for the seed among n that ends the program without a word, or keeps it
// from ending.
func (p program) oneByOne(ctx context.Context, first, n int) (seed int, words string, err error) {
	for seed := first; seed < first+n; seed++ {
		said, ok, err := p.run(ctx, seed, 1, patience)
		if err != nil {
			return 0, "", err
		}
		if ok {
			continue
		}
		if failed, words := failure(said); failed > 0 {
			return failed, words, nil
		}
		return seed, crash(said), nil
	}
	return 0, "", fmt.Errorf("seeds %d to %d fail together, and none of them alone", first, first+n-1)
}

// run runs n seeds from first, and returns what the program said and whether all passed.
func (p program) run(ctx context.Context, first, n int, limit time.Duration) (said string, ok bool, err error) {
	cmd := exec.CommandContext(ctx, p.file, "-test.run", "^TestSimulatedRuns$", "-test.timeout", limit.String(),
		"-sim.small=false", "-sim.seed", strconv.Itoa(first), "-sim.runs", strconv.Itoa(n))
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", false, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", false, fmt.Errorf("%v: %w", cmd, err)
	}
	return string(out), err == nil, nil
}

var (
	failed = regexp.MustCompile(`(?s)sim_test\.go:\d+: turn \d+: ([^\n]*)\n.*?again with go test [^\n]*-sim\.seed (\d+) `)
	place  = regexp.MustCompile(`(, on link |registration of fd ).*?(: |$)`)
)

// failure is the seed that a failing run names, 0 if it names none, and the words for it.
func failure(said string) (seed int, words string) {
	m := failed.FindStringSubmatch(said)
	if m == nil {
		return 0, ""
	}
	seed, err := strconv.Atoi(m[2])
	if err != nil {
		return 0, "" // it is none that was asked for
	}
	return seed, strings.TrimSpace(place.ReplaceAllString(m[1], ""))
}

// crash are the words for a run that names no seed.
func crash(said string) string {
	if strings.Contains(said, "panic: test timed out") {
		return "it does not end"
	}
	first, _, _ := strings.Cut(said, "\n")
	return first
}

// Root is the directory of the engine's module, in whose checkout the command runs.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Module.Dir}}", "github.com/eddyline/eddyline").Output()
	if err != nil {
		return "", fmt.Errorf("look for the engine's sources: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
