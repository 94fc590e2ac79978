package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

const (
	active = 50   // connections that send while the others are idle
	sloped = 1000 // idle ones from which on their memory shows
)

// Most connections are idle: what memory they take, as the slope of the server's
// memory over their number, and what they do to the latency of a few active ones.
var idle = Scenario{
	Name:     "idle",
	About:    "memory per idle connection, and the latency of 50 active ones among them",
	Protocol: always(workload.Echo),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Closed, Conns: min(active, p.Conns), Size: p.Size}
	},
	Idle: func(p Point) []int {
		n := max(0, p.Conns-active)
		if n < sloped {
			return []int{n}
		}
		return []int{n / 3, n * 2 / 3, n}
	},
	Apart: true,
	Quick: []Grid{{Conns: []int{3000 + active}, Sizes: []int{64}}},
	Full:  []Grid{{Conns: []int{15_000 + active}, Sizes: []int{64}}},
}
