package scenario

import (
	"strings"

	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Three commands of the Redis protocol, one at a time and pipelined. The real
// redis-server is one more row where it is installed.
var redis = Scenario{
	Name:     "redis",
	About:    "PING, SET and GET of the Redis protocol, by redis-benchmark if it is installed",
	Protocol: always(workload.Redis),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Closed, Conns: p.Conns, Pipeline: p.Pipeline, Request: redisRequest(p)}
	},
	Program: external.RedisBenchmarkName,
	With: func(p Point) external.Load {
		return external.RedisBenchmark(p.Variant, p.Conns, p.Size, p.Pipeline)
	},
	Also: func() []servers.Server {
		if !external.Installed(external.RedisServerName) {
			return nil
		}
		return []servers.Server{{
			Name:      external.RedisServerName,
			About:     "the original, a program in C",
			Version:   external.Version(external.RedisServerName),
			Protocols: []workload.Protocol{workload.Redis},
			Command:   external.RedisServer,
		}}
	},
	Quick: []Grid{{Conns: []int{50}, Sizes: []int{64}, Pipelines: []int{1, 16}, Variants: []string{"PING", "SET", "GET"}}},
	Full:  []Grid{{Conns: []int{50}, Sizes: []int{64}, Pipelines: []int{1, 16}, Variants: []string{"PING", "SET", "GET"}}},
}

func redisRequest(p Point) client.Request {
	value := strings.Repeat("x", p.Size)
	switch p.Variant {
	case "SET":
		return client.Set("key", value)
	case "GET":
		return client.Get("key", value)
	default:
		return client.Ping()
	}
}
