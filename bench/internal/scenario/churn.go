package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Connections that live for one message. The rate is accepts per second.
var churn = Scenario{
	Name:     "churn",
	About:    "connect, one message, close: accepts per second",
	Protocol: always(workload.Echo),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Churn, Conns: p.Conns, Size: p.Size}
	},
	Quick: []Grid{{Conns: []int{50}, Sizes: []int{64}}},
	Full:  []Grid{{Conns: []int{50, 500}, Sizes: []int{64}}},
}
