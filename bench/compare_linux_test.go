package main

// When a comparison of two files fails.

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/results"
)

// noisy returns the results of so many rounds on a machine that is so slow, with an
// engine that costs so much.
func noisy(seed uint64, rounds int, machine, engine float64) *results.Document {
	random := rand.New(rand.NewPCG(seed, 0))
	round := func(n int, cost float64) results.Round {
		cost *= machine * (1 + 0.02*random.NormFloat64())
		return results.Round{Round: n, Seconds: 1, Requests: uint64(1e6 / cost), CPUUS: cost}
	}
	level, own := results.Row{Server: "floor-level", Floor: true}, results.Row{Server: "eddyline"}
	for n := range rounds {
		level.Rounds, own.Rounds = append(level.Rounds, round(n, 4)), append(own.Rounds, round(n, 4.2*engine))
	}
	run := results.Run{Scenario: "echo", Point: results.Point{Conns: 100}, Rows: []results.Row{level, own}}
	return &results.Document{Format: results.Format, Runs: []results.Run{run}}
}

func TestAComparisonFailsForARegressionAlone(t *testing.T) {
	for _, tt := range []struct {
		name            string
		rounds          int
		machine, engine float64
		status          int
		says            string
	}{
		{"the same again", 6, 1, 1, 0, "corrected for their number; and new failures): 0"},
		{"a slower machine", 6, 1.1, 1, 0, "corrected for their number; and new failures): 0"},
		{"a slower engine", 6, 1, 1.1, harness.Failed, "REGRESSION"},
		{"too few rounds to tell", 2, 1, 1.1, 0, "Too few rounds to tell whether 2 of the 2 figures"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			old, new := filepath.Join(dir, "old.json"), filepath.Join(dir, "new.json")
			store(t, old, noisy(1, tt.rounds, 1, 1))
			store(t, new, noisy(2, tt.rounds, tt.machine, tt.engine))
			got := bench(t, t.Context(), "-compare", old, new)
			if got.status != tt.status || !strings.Contains(got.stdout, tt.says) {
				t.Errorf("status %d, want %d and %q\n%s%s", got.status, tt.status, tt.says, got.stdout, got.stderr)
			}
		})
	}
}
