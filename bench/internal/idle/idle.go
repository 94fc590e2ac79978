// Package idle measures what an idle connection costs a server in memory: the
// slope of the server's anonymous resident memory over the number of its
// connections. The kernel's share, which is the same for all, is not in it.
package idle

import "github.com/eddyline/eddyline/bench/internal/stats"

// Point is a server's memory at one number of connections.
type Point struct {
	Conns   int   `json:"conns"`
	AsIs    int64 `json:"as_is"`   // anonymous resident bytes, garbage and free memory included
	Settled int64 `json:"settled"` // the same after a collection that returned free memory to the system
}

// Row is one server.
type Row struct {
	Server  string    `json:"server"`
	Again   string    `json:"again,omitempty"` // the server of which this one is a second copy
	Rounds  [][]Point `json:"rounds"`
	Err     string    `json:"error,omitempty"` // why there are no further rounds
	AsIs    Slope     `json:"as_is"`
	Settled Slope     `json:"settled"`
}

// Slope is bytes per connection over the rounds.
type Slope struct {
	stats.Summary
	R2 float64 `json:"r2"` // the worst fit of a round
}

func (r *Row) summarize() {
	r.AsIs = slope(r.Rounds, func(p Point) int64 { return p.AsIs })
	r.Settled = slope(r.Rounds, func(p Point) int64 { return p.Settled })
}

func slope(rounds [][]Point, bytes func(Point) int64) Slope {
	worst := 1.0
	var slopes []float64
	for _, points := range rounds {
		var x, y []float64
		for _, p := range points {
			x = append(x, float64(p.Conns))
			y = append(y, float64(bytes(p)))
		}
		if line, ok := stats.Fit(x, y); ok {
			slopes = append(slopes, line.Slope)
			worst = min(worst, line.R2)
		}
	}
	return Slope{stats.Summarize(slopes), worst}
}
