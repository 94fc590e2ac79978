package main

// The servers that the table is run on.

import (
	"context"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// known are the names of the servers.
func known() []string { return []string{subject.Own, "gnet", "evio", "nbio"} }

// peers are the echo servers of the measurements, in the configuration that they
// have there: one loop, the rest as it is by default.
func peers() map[string]subject.Serve {
	list := map[string]subject.Serve{}
	for _, s := range servers.All() {
		list[s.Name] = func(ctx context.Context, addr string, ready func(addr string)) error {
			return s.Serve(ctx, workload.Echo, addr, ready)
		}
	}
	return list
}
