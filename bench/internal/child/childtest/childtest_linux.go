// Package childtest runs tests whose program plays the roles of child processes
// too.
package childtest

import (
	"os"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// Main is what a package's TestMain does: it plays a role if the environment names
// one, and runs the tests otherwise. Roles are those that the tests start.
func Main(m *testing.M, roles map[string]child.Role) {
	if child.Dispatch(roles) {
		return
	}
	// A program with the race detector otherwise sleeps for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}
