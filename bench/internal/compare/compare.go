// Package compare tells what changed between two results beyond noise.
//
// Figures that a slower machine changes, as rates and times, are compared as ratios
// to the floor within each round, in which the machine's drift cancels out; where
// both results do not have the same floor, and for counts and bytes, as they are.
//
// A change counts when the Mann-Whitney U test finds the rounds of the two sides
// different at p < Alpha. Servers are judged by few of the figures, and only in the
// rows of this engine: there it is a regression when it is for the worse by more
// than Effect, and the one-sided test still says so when it is corrected for the
// number of such comparisons by Holm's method. The rows of others show how far the
// measurement itself is to be believed.
package compare

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"

	"github.com/eddyline/eddyline/bench/internal/results"
	summary "github.com/eddyline/eddyline/bench/internal/stats"
	"github.com/eddyline/eddyline/bench/internal/table"
)

const (
	Alpha    = 0.05 // a probability below it is significant
	Effect   = 3.0  // percent by which a regression is for the worse, at least
	sameRate = 2.0  // percent by which fixed rates may differ and still be taken for the same
)

// Change is what two results have to say about one metric of one row, or a note
// on what could not be compared or only with care.
type Change struct {
	Run    string // its title; empty in a note on the whole
	Server string // empty in a note on the run or the whole
	Metric results.Metric
	Base   string // the floor that Old and New are ratios to; empty if they are figures

	Old, New    summary.Summary
	Percent     float64 // of New's median to Old's; NaN when Old's is 0
	P           float64 // probability of such a difference between equals
	TooFew      bool    // P cannot get below Alpha with so few rounds, however they differ
	Significant bool    // P is below Alpha
	Worse       bool    // it is significant, and for the worse
	Regression  bool

	Judged    bool    // it may be a regression
	Corrected float64 // of a judged one: probability of so much worse among all that are judged
	Undecided bool    // Corrected cannot get below Alpha with so few rounds, however they differ

	Note string // all there is, besides Run, Server and Regression, if it is not empty

	worse float64 // of a judged one: probability of so much worse
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
	judge(changes)
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
	p := pair{old, new}
	if len(new.Rows) > 0 && len(p.floors()) == 0 {
		changes = append(changes, Change{Run: title, Note: "no floor in both: figures are compared as they are, and a slower machine looks like a slower server"})
	}
	before := index(old.Rows, rowKey)
	for k, row := range keyed(new.Rows, rowKey) {
		was, ok := before[k]
		if !ok {
			changes = append(changes, Change{Run: title, Server: row.Server, Note: "only in the new results"})
			continue
		}
		for _, c := range p.compareRows(was, row) {
			c.Run, c.Server = title, row.Server
			c.Judged = c.Judged && fair
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

func (p pair) compareRows(old, new results.Row) []Change {
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
		note(false, "version %s before, %s now", cmp.Or(old.Version, "none"), cmp.Or(new.Version, "none"))
	}
	if old.Saturated() != new.Saturated() {
		note(false, "the generator was the bottleneck on one side alone")
	}
	if was, is := results.Calls.Summary(old).Median, results.Calls.Summary(new).Median; was > 0 && is > 0 && math.Abs(percent(was, is)) > Effect {
		note(false, "system calls per request: %s before, %s now, each counted once", table.Figure(was), table.Figure(is))
	}
	for _, m := range results.Metrics {
		if !p.tells(m) {
			continue
		}
		c, err := p.compareMetric(m, old, new)
		switch {
		case err != nil:
			note(false, "%s: %v", m.Name, err)
		case c.Old.N > 0:
			c.Judged = own && named(table.Compared(p.new), m)
			changes = append(changes, c)
		}
	}
	return changes
}

func named(list []results.Metric, m results.Metric) bool {
	return slices.ContainsFunc(list, func(other results.Metric) bool { return other.Name == m.Name })
}

// compareMetric returns a Change without rounds if neither side has any, and an
// error if one side alone has.
func (p pair) compareMetric(m results.Metric, old, new results.Row) (Change, error) {
	before, after, base := p.values(m, old, new)
	c := Change{Metric: m, Base: base, Old: summary.Summarize(before), New: summary.Summarize(after), P: 1, worse: 1}
	switch {
	case len(before) == 0 && len(after) == 0:
		return c, nil
	case len(before) == 0:
		return c, errors.New("only in the new results")
	case len(after) == 0:
		return c, errors.New("only in the old results")
	}
	c.Percent = percent(c.Old.Median, c.New.Median)
	c.TooFew = 2*leastP(len(before), len(after)) >= Alpha
	test, err := stats.MannWhitneyUTest(before, after, stats.LocationDiffers)
	if errors.Is(err, stats.ErrSamplesEqual) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	c.P = test.P
	c.Significant = c.P < Alpha
	c.Worse = c.Significant && float64(m.Better)*(c.New.Median-c.Old.Median) < 0
	c.worse, err = probabilityOfWorse(m, before, after)
	return c, err
}

func probabilityOfWorse(m results.Metric, old, new []float64) (float64, error) {
	worse := stats.LocationLess // of the old, where less is better
	if m.Better > 0 {
		worse = stats.LocationGreater
	}
	test, err := stats.MannWhitneyUTest(old, new, worse)
	if err != nil {
		return 1, err
	}
	return test.P, nil
}

// percent returns by how much new is away from old, NaN if old is 0.
func percent(old, new float64) float64 {
	if old == 0 {
		return math.NaN()
	}
	return 100 * (new - old) / old
}

// leastP returns the smallest probability that the one-sided U test can give to
// samples of these sizes: that of the one order in which every value of one is
// below every value of the other.
func leastP(n, m int) float64 {
	orders := 1.0 // n+m over n
	for i := range n {
		orders = orders * float64(m+i+1) / float64(i+1)
	}
	return 1 / orders
}
