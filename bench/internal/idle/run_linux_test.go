package idle

import (
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/child/childtest"
	"github.com/eddyline/eddyline/bench/internal/load"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

func TestMain(m *testing.M) {
	roles := map[string]child.Role{
		load.Role:    load.Child,
		servers.Role: servers.Child(servers.All()),
	}
	childtest.Main(m, roles)
}

func TestEveryPointOfEveryServerIsReached(t *testing.T) {
	list, err := servers.Find(servers.All(), []string{"floor-level", "eddyline"})
	if err != nil {
		t.Fatal(err)
	}
	unknown := servers.Server{Name: "unknown", Protocols: list[0].Protocols} // the child does not find it
	points := []int{5, 20, 31}
	rows := Run(t.Context(), Config{Servers: append(list, unknown), Points: points, Rounds: 2, PerClient: 10})
	for _, r := range rows[:2] {
		if r.Err != "" || len(r.Rounds) != 2 || r.Settled.N != 2 {
			t.Errorf("%s: %d rounds, error %q", r.Server, len(r.Rounds), r.Err)
		}
		for _, round := range r.Rounds {
			for i, p := range round {
				if p.Conns != points[i] || p.AsIs <= 0 || p.Settled <= 0 {
					t.Errorf("%s: %+v", r.Server, p)
				}
			}
		}
	}
	if !strings.Contains(rows[2].Err, `no server "unknown"`) {
		t.Errorf("error %q", rows[2].Err)
	}
}
