package loop

// What an engine logs: rarely, and to whom it was told.

import (
	"log/slog"
	"sync"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// logger writes at most one line per second and cause. A nil Logger is silent.
type logger struct {
	out     *slog.Logger
	mu      sync.Mutex
	last    map[string]time.Time
	skipped map[string]int
}

func newLogger(out *slog.Logger) *logger {
	return &logger{out: out, last: make(map[string]time.Time), skipped: make(map[string]int)}
}

// maxCauses bounds what the logger remembers.
const maxCauses = 256

func (g *logger) warn(cause, msg string, args ...any) {
	if g.out == nil {
		return
	}
	// A panic of the user's slog.Handler must not end what it reports on. If it calls
	// runtime.Goexit, run goes on with the loop.
	defer func() { _ = recover() }()
	skipped, ok := g.admit(cause, sys.Now())
	if !ok {
		return
	}
	if skipped > 0 {
		args = append(args, "skipped", skipped)
	}
	g.out.Warn(msg, args...)
}

// admit tells whether cause may be logged at now, and how many lines were left
// out before.
func (g *logger) admit(cause string, now time.Time) (skipped int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last, known := g.last[cause]; known && now.Sub(last) < time.Second {
		g.skipped[cause]++
		return 0, false
	}
	if len(g.last) >= maxCauses {
		clear(g.last)
		clear(g.skipped)
	}
	skipped = g.skipped[cause]
	delete(g.skipped, cause)
	g.last[cause] = now
	return skipped, true
}

func (g *logger) panicked(err *PanicError) {
	g.warn("panic", "loop: callback panicked", "panic", err.Value, "stack", string(err.Stack))
}
