// Package compare tells what changed between two results beyond noise.
//
// A change counts when the Mann-Whitney U test finds the rounds of the two sides
// different at p < Alpha. It is a regression when it also is for the worse by
// more than Threshold, in one of the metrics that servers are judged by, in a row
// of this engine: the rows of others and of the floor show how far the machine
// itself changed.
package compare

import (
	"errors"
	"fmt"
	"math"

	"github.com/aclements/go-moremath/stats"

	"github.com/eddyline/eddyline/bench/internal/results"
	summary "github.com/eddyline/eddyline/bench/internal/stats"
)

const (
	Alpha     = 0.05 // a probability below it is significant
	Threshold = 1.0  // percent by which a regression is for the worse
	sameRate  = 2.0  // percent by which fixed rates may differ and still be taken for the same
)

// Change is what two results have to say about one metric of one row, or a note
// on what could not be compared or only with care.
type Change struct {
	Run    string // its title; empty in a note on the whole
	Server string // empty in a note on the run or the whole
	Metric results.Metric

	Old, New    summary.Summary
	Percent     float64 // of New's median to Old's; NaN when Old's is 0
	P           float64 // probability of such a difference between equals
	TooFew      bool    // P cannot get below Alpha with so few rounds, however they differ
	Significant bool    // P is below Alpha
	Worse       bool    // it is significant, and for the worse
	Regression  bool

	Note string // all there is, besides Run, Server and Regression, if it is not empty
}

// Documents compares old and new: first notes on the whole, then, in the order of
// new, the metrics that a row has on both sides, and what is on one side alone.
func Documents(old, new *results.Document) ([]Change, error) {
	if old == nil || new == nil {
		return nil, errors.New("compare: results are missing")
	}
	changes := notes(old, new)
	before := index(old.Runs, runKey)
	for k, run := range keyed(new.Runs, runKey) {
		was, ok := before[k]
		if !ok {
			changes = append(changes, Change{Run: run.Title(), Note: "only in the new results"})
			continue
		}
		changes = append(changes, compareRuns(was, run)...)
	}
	after := index(new.Runs, runKey)
	for k, run := range keyed(old.Runs, runKey) {
		if _, ok := after[k]; !ok {
			changes = append(changes, Change{Run: run.Title(), Note: "only in the old results"})
		}
	}
	return changes, nil
}

// Regressed reports whether any of the changes is a regression.
func Regressed(changes []Change) bool {
	for _, c := range changes {
		if c.Regression {
			return true
		}
	}
	return false
}

func compareRuns(old, new results.Run) []Change {
	title := new.Title()
	var changes []Change
	fair := math.Abs(new.Point.Rate-old.Point.Rate) <= sameRate/100*old.Point.Rate
	if !fair {
		changes = append(changes, Change{Run: title, Note: fmt.Sprintf("at %.0f per second before: another load, so that nothing here counts as a regression", old.Point.Rate)})
	}
	before := index(old.Rows, rowKey)
	for k, row := range keyed(new.Rows, rowKey) {
		was, ok := before[k]
		if !ok {
			changes = append(changes, Change{Run: title, Server: row.Server, Note: "only in the new results"})
			continue
		}
		for _, c := range compareRows(was, row) {
			c.Run, c.Server = title, row.Server
			c.Regression = c.Regression && fair
			changes = append(changes, c)
		}
	}
	after := index(new.Rows, rowKey)
	for k, row := range keyed(old.Rows, rowKey) {
		if _, ok := after[k]; !ok {
			changes = append(changes, Change{Run: title, Server: row.Server, Note: "only in the old results"})
		}
	}
	return changes
}

func compareRows(old, new results.Row) []Change {
	var changes []Change
	note := func(regression bool, format string, args ...any) {
		changes = append(changes, Change{Note: fmt.Sprintf(format, args...), Regression: regression})
	}
	own := new.Is(results.Eddyline)
	switch {
	case old.Err != "" && new.Err != "":
		note(false, "failed in both")
	case old.Err != "":
		note(false, "had failed, and no longer does")
	case new.Err != "":
		note(own, "fails now")
	}
	if old.Version != new.Version {
		note(false, "version %s before, %s now", orNone(old.Version), orNone(new.Version))
	}
	if old.Saturated() != new.Saturated() {
		note(false, "the generator was the bottleneck on one side alone")
	}
	for _, m := range results.Metrics {
		c, err := compareMetric(m, m.Values(old), m.Values(new))
		switch {
		case err != nil:
			note(false, "%s: %v", m.Name, err)
		case c.Old.N > 0:
			c.Regression = own && c.Worse && main(m) && math.Abs(c.Percent) > Threshold
			changes = append(changes, c)
		}
	}
	return changes
}

func main(m results.Metric) bool {
	for _, judged := range results.Main {
		if judged.Name == m.Name {
			return true
		}
	}
	return false
}

// compareMetric returns a Change without rounds if neither side has any, and an
// error if one side alone has.
func compareMetric(m results.Metric, old, new []float64) (Change, error) {
	c := Change{Metric: m, Old: summary.Summarize(old), New: summary.Summarize(new), P: 1}
	switch {
	case len(old) == 0 && len(new) == 0:
		return c, nil
	case len(old) == 0:
		return c, errors.New("only in the new results")
	case len(new) == 0:
		return c, errors.New("only in the old results")
	}
	c.Percent = percent(c.Old.Median, c.New.Median)
	c.TooFew = leastP(len(old), len(new)) >= Alpha
	test, err := stats.MannWhitneyUTest(old, new, stats.LocationDiffers)
	switch {
	case errors.Is(err, stats.ErrSamplesEqual):
		return c, nil
	case err != nil:
		return c, err
	}
	c.P = test.P
	c.Significant = c.P < Alpha
	c.Worse = c.Significant && float64(m.Better)*(c.New.Median-c.Old.Median) < 0
	return c, nil
}

// percent returns by how much new is away from old, NaN if old is 0.
func percent(old, new float64) float64 {
	if old == 0 {
		return math.NaN()
	}
	return 100 * (new - old) / old
}

// leastP returns the smallest probability that the U test can give to samples of
// these sizes: that of the two orders in which every value of one is below
// every value of the other.
func leastP(n, m int) float64 {
	orders := 1.0 // n+m over n
	for i := range n {
		orders = orders * float64(m+i+1) / float64(i+1)
	}
	return min(1, 2/orders)
}

func orNone(version string) string {
	if version == "" {
		return "none"
	}
	return version
}
