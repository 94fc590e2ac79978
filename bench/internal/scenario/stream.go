package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// The directions of a stream.
const (
	oneWay   = "one way"
	bothWays = "both ways"
)

// Bytes without end. A request is a message of the size given.
var stream = Scenario{
	Name:  "stream",
	About: "bulk transfer to the server, and there and back",
	Protocol: func(p Point) workload.Protocol {
		if p.Variant == oneWay {
			return workload.Discard
		}
		return workload.Echo
	},
	Load: func(p Point) client.Spec {
		if p.Variant == oneWay {
			return client.Spec{Mode: client.Bulk, Conns: p.Conns, Size: p.Size}
		}
		return client.Spec{Mode: client.Closed, Conns: p.Conns, Size: p.Size, Pipeline: 4}
	},
	Quick: []Grid{{Conns: []int{10}, Sizes: []int{64 << 10}, Variants: []string{oneWay, bothWays}}},
	Full:  []Grid{{Conns: []int{1, 100}, Sizes: []int{64 << 10}, Variants: []string{oneWay, bothWays}}},
}
