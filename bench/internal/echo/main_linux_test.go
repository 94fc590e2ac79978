package echo

// The processes that the tests start.

import (
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/child/childtest"
	"github.com/eddyline/eddyline/bench/internal/load"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
)

func TestMain(m *testing.M) {
	roles := map[string]child.Role{
		load.Role:    load.Child,
		servers.Role: servers.Child(append(servers.All(), serverstest.Bad...)),
	}
	childtest.Main(m, roles)
}
