package loop

// The logger: one line a second and cause, and what was left out is counted.

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"
)

func TestLoggerAdmitsOneASecondAndCause(t *testing.T) {
	g := newLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	start := time.Now()
	for _, c := range []struct {
		cause   string
		after   time.Duration
		ok      bool
		skipped int
	}{
		{"a", 0, true, 0},
		{"a", 0, false, 0},
		{"b", 0, true, 0}, // another cause
		{"a", 999 * time.Millisecond, false, 0},
		{"a", time.Second, true, 2},
		{"a", 1999 * time.Millisecond, false, 0},
		{"b", 1999 * time.Millisecond, true, 0},
		{"a", 2 * time.Second, true, 1},
		{"a", 10 * time.Second, true, 0},
	} {
		skipped, ok := g.admit(c.cause, start.Add(c.after))
		if ok != c.ok || skipped != c.skipped {
			t.Errorf("%q after %v: %v, %d skipped; want %v, %d", c.cause, c.after, ok, skipped, c.ok, c.skipped)
		}
	}
}

// What the logger remembers is bounded, whatever the causes.
func TestLoggerForgets(t *testing.T) {
	g := newLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	now := time.Now()
	for i := range 10 * maxCauses {
		cause := fmt.Sprint(i)
		if _, ok := g.admit(cause, now); !ok {
			t.Fatalf("cause %s is refused the first time", cause)
		}
		g.admit(cause, now)
		if len(g.last) > maxCauses || len(g.skipped) > maxCauses {
			t.Fatalf("%d causes are remembered", len(g.last))
		}
	}
}

func TestLoggerWithoutOutputIsSilent(t *testing.T) {
	g := newLogger(nil)
	g.warn("cause", "message")
	g.panicked(&PanicError{Value: "x"})
	if len(g.last) != 0 {
		t.Error("a silent logger remembers causes")
	}
}
