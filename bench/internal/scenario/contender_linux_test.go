package scenario

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/child/childtest"
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

func TestMain(m *testing.M) {
	roles := map[string]child.Role{
		client.Role:  client.Child,
		servers.Role: servers.Child(servers.All()),
	}
	childtest.Main(m, roles)
}

var nowhere = Place{Server: -1, Load: -1}

// A load that spins must have its core for itself.
func TestApart(t *testing.T) {
	for cores, want := range map[[2]int]bool{
		{0, 1}: true, {1, 0}: true, {1, 1}: false, {-1, 1}: false, {0, -1}: false,
	} {
		if got := (Place{Server: cores[0], Load: cores[1]}).apart(); got != want {
			t.Errorf("cores %v: %v, want %v", cores, got, want)
		}
	}
}

func engine(t *testing.T) servers.Server {
	t.Helper()
	found, err := servers.Find(servers.All(), []string{"eddyline"})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// Every scenario that can be measured gives a round with figures: of the engine,
// and of the floor where the engine does not speak the protocol.
func TestEveryScenarioIsMeasured(t *testing.T) {
	c := Config{
		Rounds:    1,
		Slices:    1,
		Slice:     20 * time.Millisecond,
		Start:     nowhere.Start,
		Installed: func(string) bool { return false },
	}
	found, err := servers.Find(servers.All(), []string{"eddyline", "floor-level"})
	if err != nil {
		t.Fatal(err)
	}
	var plans []Plan
	for _, s := range Available(All()) {
		points, err := Points(s.Quick, Grid{Conns: []int{4}}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			i := slices.IndexFunc(found, func(c servers.Server) bool { return s.Lack(c, p) == "" })
			plans = append(plans, Plan{Scenario: s, Points: []Point{p}, Servers: found[i : i+1]})
		}
	}
	runs := Run(t.Context(), c, plans)
	if len(runs) != len(plans) {
		t.Errorf("%d runs of %d", len(runs), len(plans))
	}
	for _, run := range runs {
		row := run.Rows[0]
		if row.Err != "" || len(row.Rounds) != 1 {
			t.Errorf("%s: error %q, %d rounds", run.Title(), row.Err, len(row.Rounds))
			continue
		}
		r := row.Rounds[0]
		if r.Requests == 0 || r.Seconds < 0.02 || r.CPUUS <= 0 || r.Resident == 0 || r.Server <= 0 || r.Load <= 0 || r.Anonymous <= 0 || r.Anonymous >= r.Resident {
			t.Errorf("%s: %+v", run.Title(), r)
		}
		if partial := run.Scenario == slow.Name; r.Counted == partial || (r.Allocs > 0 || r.UserUS+r.SystemUS > 0) && partial {
			t.Errorf("%s: %v allocations, %v and %v µs", run.Title(), r.Allocs, r.UserUS, r.SystemUS)
		}
		if bulk := run.Point.Variant == oneWay; bulk != (r.Latency == nil) {
			t.Errorf("%s: latency %+v", run.Title(), r.Latency)
		}
		if packets := run.Scenario == udp.Name; packets != (r.Datagrams > 0) {
			t.Errorf("%s: %d datagrams", run.Title(), r.Datagrams)
		}
	}
}

func TestMemoryPerConnectionIsASlope(t *testing.T) {
	task := Task{
		Server:   engine(t),
		Protocol: workload.Echo,
		Load:     client.Spec{Mode: client.Closed, Conns: 2, Size: 64},
		Idle:     []int{300, 600, 900},
	}
	c, err := nowhere.Start(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Measure(t.Context(), 0, 20*time.Millisecond); err != nil {
		t.Fatal(c.Kill(err))
	}
	r, err := c.End()
	// An engine under the race detector needs more; the sign and the order must be right.
	if err != nil || r.PerConn < 10 || r.PerConn > 20_000 {
		t.Errorf("%v bytes per connection, %v", r.PerConn, err)
	}
}

func TestTheRoundOfAProgramOfOthersIsItsOwn(t *testing.T) {
	task := Task{Server: engine(t), Protocol: workload.Echo}
	task.With = func(_ context.Context, _ external.Place, addr string, length time.Duration, begin func() error) (external.Result, error) {
		return external.Result{Seconds: 2, Requests: 500, Busy: 0.97}, errors.Join(begin(), converse(addr))
	}
	c, err := nowhere.Start(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Measure(t.Context(), 0, time.Second); err != nil {
		t.Fatal(c.Kill(err))
	}
	r, err := c.End()
	if err != nil || r.Requests != 500 || r.Seconds != 2 || r.Load != 0.97 || !r.Saturated || r.CPUUS <= 0 || r.Anonymous <= 0 || !r.Counted {
		t.Errorf("%+v, %v", r, err)
	}
	task.With = func(context.Context, external.Place, string, time.Duration, func() error) (external.Result, error) {
		return external.Result{}, errors.New("it lost a request")
	}
	if c, err = nowhere.Start(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	err = c.Measure(t.Context(), 0, time.Second)
	if err = c.Kill(err); err == nil || !strings.Contains(err.Error(), "lost a request") {
		t.Errorf("error %v", err)
	}
}

func TestAServerIsNewWhenAProgramOfOthersRunsAgain(t *testing.T) {
	task := Task{Server: engine(t), Protocol: workload.Echo}
	task.With = func(context.Context, external.Place, string, time.Duration, func() error) (external.Result, error) {
		return external.Result{}, nil
	}
	started, err := nowhere.Start(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	c := started.(*contender)
	old := c.server
	if err := c.restart(t.Context()); err != nil {
		t.Fatal(c.Kill(err))
	}
	if old.Err() == nil {
		t.Error("the old server has not ended")
	}
	if err := converse(c.server.Addr); err != nil {
		t.Error(err)
	}
	if _, err := c.End(); err != nil {
		t.Error(err)
	}
}

// converse gives an echo something to do.
func converse(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 5))
	return err
}

func TestAServerThatDoesNotStartLeavesNothing(t *testing.T) {
	task := Task{Server: servers.Server{Name: "unknown", Protocols: []workload.Protocol{workload.Echo}}, Protocol: workload.Echo, Load: client.Spec{Mode: client.Closed, Conns: 1, Size: 1}}
	if _, err := nowhere.Start(t.Context(), task); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("error %v", err)
	}
}

// Where strace is installed and allowed, an echo is a receive and a send, and
// some waits.
func TestSystemCallsPerRequest(t *testing.T) {
	task := Task{Server: engine(t), Protocol: workload.Echo, Load: client.Spec{Mode: client.Closed, Conns: 4, Size: 64}}
	calls, err := nowhere.Calls(t.Context(), task, time.Millisecond)
	if err != nil {
		if !strings.Contains(err.Error(), "strace") {
			t.Errorf("error %v", err)
		}
		return
	}
	if calls < 2 || calls > 12 {
		t.Errorf("%v calls per request", calls)
	}
}

// A server that is there besides ours where it is installed answers our generator
// too, whose connections come from many addresses.
func TestTheOriginalAnswersTheOwnGenerator(t *testing.T) {
	for _, s := range redis.Also() {
		p := Point{Point: results.Point{Conns: 4, Size: 64, Pipeline: 16, Variant: "GET"}}
		c, err := nowhere.Start(t.Context(), Task{Server: s, Protocol: workload.Redis, Load: redis.Load(p)})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Measure(t.Context(), 0, 20*time.Millisecond); err != nil {
			t.Fatal(c.Kill(err))
		}
		if r, err := c.End(); err != nil || r.Requests == 0 || s.Version == "" {
			t.Errorf("%s %s: %+v, %v", s.Name, s.Version, r, err)
		}
	}
}
