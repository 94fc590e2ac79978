//go:build linux

package loop

// What the engine of a simulated run logs: at most a line a second and cause (C10).

import (
	"context"
	"log/slog"
	"time"
)

// simLog is the engine's log. A cause is what a line's message and error say.
type simLog struct {
	w    *simWorld
	last map[string]int64 // line of a cause
}

func (simLog) Enabled(context.Context, slog.Level) bool { return true }

func (g simLog) Handle(_ context.Context, r slog.Record) error {
	cause := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			cause += ": " + a.Value.String()
		}
		return true
	})
	now := g.w.now()
	if last, before := g.last[cause]; before && now-last < int64(time.Second) {
		g.w.fail("C10: %q is logged again after %v", cause, time.Duration(now-last))
	}
	g.last[cause] = now
	return nil
}

func (g simLog) WithAttrs([]slog.Attr) slog.Handler { return g }

func (g simLog) WithGroup(string) slog.Handler { return g }
