package servers

// The servers that there are.

import (
	"runtime"
	"slices"
	"time"

	"github.com/eddyline/eddyline/bench/internal/floor"
	"github.com/eddyline/eddyline/bench/internal/workload"
	"github.com/eddyline/eddyline/loop"
)

const floorLevel = "floor-level"

// All returns the servers in the order in which they are measured.
func All() []Server { return slices.Clone(all) }

// What servers have in common: answers on a connection, and what some have besides.
var (
	answers = []workload.Protocol{workload.Echo, workload.HTTP, workload.Redis, workload.Discard}
	streams = append(slices.Clip(answers), workload.Fanout)
	packets = append(slices.Clip(answers), workload.UDPEcho)
	every   = append(slices.Clip(streams), workload.UDPEcho)
)

// What some have not.
var (
	noPackets = map[workload.Protocol]string{workload.UDPEcho: "it has no UDP"}
	noFanout  = map[workload.Protocol]string{workload.Fanout: "it keeps no list of its connections"}
)

var all = []Server{
	{
		Name:      floorLevel,
		About:     "the smallest level-triggered epoll loop in Go",
		Floor:     true,
		Protocols: packets,
		Lacks:     noFanout,
		Waits:     true,
		Serve:     serveFloor(floor.Level),
	},
	{
		Name:      "floor-edge",
		About:     "the smallest edge-triggered epoll loop in Go",
		Floor:     true,
		Protocols: packets,
		Lacks:     noFanout,
		Waits:     true,
		Serve:     serveFloor(floor.Edge),
	},
	{
		Name:      "floor-again",
		About:     "a second copy of floor-level: how far equals differ on this machine",
		Again:     floorLevel,
		Protocols: packets,
		Lacks:     noFanout,
		Waits:     true,
		Serve:     serveFloor(floor.Level),
	},
	{
		Name:      "eddyline",
		About:     "this engine, one loop, default configuration",
		Protocols: streams,
		Lacks:     noPackets,
		Serve:     serveEddyline(loop.Config{Loops: 1}),
	},
	{
		Name:      "eddyline-spin",
		About:     "eddyline that polls for 30 µs before it sleeps (Config.Spin)",
		Extra:     true,
		Protocols: streams,
		Lacks:     noPackets,
		Serve:     serveEddyline(loop.Config{Loops: 1, Spin: 30 * time.Microsecond}),
	},
	{
		Name:      "floor-c",
		About:     "the level-triggered loop in C; needs cc",
		Extra:     true,
		Waits:     true,
		Protocols: []workload.Protocol{workload.Echo},
		Command:   compileFloor,
	},
	{
		Name:      "net",
		About:     "package net, a goroutine and a 4 KiB buffer per connection",
		Version:   runtime.Version(),
		Extra:     true,
		Protocols: every,
		Serve:     serveNet,
	},
	{
		Name:      "gnet",
		About:     "gnet, one event loop",
		Version:   version(gnetModule),
		Extra:     true,
		Protocols: every,
		Serve:     serveGnet,
	},
	{
		Name:      gnetTuned,
		About:     "gnet built with -tags " + gnetTags + "; needs the go command and this checkout",
		Version:   version(gnetModule),
		Extra:     true,
		Protocols: every,
		Image:     buildTuned,
	},
	{
		Name:      "nbio",
		About:     "nbio, one poller",
		Version:   version(nbioModule),
		Extra:     true,
		Protocols: every,
		Serve:     serveNbio,
	},
	{
		Name:      "netpoll",
		About:     "netpoll, one poller, no goroutine pool",
		Version:   version(netpollModule),
		Extra:     true,
		Protocols: streams,
		Lacks:     noPackets,
		Serve:     serveNetpoll,
	},
	{
		Name:      "evio",
		About:     "evio, one loop, input buffers reused",
		Version:   version(evioModule),
		Extra:     true,
		Protocols: packets,
		Lacks:     map[workload.Protocol]string{workload.Fanout: "its one way to another connection loses what that one has not sent yet"},
		Serve:     serveEvio,
	},
}
