package report

// Runs that differ in one coordinate.

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// axis is a coordinate of the points by which runs are put in a row.
type axis struct {
	name, title string
	of          func(results.Point) int
	without     func(results.Point) results.Point // the point without the coordinate
	label       func(float64) string
}

var connections = axis{
	"conns", "connections",
	func(p results.Point) int { return p.Conns },
	func(p results.Point) results.Point { p.Conns = 0; return p },
	short,
}

var axes = []axis{
	connections,
	{
		"size", "bytes per message",
		func(p results.Point) int { return p.Size },
		func(p results.Point) results.Point { p.Size = 0; return p },
		size,
	},
	{
		"pipeline", "messages outstanding on each connection",
		func(p results.Point) int { return p.Pipeline },
		func(p results.Point) results.Point { p.Pipeline = 0; return p },
		short,
	},
}

// series is runs that differ in one coordinate alone, ascending in it.
type series struct {
	axis axis
	runs []results.Run
}

// seriesOf finds the series in a scenario's runs; those with more than two points
// if there are any. At a fixed rate there are none: it follows from the point.
func seriesOf(runs []results.Run) []series {
	var all []series
	for _, a := range axes {
		by := map[results.Point][]results.Run{}
		var order []results.Point
		for _, run := range runs {
			if run.Point.Rate > 0 || a.of(run.Point) <= 0 {
				continue
			}
			rest := a.without(run.Point)
			if by[rest] == nil {
				order = append(order, rest)
			}
			by[rest] = append(by[rest], run)
		}
		for _, rest := range order {
			same := func(x, y results.Run) int { return cmp.Compare(a.of(x.Point), a.of(y.Point)) }
			slices.SortStableFunc(by[rest], same)
			distinct := slices.CompactFunc(by[rest], func(x, y results.Run) bool { return same(x, y) == 0 })
			all = append(all, series{a, distinct})
		}
	}
	for _, least := range []int{3, 2} {
		long := slices.DeleteFunc(slices.Clone(all), func(s series) bool { return len(s.runs) < least })
		if len(long) > 0 {
			return long
		}
	}
	return nil
}

// where says what the runs of a series have in common.
func (s series) where() string {
	return results.Run{Scenario: s.runs[0].Scenario, Point: s.axis.without(s.runs[0].Point)}.Title()
}

func (s series) file(what string) string {
	return fmt.Sprintf("%s by %s %s", s.where(), s.axis.name, what)
}

// usual are the numbers of connections at which a series over them shows latencies:
// with more, each waits for the others, and the latency follows from their number.
var usual = []int{100, 1000}

// telling returns the runs of which latencies are shown; the last if none of the
// usual ones is there.
func (s series) telling() []results.Run {
	runs := slices.DeleteFunc(slices.Clone(s.runs), func(r results.Run) bool { return !slices.Contains(usual, s.axis.of(r.Point)) })
	if len(runs) == 0 {
		return s.runs[len(s.runs)-1:]
	}
	return runs
}
