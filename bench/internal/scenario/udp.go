package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Datagrams that come back. A socket's buffer holds some 270 small ones: with
// more outstanding than that some are lost, which is a figure too.
var udp = Scenario{
	Name:     "udp",
	About:    "datagrams that come back, from the servers that have them",
	Protocol: always(workload.UDPEcho),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Datagrams, Conns: p.Conns, Size: p.Size, Pipeline: p.Pipeline}
	},
	Quick: []Grid{{Conns: []int{100}, Sizes: []int{64}, Pipelines: []int{1}}},
	Full: []Grid{
		{Conns: []int{10, 100, 1000}, Sizes: []int{64}, Pipelines: []int{1}},
		{Conns: []int{10}, Sizes: []int{64}, Pipelines: []int{16}},
	},
}
