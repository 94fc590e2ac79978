package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// The same rate for every server, whether or not it keeps up: latencies at equal
// work. The latency of a message counts from when it was due.
var rate = Scenario{
	Name:     "rate",
	About:    "latency at a fixed rate, the same for all: shares of what the slowest server can do",
	Protocol: always(workload.Echo),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Open, Conns: p.Conns, Size: p.Size, Rate: p.Rate}
	},
	Quick: []Grid{{Conns: []int{100}, Sizes: []int{64}, Shares: []float64{0.6}}},
	Full:  []Grid{{Conns: []int{100, 1000}, Sizes: []int{64}, Shares: []float64{0.3, 0.6, 0.9}}},
}
