package sharpness

import (
	"fmt"
	"strings"
	"testing"
)

// What a failing run says of its seed and of what broke is read back, whatever stands
// around it; what names no seed has none.
func FuzzFailure(f *testing.F) {
	f.Add("=== RUN\n", uint32(682), uint16(1), "C1: nothing moves", "    configuration {}\n")
	f.Add("", uint32(1), uint16(0), "C7: 17 descriptors are open, and should be 16:", "")
	f.Add("sim_test.go:30: turn 2: ", uint32(1), uint16(0), "", "again with go test -sim.seed 99999999999999999999 -sim")
	f.Fuzz(func(t *testing.T, before string, seed uint32, turn uint16, words, after string) {
		if got, why := failure(before + after); got != 0 && !strings.Contains(before+after, "again with go test ") {
			t.Errorf("%q has seed %d, %q", before+after, got, why)
		}
		if strings.Contains(before, "sim_test.go") || strings.ContainsAny(words, "\n") || strings.TrimSpace(words) != words || place.MatchString(words) {
			return // another failure, or words that no run says
		}
		said := func(seed string) string {
			return fmt.Sprintf("%s    sim_test.go:72: turn %d: %s\n        again with go test -tags simkernel -run 'TestSimulatedRuns$' ./loop -sim.seed %s -sim.runs 1\n%s", before, turn, words, seed, after)
		}
		if got, why := failure(said(fmt.Sprint(seed))); got != int(seed) || seed != 0 && why != words {
			t.Errorf("seed %d of %q is %d, %q", seed, words, got, why)
		}
		if got, _ := failure(said("1" + strings.Repeat("0", 20))); got != 0 {
			t.Errorf("a seed of 21 digits is %d", got)
		}
	})
}
