package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// active is how many connections send while the others are idle.
const active = 50

// Most connections are idle: what memory they take, as the slope of the server's
// memory over their number, and what they do to the latency of a few active ones.
var idle = Scenario{
	Name:     "idle",
	About:    "memory per idle connection, and the latency of 50 active ones among them",
	Protocol: always(workload.Echo),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Closed, Conns: active, Size: p.Size}
	},
	Idle: func(p Point) []int {
		n := max(3, p.Conns-active)
		return []int{n / 3, n * 2 / 3, n}
	},
	Apart: true,
	Quick: []Grid{{Conns: []int{3000}, Sizes: []int{64}}},
	Full:  []Grid{{Conns: []int{15_000 + active}, Sizes: []int{64}}},
}
