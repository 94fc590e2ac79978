package servers

// The processes that the tests start.

import (
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/child/childtest"
)

func TestMain(m *testing.M) {
	childtest.Main(m, map[string]child.Role{Role: Child(All())})
}
