package sharpness

// Running the simulation on a broken engine, until a seed fails.

import (
	"context"
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
	Seed  int    // the first that failed, counted from 1; 0: none did
	Words string // what it said, without where
}

// chunk is how many seeds one run of the program tries: so few that it demands nothing of
// their sum, and that one which does not end is found again soon.
const chunk = 100

// patience is how long a single seed may take that does not end, or crashes.
const patience = 10 * time.Second

// Try builds the engine's test program in the module at root with b in it, and runs the
// seeds from 1 to at most seeds until one fails.
func Try(ctx context.Context, root string, b Breakage, seeds int) (Outcome, error) {
	dir, err := os.MkdirTemp("", "eddyline-sharpness-")
	if err != nil {
		return Outcome{}, err
	}
	defer os.RemoveAll(dir)
	p, err := b.build(ctx, root, dir)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Breakage: b}
	o.Seed, o.Words, err = p.firstFailure(ctx, seeds)
	if err != nil {
		err = fmt.Errorf("%s: %w", b.Name, err)
	}
	return o, err
}

// program is a test program of package loop.
type program struct{ file, dir string }

// build builds it with b in it, in dir.
func (b Breakage) build(ctx context.Context, root, dir string) (program, error) {
	overlay, err := b.overlay(root, dir)
	if err != nil {
		return program{}, err
	}
	p := program{file: filepath.Join(dir, "loop.test"), dir: filepath.Join(root, "loop")}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-tags", b.tags(), "-o", p.file, "./loop")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("%s: %v: %w\n%s", b.Name, build, err, said)
	}
	return p, nil
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
	seed, _ = strconv.Atoi(m[2]) // digits, and few
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
