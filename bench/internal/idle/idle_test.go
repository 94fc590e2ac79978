package idle

import "testing"

func TestSummarizeTakesTheSlopeOfEachRound(t *testing.T) {
	r := Row{Rounds: [][]Point{
		{{2000, 9_000_000, 5_000_000}, {10000, 9_800_000, 6_600_000}, {18000, 10_600_000, 8_200_000}},
		{{2000, 9_000_000, 5_000_000}, {10000, 11_400_000, 6_600_000}, {18000, 13_800_000, 8_200_000}},
		{{2000, 9_000_000, 5_000_000}, {10000, 10_600_000, 6_600_000}, {18000, 12_200_000, 8_200_000}},
	}}
	r.summarize()
	if r.Settled.Median != 200 || r.Settled.Min != 200 || r.Settled.Max != 200 || r.Settled.R2 != 1 {
		t.Errorf("settled: %+v, want 200 bytes per connection in every round", r.Settled)
	}
	if r.AsIs.Min != 100 || r.AsIs.Median != 200 || r.AsIs.Max != 300 {
		t.Errorf("as is: %+v, want 100, 200 and 300", r.AsIs)
	}
}

func TestSummarizeWithoutTwoPointsHasNoSlope(t *testing.T) {
	r := Row{Rounds: [][]Point{{{2000, 1, 1}}}}
	r.summarize()
	if r.AsIs.N != 0 || r.Settled.N != 0 {
		t.Errorf("got %+v and %+v, want no slope", r.AsIs, r.Settled)
	}
}
