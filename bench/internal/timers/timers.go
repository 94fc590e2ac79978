// Package timers measures what re-arming one of very many timers costs: the
// engine's against those of package time.
package timers

import "github.com/eddyline/eddyline/bench/internal/stats"

// Kind is whose timers are measured.
type Kind string

// The kinds. All lists them in the order in which they take turns.
const (
	Standard Kind = "time.Timer"
	Engine   Kind = "loop.Timer"
	Again    Kind = "time.Timer again" // a second copy, to show how far equals differ
)

// All lists the kinds in the order in which they take turns.
var All = []Kind{Standard, Engine, Again}

// Pattern is how deadlines move.
type Pattern string

const (
	// Pushed moves each deadline back, by the same time from now, as an idle
	// timeout does with every message. None of them comes near. Timers are visited
	// in random order: what one visit costs is mostly the memory's doing.
	Pushed Pattern = "pushed back, random order"
	// InOrder is Pushed in the order in which the timers were made, which the
	// processor's caches foresee: what the call itself costs.
	InOrder Pattern = "pushed back, in order"
	// Mixed moves deadlines both ways, far in the future.
	Mixed Pattern = "moved both ways, random order"
	// Passing pushes short deadlines back before they fire, so that the places
	// where timers waited before are passed: what a cheap Reset left for later is
	// in the figure.
	Passing Pattern = "pushed back, random order, old deadlines passing"
)

// Patterns lists the patterns.
var Patterns = []Pattern{Pushed, InOrder, Mixed, Passing}

// Sample is what one process measured.
type Sample struct {
	NS     float64 `json:"ns"`     // processor time of the whole process per re-arm, nanoseconds
	Allocs float64 `json:"allocs"` // objects allocated per re-arm
	Rearms int     `json:"rearms"`
	Fired  int     `json:"fired"` // timers that fired although they were to be re-armed first
}

// Row is one kind under one pattern.
type Row struct {
	Kind    Kind          `json:"kind"`
	Pattern Pattern       `json:"pattern"`
	Samples []Sample      `json:"samples"`
	Err     string        `json:"error,omitempty"`
	NS      stats.Summary `json:"ns"`
	Allocs  stats.Summary `json:"allocs"`
	Ratio   stats.Summary `json:"ratio"` // of NS to the standard timers', round by round
}

// summarize fills in the figures of the rows of one pattern.
func summarize(rows []Row) {
	cost := func(r Row) (all, allocs []float64) {
		for _, s := range r.Samples {
			all, allocs = append(all, s.NS), append(allocs, s.Allocs)
		}
		return all, allocs
	}
	var base []float64
	for i := range rows {
		ns, allocs := cost(rows[i])
		rows[i].NS, rows[i].Allocs = stats.Summarize(ns), stats.Summarize(allocs)
		if rows[i].Kind == Standard {
			base = ns
		}
		rows[i].Ratio = stats.Summarize(stats.Ratios(ns, base))
	}
}

// Fired returns how many timers fired although they were to be re-armed first:
// more than a few mean that the machine was too slow for the pattern.
func (r *Row) Fired() int {
	n := 0
	for _, s := range r.Samples {
		n += s.Fired
	}
	return n
}
