package scenario

import "github.com/eddyline/eddyline/bench/internal/workload"

// Messages go to the server and come back; the next is sent when one is back.
var echo = Scenario{
	Name:     "echo",
	About:    "messages that come back, as fast as the server can",
	Usual:    true,
	Protocol: always(workload.Echo),
	Load:     closed,
	Quick: []Grid{
		{Conns: []int{100, 1000}, Sizes: []int{64}, Pipelines: []int{1}},
	},
	Full: []Grid{
		{Conns: []int{1, 10, 100, 1000, 5000, 10_000, most}, Sizes: []int{64}, Pipelines: []int{1}},
		{Conns: []int{1, 100}, Sizes: []int{64}, Pipelines: []int{4, 16}},
		{Conns: []int{100}, Sizes: []int{1, 1 << 10, 4 << 10, 16 << 10, 64 << 10}, Pipelines: []int{1}},
	},
}
