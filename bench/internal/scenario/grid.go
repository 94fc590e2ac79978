package scenario

// Where in a scenario is measured.

import (
	"fmt"
	"slices"
)

// Grid is every combination of its values. A dimension without values does not
// apply.
type Grid struct {
	Conns     []int
	Sizes     []int // bytes per message
	Pipelines []int // messages outstanding per connection
	Rates     []float64
	Shares    []float64 // instead of Rates: shares of the slowest server's maximum
	Variants  []string
}

const (
	spare = 64      // descriptors that a process needs besides its connections
	most  = 100_000 // connections: as many as descriptors allow, but not so many that only memory is measured
	grain = 100     // numbers of connections that are reduced are multiples of it
)

// Points returns the points of grids, each once, in their order. Values of instead
// replace those of the dimensions that a grid has. A process may have files
// descriptors: more connections than that leaves room for are reduced in grids to
// a round number that fits and an error in instead.
func Points(grids []Grid, instead Grid, files int) ([]Point, error) {
	room := files - spare
	for _, n := range instead.Conns {
		if n > room {
			return nil, fmt.Errorf("-conns %d: a process may have %d descriptors here, which is enough for %d connections; raise the hard limit (ulimit -Hn) for more", n, files, room)
		}
	}
	var points []Point
	for _, g := range grids {
		for _, p := range g.replace(instead).points() {
			if p.Conns > room {
				p.Conns = max(room-room%grain, min(room, grain))
			}
			if !slices.Contains(points, p) {
				points = append(points, p)
			}
		}
	}
	return points, nil
}

func (g Grid) replace(by Grid) Grid {
	if len(by.Rates) > 0 && len(g.Rates)+len(g.Shares) > 0 {
		g.Rates, g.Shares = by.Rates, nil
	}
	swap(&g.Conns, by.Conns)
	swap(&g.Sizes, by.Sizes)
	swap(&g.Pipelines, by.Pipelines)
	return g
}

func swap(old *[]int, by []int) {
	if len(*old) > 0 && len(by) > 0 {
		*old = by
	}
}

func (g Grid) points() []Point {
	list := []Point{{}}
	list = cross(list, g.Variants, func(p *Point, v string) { p.Variant = v })
	list = cross(list, g.Sizes, func(p *Point, n int) { p.Size = n })
	list = cross(list, g.Pipelines, func(p *Point, n int) { p.Pipeline = n })
	list = cross(list, g.Conns, func(p *Point, n int) { p.Conns = n })
	list = cross(list, g.Rates, func(p *Point, r float64) { p.Rate = r })
	return cross(list, g.Shares, func(p *Point, s float64) {
		p.Share = s
		p.Variant = fmt.Sprintf("%.0f %%", 100*s)
	})
}

// cross returns every point of list with every value; no values leave it.
func cross[V any](list []Point, values []V, set func(*Point, V)) []Point {
	if len(values) == 0 {
		return list
	}
	var out []Point
	for _, p := range list {
		for _, v := range values {
			set(&p, v)
			out = append(out, p)
		}
	}
	return out
}

// Unused returns the flags of those dimensions of instead that none of the grids
// has.
func Unused(grids []Grid, instead Grid) []string {
	var conns, size, pipeline, rate bool
	for _, g := range grids {
		conns = conns || len(g.Conns) > 0
		size = size || len(g.Sizes) > 0
		pipeline = pipeline || len(g.Pipelines) > 0
		rate = rate || len(g.Rates)+len(g.Shares) > 0
	}
	var flags []string
	for _, d := range []struct {
		flag      string
		set, used bool
	}{
		{"-conns", len(instead.Conns) > 0, conns},
		{"-size", len(instead.Sizes) > 0, size},
		{"-pipeline", len(instead.Pipelines) > 0, pipeline},
		{"-rate", len(instead.Rates) > 0, rate},
	} {
		if d.set && !d.used {
			flags = append(flags, d.flag)
		}
	}
	return flags
}
