package timers

import (
	"slices"
	"testing"
	"time"
)

func TestSummarizeComparesRoundByRound(t *testing.T) {
	rows := []Row{
		{Kind: Standard, Samples: []Sample{{NS: 100}, {NS: 400}, {NS: 100}}},
		{Kind: Engine, Samples: []Sample{{NS: 10, Allocs: 1}, {NS: 40}, {NS: 20}}},
	}
	summarize(rows)
	if rows[1].Ratio.Median != 0.1 || rows[1].Ratio.Max != 0.2 {
		t.Errorf("ratio %+v, want a median of 0.1 and at most 0.2", rows[1].Ratio)
	}
	if rows[1].NS.Median != 20 || rows[1].Allocs.Max != 1 {
		t.Errorf("cost %+v, allocations %+v", rows[1].NS, rows[1].Allocs)
	}
	if rows[0].Ratio.Min != 1 || rows[0].Ratio.Max != 1 {
		t.Errorf("the standard's ratio to itself is %+v", rows[0].Ratio)
	}
}

func TestWorkRearmsEveryTimerInEveryPass(t *testing.T) {
	for _, pattern := range []Pattern{Pushed, InOrder, Mixed} {
		t.Run(string(pattern), func(t *testing.T) {
			resets := make([]int, 3*stepSize+7)
			delays := map[time.Duration]bool{}
			w := newWork(spec{Pattern: pattern, Timers: len(resets)}, func(from, to int, ds []time.Duration) {
				for i := range to - from {
					resets[from+i]++
					delays[ds[i]] = true
				}
			})
			for i, k := range slices.Sorted(slices.Values(w.order)) {
				if int(k) != i {
					t.Fatalf("place %d of the order is missing", i)
				}
			}
			if slices.IsSorted(w.order) != (pattern == InOrder) {
				t.Errorf("the order begins with %v", w.order[:8])
			}
			for w.step() {
			}
			s := w.end(0)
			if want := mostPasses * len(resets); s.Rearms != want {
				t.Errorf("%d re-arms were counted, want %d", s.Rearms, want)
			}
			for k, n := range resets {
				if n != 1+mostPasses {
					t.Fatalf("timer %d was re-armed %d times, want %d and one before", k, n, mostPasses)
				}
			}
			for d := range delays {
				if d < far {
					t.Errorf("a timer is due in %v, long before the end of the measurement", d)
				}
			}
			if (len(delays) > 1) != (pattern == Mixed) {
				t.Errorf("%d different delays", len(delays))
			}
		})
	}
}

func TestBothKindsAreMeasured(t *testing.T) {
	for _, kind := range All {
		const count = 2*stepSize + 5
		s, err := spec{kind, Mixed, count}.measure()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if s.Rearms != mostPasses*count || s.NS <= 0 || s.Fired != 0 {
			t.Errorf("%s: %+v", kind, s)
		}
	}
	if _, err := (spec{"sundial", Mixed, 1}).measure(); err == nil {
		t.Error("sundials were measured")
	}
}
