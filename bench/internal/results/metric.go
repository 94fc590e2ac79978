package results

// The figures by name, and what they are compared to.

import (
	"math"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/stats"
)

// Metric names one figure of a round.
type Metric struct {
	Name   string // as a column's head
	Unit   string
	Better int                 // +1 when more is better, -1 when less is, 0 when neither
	Of     func(Round) float64 // 0 also where the figure was not taken

	taken func(Round) bool // whether a figure of 0 was taken; nil: never
}

// The metrics of every scenario.
var (
	Rate    = Metric{"rate", "req/s", +1, Round.Rate, func(r Round) bool { return r.Seconds > 0 }}
	P50     = Metric{"p50", "µs", -1, latency(func(l *Latency) int64 { return l.P50 }), nil}
	P90     = Metric{"p90", "µs", -1, latency(func(l *Latency) int64 { return l.P90 }), nil}
	P99     = Metric{"p99", "µs", -1, latency(func(l *Latency) int64 { return l.P99 }), nil}
	P999    = Metric{"p99.9", "µs", -1, latency(func(l *Latency) int64 { return l.P999 }), nil}
	Max     = Metric{"max", "µs", -1, latency(func(l *Latency) int64 { return l.Max }), nil}
	CPU     = Metric{"CPU", "µs/req", -1, func(r Round) float64 { return r.CPUUS }, nil}
	User    = Metric{"user", "µs/req", -1, func(r Round) float64 { return r.UserUS }, Round.divided}
	System  = Metric{"system", "µs/req", -1, func(r Round) float64 { return r.SystemUS }, Round.divided}
	Calls   = Metric{"calls", "per req", -1, func(r Round) float64 { return r.Calls }, nil}
	Allocs  = Metric{"allocs", "per req", -1, func(r Round) float64 { return r.Allocs }, func(r Round) bool { return r.Counted }}
	Lost    = Metric{"lost", "per million", -1, Round.LostPerMillion, func(r Round) bool { return r.Datagrams > 0 }}
	Memory  = Metric{"memory", "MiB", -1, func(r Round) float64 { return float64(r.Anonymous) / (1 << 20) }, nil}
	PerConn = Metric{"per conn", "bytes", -1, func(r Round) float64 { return r.PerConn }, nil}
)

// Metrics are all of them, in the order of the columns.
var Metrics = []Metric{Rate, P50, P90, P99, P999, Max, CPU, User, System, Calls, Allocs, Lost, Memory, PerConn}

// Latencies are those that tell how long a request took.
var Latencies = []Metric{P50, P90, P99, P999, Max}

// Main are those that a glance shows.
var Main = []Metric{Rate, P99, CPU, PerConn}

// divided reports whether the processor time was divided into user and system:
// then one of them may be less than a tick of the clock, which is 0.
func (r Round) divided() bool { return r.CPUUS > 0 && r.UserUS+r.SystemUS > 0 }

// Latencies in microseconds of rounds that have them.
func latency(of func(*Latency) int64) func(Round) float64 {
	return func(r Round) float64 {
		if r.Latency == nil {
			return 0
		}
		return float64(of(r.Latency)) / 1e3
	}
}

// value returns a round's figure, and whether it was taken.
func (m Metric) value(r Round) (float64, bool) {
	v := m.Of(r)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return v, v != 0 || m.taken != nil && m.taken(r)
}

// Values returns a metric's figures of a row, one for each round in which it was
// taken.
func (m Metric) Values(row Row) []float64 {
	var values []float64
	for _, r := range row.Rounds {
		if v, ok := m.value(r); ok {
			values = append(values, v)
		}
	}
	return values
}

// Summary describes a metric's figures of a row over the rounds.
func (m Metric) Summary(row Row) stats.Summary { return stats.Summarize(m.Values(row)) }

// Ratio describes the Ratios of a metric. N is 0 if there are none.
func (m Metric) Ratio(row, base Row) stats.Summary { return stats.Summarize(m.Ratios(row, base)) }

// Ratios returns the ratios of a metric in row to that in base, one for each round
// that both have: what slowed a whole round cancels out.
func (m Metric) Ratios(row, base Row) []float64 {
	at := map[int]float64{}
	for _, r := range base.Rounds {
		at[r.Round], _ = m.value(r)
	}
	var ratios []float64
	for _, r := range row.Rounds {
		v, ok := m.value(r)
		if to := at[r.Round]; ok && to != 0 {
			ratios = append(ratios, v/to)
		}
	}
	return ratios
}

// better reports whether a is better than b.
func (m Metric) better(a, b float64) bool { return float64(m.Better)*(a-b) > 0 }

// The names of servers that play a part of their own in reports.
const (
	Eddyline = "eddyline"
	Floor    = "floor" // the rows that are marked as floors
	Level    = "floor-level"
	Gnet     = "gnet"
	Net      = "net"
)

// Bases returns those that a metric is compared to, in the order of the columns.
// The cost also is to the level-triggered floor, whichever of the floors is the
// better: that is what the engine is to come close to.
func (m Metric) Bases() []string {
	if m.Name == CPU.Name {
		return []string{Floor, Level, Gnet, Net}
	}
	return []string{Floor, Gnet, Net}
}

// Base returns the row that ratios of metric m to base are taken to: of the floors,
// or of a server's variants ("gnet", "gnet-tuned"), the one with the best median
// that did not fail. It is nil when there is none.
func (r *Run) Base(base string, m Metric) *Row {
	var best *Row
	var median float64
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Err != "" || !row.Is(base) {
			continue
		}
		s := m.Summary(*row)
		if s.N > 0 && (best == nil || m.better(s.Median, median)) {
			best, median = row, s.Median
		}
	}
	return best
}

// Is reports whether the row is of a server or of a variant of it: "gnet-tuned" is
// one of "gnet".
func (r Row) Is(server string) bool {
	if server == Floor {
		return r.Floor
	}
	return r.Server == server || strings.HasPrefix(r.Server, server+"-")
}

// Saturated reports whether the generator was the bottleneck in half of the
// rounds or more.
func (r Row) Saturated() bool {
	n := 0
	for _, round := range r.Rounds {
		if round.Saturated {
			n++
		}
	}
	return n > 0 && 2*n >= len(r.Rounds)
}
