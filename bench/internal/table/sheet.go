package table

// A run as rows of cells.

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/stats"
)

// Sheet is one run. Columns in which no row has anything are left out.
type Sheet struct {
	Title string
	Heads []string // the first is of the servers' names
	Rows  []Row
}

// Row is one server; it has a cell for each head.
type Row struct {
	Cells     []Cell
	Failed    string // why it failed, with what the server had to say
	Saturated bool   // the generator was the bottleneck
}

// Cell is one figure.
type Cell struct {
	Text    string  // empty when the figure was not taken
	Detail  string  // quartiles and number of rounds, when there are several
	Verdict Verdict // of a ratio
}

// Verdict tells whether a ratio is away from 1 by more than its quartiles and a
// trifle.
type Verdict int

// The verdicts.
const (
	Worse  Verdict = -1
	Equal  Verdict = 0
	Better Verdict = +1
)

// trifle is a difference that nobody decides by.
const trifle = 0.01

// column is a head and what stands below it.
type column struct {
	head string
	cell func(results.Row) Cell
}

// Of makes a sheet of a run.
func Of(run results.Run) Sheet {
	s := Sheet{Title: run.Title()}
	for _, row := range run.Rows {
		s.Rows = append(s.Rows, Row{Failed: row.Err, Saturated: row.Saturated()})
	}
	for _, c := range columns(run) {
		cells := make([]Cell, len(run.Rows))
		for i, row := range run.Rows {
			cells[i] = c.cell(row)
		}
		s.add(c.head, cells)
	}
	return s.Compact()
}

// Compact returns the sheet without the columns in which no row has anything.
func (s Sheet) Compact() Sheet {
	out := Sheet{Title: s.Title, Rows: slices.Clone(s.Rows)}
	for i := range out.Rows {
		out.Rows[i].Cells = nil
	}
	for column, head := range s.Heads {
		var cells []Cell
		for _, row := range s.Rows {
			cells = append(cells, row.Cells[column])
		}
		if slices.ContainsFunc(cells, func(c Cell) bool { return c.Text != "" }) {
			out.add(head, cells)
		}
	}
	return out
}

func (s *Sheet) add(head string, cells []Cell) {
	s.Heads = append(s.Heads, head)
	for i := range s.Rows {
		s.Rows[i].Cells = append(s.Rows[i].Cells, cells[i])
	}
}

func columns(run results.Run) []column {
	list := []column{
		{"server", func(r results.Row) Cell { return Cell{Text: r.Server} }},
		median("req/s", results.Rate), spread(results.Rate),
		median("p50 µs", results.P50), median("p90", results.P90), median("p99", results.P99),
		median("p99.9", results.P999), median("max", results.Max),
		median("CPU µs", results.CPU), spread(results.CPU),
		median("user", results.User), median("system", results.System),
		median("calls", results.Calls), median("allocs", results.Allocs),
		median("lost/M", results.Lost), median("MiB", results.Memory), median("B/conn", results.PerConn),
	}
	for _, m := range Compared(run) {
		for _, base := range m.Bases() {
			list = append(list, ratio(run, m, base))
		}
	}
	for _, name := range extras(run) {
		list = append(list, extra(name))
	}
	return append(list,
		column{"server %", percent(func(r results.Round) float64 { return r.Server })},
		column{"load %", percent(func(r results.Round) float64 { return r.Load })},
		column{Notes, func(r results.Row) Cell { return Cell{Text: strings.Join(notes(r), "; ")} }})
}

// Compared returns the metrics of a run of which ratios are shown: where the rate
// is fixed, latency stands in its place.
func Compared(run results.Run) []results.Metric {
	if run.Point.Rate > 0 {
		return []results.Metric{results.P99, results.CPU, results.PerConn}
	}
	return []results.Metric{results.Rate, results.CPU, results.PerConn}
}

func median(head string, m results.Metric) column {
	return column{head, func(r results.Row) Cell { return figure(m.Summary(r)) }}
}

func figure(s stats.Summary) Cell {
	if s.N == 0 {
		return Cell{}
	}
	return Cell{Text: Figure(s.Median), Detail: detail(s)}
}

// spread shows half the distance between the quartiles, relative to the median.
func spread(m results.Metric) column {
	return column{"±", func(r results.Row) Cell {
		s := m.Summary(r)
		if s.N < 2 || s.Median == 0 {
			return Cell{}
		}
		return Cell{Text: fmt.Sprintf("%.1f %%", 100*(s.Q3-s.Q1)/2/s.Median), Detail: detail(s)}
	}}
}

func detail(s stats.Summary) string {
	if s.N < 2 {
		return ""
	}
	return fmt.Sprintf("quartiles %s and %s of %d rounds", Figure(s.Q1), Figure(s.Q3), s.N)
}

func ratio(run results.Run, m results.Metric, base string) column {
	to := run.Base(base, m)
	return column{m.Name + "/" + base, func(r results.Row) Cell {
		if to == nil {
			return Cell{}
		}
		return Ratio(m, r, *to)
	}}
}

// Ratio shows the ratio of a metric in row to that in base, with three digits
// after the point.
func Ratio(m results.Metric, row, base results.Row) Cell {
	s := m.Ratio(row, base)
	if s.N == 0 {
		return Cell{}
	}
	c := Cell{Text: fmt.Sprintf("%.3f", s.Median), Detail: detail(s)}
	switch {
	case s.N < 2 || math.Abs(s.Median-1) < trifle:
	case s.Q1 > 1:
		c.Verdict = Verdict(m.Better)
	case s.Q3 < 1:
		c.Verdict = Verdict(-m.Better)
	}
	return c
}

// extras returns the names of the figures that only this run's scenario has.
func extras(run results.Run) []string {
	names := map[string]bool{}
	for _, row := range run.Rows {
		for _, round := range row.Rounds {
			for name, value := range round.Extra {
				if value != 0 {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func extra(name string) column {
	return column{name, func(r results.Row) Cell {
		var values []float64
		for _, round := range r.Rounds {
			if v, ok := round.Extra[name]; ok {
				values = append(values, v)
			}
		}
		return figure(stats.Summarize(values))
	}}
}

func percent(of func(results.Round) float64) func(results.Row) Cell {
	share := results.Metric{Of: of}
	return func(r results.Row) Cell {
		s := share.Summary(r)
		if s.N == 0 {
			return Cell{}
		}
		return Cell{Text: fmt.Sprintf("%.0f", 100*s.Median)}
	}
}

func notes(r results.Row) []string {
	var list []string
	if r.Err != "" {
		list = append(list, "FAILED")
	}
	if r.Saturated() {
		list = append(list, "generator saturated")
	}
	return append(list, r.Notes...)
}

// Figure shows a number with three digits, large ones whole.
func Figure(v float64) string {
	switch size := math.Abs(v); {
	case v == 0:
		return "0"
	case size < 0.1:
		return fmt.Sprintf("%.2g", v)
	case size < 1:
		return fmt.Sprintf("%.3f", v)
	case size < 10:
		return fmt.Sprintf("%.2f", v)
	case size < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
