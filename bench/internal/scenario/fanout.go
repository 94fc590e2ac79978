package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// One message goes out to every connection. A request is one receipt.
var fanout = Scenario{
	Name:     "fanout",
	About:    "one message to every connection: receipts per second",
	Protocol: always(workload.Fanout),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Fanout, Conns: p.Conns, Size: p.Size, Pipeline: p.Pipeline}
	},
	Quick: []Grid{{Conns: []int{100}, Sizes: []int{64}, Pipelines: []int{1}}},
	Full:  []Grid{{Conns: []int{100, 1000}, Sizes: []int{64}, Pipelines: []int{1}}},
}
