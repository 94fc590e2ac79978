package echo

import (
	"math"
	"testing"
	"time"
)

// row is a server that cost so much, round by round; 0 is a round without a
// sample.
func row(name string, costs ...float64) Row {
	r := Row{Server: name}
	for i, c := range costs {
		if c != 0 {
			r.Samples = append(r.Samples, Sample{Round: i, CPU: c})
		}
	}
	return r
}

func floorRow(name string, costs ...float64) Row {
	r := row(name, costs...)
	r.Floor = true
	return r
}

func TestRatioIsToTheCheapestFloorRoundByRound(t *testing.T) {
	again := row("again", 5, 10, 5)
	again.Again = "level"
	r := Result{Rows: []Row{
		floorRow("level", 5, 8, 5),
		floorRow("edge", 4, 8, 4),
		again,
		row("engine", 4.4, 8.8, 8),
	}}
	r.summarize(3)
	for _, tt := range []struct {
		row   int
		base  string
		ratio float64
	}{{0, "edge", 1.25}, {1, "edge", 1}, {2, "level", 1}, {3, "edge", 1.1}} {
		got := r.Rows[tt.row]
		if got.Base != tt.base || math.Abs(got.Ratio.Median-tt.ratio) > 1e-9 {
			t.Errorf("%s: %.3f to %s, want %.3f to %s", got.Server, got.Ratio.Median, got.Base, tt.ratio, tt.base)
		}
	}
	if got := r.Rows[3].Ratio.Max; got != 2 {
		t.Errorf("the worst round is %v, want 2", got)
	}
}

func TestRoundsThatAreMissingDoNotShiftTheOthers(t *testing.T) {
	r := Result{Rows: []Row{floorRow("floor", 1, 0, 3), row("engine", 2, 2, 6)}}
	r.summarize(3)
	if got := r.Rows[1].Ratio; got.N != 2 || got.Min != 2 || got.Max != 2 {
		t.Errorf("ratio %+v, want 2 in the two rounds that both have", got)
	}
}

func TestWithoutAFloorThereIsNoRatio(t *testing.T) {
	failed := floorRow("floor")
	failed.Err = "it failed"
	r := Result{Rows: []Row{failed, row("engine", 2, 2)}}
	r.summarize(2)
	if got := r.Rows[1]; got.Ratio.N != 0 || got.Base != "" || got.CPU.Median != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestSampleAddsWindows(t *testing.T) {
	var sum window
	sum.add(window{wall: time.Second, messages: 1000, server: 4 * time.Millisecond, load: 100 * time.Millisecond, mallocs: 1, user: 1, sys: 3, counted: true})
	sum.add(window{wall: time.Second, messages: 3000, server: 8 * time.Millisecond, load: 300 * time.Millisecond, waited: 200 * time.Millisecond, mallocs: 1, user: 1, sys: 3, counted: true})
	got := sum.sample(5)
	want := Sample{Round: 5, Messages: 4000, Seconds: 2, CPU: 3, UserShare: 0.25, Allocs: 0.0005, Counted: true, Server: 0.006, Load: 0.2, Disturbed: 0.1}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPointString(t *testing.T) {
	for p, want := range map[Point]string{
		{1, 64, 1}:     "1 connection, 64 bytes, 1 outstanding",
		{2000, 1, 16}:  "2000 connections, 1 byte, 16 outstanding",
		{100, 4096, 4}: "100 connections, 4096 bytes, 4 outstanding",
	} {
		if p.String() != want {
			t.Errorf("%q, want %q", p.String(), want)
		}
	}
}
