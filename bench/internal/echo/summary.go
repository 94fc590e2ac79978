package echo

// What the samples of a point amount to.

import "github.com/eddyline/eddyline/bench/internal/stats"

// Sample is what one round gave for one server.
type Sample struct {
	Round     int     `json:"round"`
	Messages  uint64  `json:"messages"`
	Seconds   float64 `json:"seconds"`
	CPU       float64 `json:"cpu"`       // the server's processor time per message, microseconds
	UserShare float64 `json:"user"`      // share of CPU spent in user mode, 0 when the server does not tell
	Allocs    float64 `json:"allocs"`    // objects allocated per message
	Counted   bool    `json:"counted"`   // whether the server tells its allocations
	Server    float64 `json:"server"`    // share of its core that the server used
	Load      float64 `json:"load"`      // share of its core that the load generator used
	Disturbed float64 `json:"disturbed"` // share of the time in which server or generator waited for a core that something else had
	Retries   int     `json:"retries"`   // windows thrown away because something disturbed them
}

// Row is one server at one point.
type Row struct {
	Server  string   `json:"server"`
	Floor   bool     `json:"floor,omitempty"`
	Again   string   `json:"again,omitempty"` // the server of which this one is a second copy
	Samples []Sample `json:"samples"`
	Err     string   `json:"error,omitempty"` // why there are no further samples

	CPU   stats.Summary `json:"cpu"`   // microseconds per message
	Ratio stats.Summary `json:"ratio"` // of CPU to the base's, round by round
	Base  string        `json:"base"`  // what Ratio is to: the cheapest floor, or the original of a second copy
}

// Result is one point of the grid.
type Result struct {
	Point
	Rows []Row `json:"rows"`
}

// Median returns the median over a row's samples of what field returns.
func (r *Row) Median(field func(Sample) float64) float64 {
	values := make([]float64, len(r.Samples))
	for i, s := range r.Samples {
		values[i] = field(s)
	}
	return stats.Median(values)
}

// byRound returns the row's cost by round, 0 where there is none.
func (r *Row) byRound(rounds int) []float64 {
	values := make([]float64, rounds)
	for _, s := range r.Samples {
		values[s.Round] = s.CPU
	}
	return values
}

// summarize fills in the rows' figures over so many rounds.
func (r *Result) summarize(rounds int) {
	for i := range r.Rows {
		var costs []float64
		for _, s := range r.Rows[i].Samples {
			costs = append(costs, s.CPU)
		}
		r.Rows[i].CPU = stats.Summarize(costs)
	}
	base := r.cheapest()
	for i := range r.Rows {
		row := &r.Rows[i]
		to := base
		if row.Again != "" {
			to = r.row(row.Again)
		}
		if to == nil {
			continue
		}
		row.Base = to.Server
		row.Ratio = stats.Summarize(stats.Ratios(row.byRound(rounds), to.byRound(rounds)))
	}
}

// cheapest returns the floor with the lowest median, nil when no floor has one.
func (r *Result) cheapest() *Row {
	var best *Row
	for i := range r.Rows {
		row := &r.Rows[i]
		if !row.Floor || row.CPU.N == 0 {
			continue
		}
		if best == nil || row.CPU.Median < best.CPU.Median {
			best = row
		}
	}
	return best
}

func (r *Result) row(server string) *Row {
	for i := range r.Rows {
		if r.Rows[i].Server == server {
			return &r.Rows[i]
		}
	}
	return nil
}
