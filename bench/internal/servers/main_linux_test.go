package servers

// The processes that the tests start.

import (
	"os"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
)

func TestMain(m *testing.M) {
	if child.Dispatch(map[string]child.Role{Role: Child(All())}) {
		return
	}
	// A program with the race detector otherwise sleeps for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}
