package echo

import (
	"context"
	"time"

	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

// Profile takes a CPU profile of s, in file, while it is under the load of p for
// so long. It is a run of its own, since profiling costs time.
func Profile(ctx context.Context, c Config, s servers.Server, p Point, length time.Duration, file string) error {
	b, err := c.start(s, p)
	if err != nil {
		return err
	}
	return b.end(b.profile(ctx, c.Warmup, length, file))
}

func (b *bench) profile(ctx context.Context, warmup, length time.Duration, file string) error {
	if err := b.load.Run(); err != nil {
		return err
	}
	harness.Sleep(ctx, warmup)
	if err := b.server.StartProfile(file); err != nil {
		return err
	}
	harness.Sleep(ctx, length)
	if err := b.server.StopProfile(); err != nil {
		return err
	}
	return b.load.Finish()
}
