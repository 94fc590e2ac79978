package sharpness

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A change to the engine that moves a breakage's text is noticed here.
func TestEveryBreakageHasItsPlace(t *testing.T) {
	dir, names := root(t), map[string]bool{}
	for _, b := range slices.Concat(Breakages, RowBreakages) {
		name := b.Name + " " + b.Row
		if names[name] {
			t.Errorf("two are called %q", name)
		}
		names[name] = true
		if !strings.HasPrefix(b.Clause, "C") || len(b.Edits) == 0 {
			t.Errorf("%q has no clause or no edits", b.Name)
		}
		files, err := b.broken(dir)
		if err != nil {
			t.Error(err)
		}
		if len(files) == 0 {
			t.Errorf("%q breaks no file", b.Name)
		}
	}
}

func TestAnEditThatFitsTwiceOrNowhereIsAnError(t *testing.T) {
	for _, old := range []string{"func", "no such text"} {
		b := Breakage{Name: "wrong", Edits: []Edit{{"loop/turn.go", old, ""}}}
		if _, err := b.broken(root(t)); err == nil || !strings.Contains(err.Error(), "loop/turn.go") {
			t.Errorf("%q: %v", old, err)
		}
	}
}

// What a seed has found is kept as a run, and that still fails when the mend is taken back.
func TestTheRunsThatFoundDefectsStillDo(t *testing.T) {
	found := 0
	for _, b := range Breakages {
		if b.Found == "" {
			continue
		}
		found++
		t.Run(b.Name, func(t *testing.T) {
			p, err := b.build(t.Context(), root(t), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if shows, err := p.keeps(t.Context(), b); err != nil || !shows {
				t.Errorf("the run kept for %q shows it: %v, %v", b.Found, shows, err)
			}
		})
	}
	if found == 0 {
		t.Error("there are none")
	}
}

func named(t *testing.T, name string) Breakage {
	t.Helper()
	for _, b := range Breakages {
		if b.Name == name {
			return b
		}
	}
	t.Fatalf("no breakage is called %q", name)
	return Breakage{}
}

// A breakage is found by the first seed that shows it; an engine that is whole
// outlives the same seeds.
func TestABreakageIsFoundAndTheWholeEngineIsNot(t *testing.T) {
	ctx, dir := context.Background(), root(t)
	o, err := Try(ctx, dir, named(t, "OnClose twice"), 5)
	if err != nil || o.By != "1" || !strings.HasPrefix(o.Words, "C2: ") {
		t.Errorf("%+v, %v", o, err)
	}
	whole := Breakage{Name: "nothing", Edits: []Edit{{"loop/turn.go", "package loop\n", "package loop\n"}}}
	if o, err := Try(ctx, dir, whole, 5); err != nil || o.By != "" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestFailuresAreRead(t *testing.T) {
	const said = `--- FAIL: TestSimulatedRuns (0.46s)
    sim_test.go:30: turn 52: C1: nothing moves, on link 5.0 (fd 35 flags x)
        again with go test -tags simkernel -run 'TestSimulatedRuns$' ./loop -sim.seed 682 -sim.runs 1 -sim.turns 2000
`
	if seed, words := failure(said); seed != 682 || words != "C1: nothing moves" {
		t.Errorf("%d, %q", seed, words)
	}
	const leaked = `    sim_test.go:30: turn 2: C7: 17 descriptors are open, and should be 16: 
        3 epoll of 1
        again with go test -tags simkernel -run 'TestSimulatedRuns$' ./loop -sim.seed 4 -sim.runs 1 -sim.turns 2000
`
	if seed, words := failure(leaked); seed != 4 || words != "C7: 17 descriptors are open, and should be 16:" {
		t.Errorf("%d, %q", seed, words)
	}
	if seed, _ := failure("panic: test timed out after 10s"); seed != 0 {
		t.Errorf("seed %d of a run that names none", seed)
	}
	if words := crash("panic: test timed out after 10s\nmore"); words != "it does not end" {
		t.Error(words)
	}
}
