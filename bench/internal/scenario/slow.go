package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Most connections send and do not read the replies: what the server keeps for
// them, and how the others fare meanwhile.
var slow = Scenario{
	Name:     "slow",
	About:    "1,000 connections that do not read, and some that do: memory, and the latency of the latter",
	Protocol: always(workload.Echo),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Slow, Conns: p.Conns, SlowConns: 1000, Size: p.Size}
	},
	Apart:  true,
	Unread: true,
	Quick:  []Grid{{Conns: []int{100}, Sizes: []int{64}}},
	Full:   []Grid{{Conns: []int{100}, Sizes: []int{64}}},
}
