package compare

// In what unit the two sides of a point are compared.

import "github.com/eddyline/eddyline/bench/internal/results"

// pair is one point on both sides.
type pair struct{ old, new results.Run }

// floors are the rows on both sides that ratios can be taken to, in their order.
func (p pair) floors() []string {
	var names []string
	for _, row := range p.new.Rows {
		was := p.old.Row(row.Server)
		if row.Floor && row.Err == "" && was != nil && was.Floor && was.Err == "" {
			names = append(names, row.Server)
		}
	}
	return names
}

// values returns what is compared: ratios to base within the rounds, or the
// figures if base is empty. A floor is not compared to itself: its figures tell
// how the machine changed.
func (p pair) values(m results.Metric, old, new results.Row) (before, after []float64, base string) {
	if drifts(m) && !new.Floor {
		for _, floor := range p.floors() {
			before, after = m.Ratios(old, *p.old.Row(floor)), m.Ratios(new, *p.new.Row(floor))
			if len(before) > 0 && len(after) > 0 {
				return before, after, floor
			}
		}
	}
	return m.Values(old), m.Values(new), ""
}

// tells reports whether a metric says something of the servers at the point, by
// which chance can be told: latency does only where the rate is fixed, and the rate
// only where it is not; elsewhere one follows from the other. System calls are
// counted once, and the rounds have copies.
func (p pair) tells(m results.Metric) bool {
	switch {
	case m.Name == results.Calls.Name:
		return false
	case m.Name == results.Rate.Name:
		return p.new.Point.Rate == 0
	}
	return p.new.Point.Rate > 0 || !named(results.Latencies, m)
}

// drifts reports whether a slower machine changes the figure. Counts and bytes
// are what they are.
func drifts(m results.Metric) bool {
	return named(results.Latencies, m) || named([]results.Metric{results.Rate, results.CPU, results.User, results.System}, m)
}
