package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/scenario"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

var some = []servers.Server{
	{Name: "both", Protocols: []workload.Protocol{workload.Echo, workload.Discard}},
	{Name: "echoes", Protocols: []workload.Protocol{workload.Echo}},
	{Name: "again", Protocols: []workload.Protocol{workload.Echo}, Again: "both"},
}

func TestPlansHaveTheServersThatSpeakTheProtocol(t *testing.T) {
	for _, tt := range []struct {
		args string
		want []string // scenario, number of points, servers
	}{
		{"", []string{"echo 2 both,echoes"}},
		{"-servers again,both", []string{"echo 2 again,both"}},
		{"-scenarios churn,stream", []string{"churn 1 both,echoes", "stream 1 both", "stream 1 both,echoes"}},
		{"-scenarios stream -servers echoes", []string{"stream 1 echoes"}},
		{"-full -servers both -conns 9", nil}, // checked below
	} {
		plans, err := mustParse(t, tt.args).plans(some, 20_000)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if tt.want == nil {
			if slices.ContainsFunc(plans, func(p scenario.Plan) bool { return p.Name == "http" || p.Name == "fanout" }) {
				t.Errorf("%s: a scenario for which there is no server", tt.args)
			}
			continue
		}
		var got []string
		for _, p := range plans {
			got = append(got, strings.Join([]string{p.Name, string(rune('0' + len(p.Points))), strings.Join(servers.Names(p.Servers), ",")}, " "))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.args, got, tt.want)
		}
	}
}

func TestPlansThatCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		"-servers nobody":                   "there are both, echoes, again",
		"-servers both,both":                "twice",
		"-conns 20000":                      "enough for 19936",
		"-scenarios fanout":                 "none of the servers speaks its protocol: both, echoes",
		"-scenarios redis -servers again":   "none of the servers",
		"-scenarios stream -servers again,": "no server \"\"",
	} {
		if _, err := mustParse(t, args).plans(some, 20_000); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
	none := []servers.Server{{Name: "mute"}}
	o := mustParse(t, "-full")
	o.scenarios = slices.DeleteFunc(o.scenarios, func(s scenario.Scenario) bool { return s.Also != nil })
	if _, err := o.plans(none, 20_000); err == nil {
		t.Error("a run of nothing")
	}
}

func TestServersThatDoNotSpeakTheProtocolAreNamed(t *testing.T) {
	plans, err := mustParse(t, "-scenarios stream").plans(some, 20_000)
	if err != nil || len(plans) != 2 || !slices.Equal(servers.Names(plans[0].Lacking), []string{"echoes"}) || len(plans[1].Lacking) != 0 {
		t.Errorf("%+v, %v", plans, err)
	}
}

func TestServersThatWaitAreNotMeasuredBesideThoseThatDoNotRead(t *testing.T) {
	plans, err := mustParse(t, "-scenarios slow,echo -servers floor-level,eddyline -conns 10").plans(servers.All(), 20_000)
	if err != nil || len(plans) != 2 {
		t.Fatalf("%+v, %v", plans, err)
	}
	floor := []string{"floor-level"}
	if slow, echo := plans[0], plans[1]; !slices.Equal(servers.Names(slow.Lacking), floor) || len(echo.Lacking) != 0 {
		t.Errorf("slow without %v, echo without %v; want %v and none", servers.Names(slow.Lacking), servers.Names(echo.Lacking), floor)
	}
}

func TestServersOfAScenarioAreFoundByName(t *testing.T) {
	o := mustParse(t, "-scenarios churn,fanout")
	own := servers.Server{Name: "original", Protocols: []workload.Protocol{workload.Fanout}}
	o.scenarios[1].Also = func() []servers.Server { return []servers.Server{own} }
	plans, err := o.plans(some, 20_000)
	if err != nil || len(plans) != 2 || !slices.Equal(servers.Names(plans[1].Servers), []string{"original"}) {
		t.Errorf("%+v, %v", plans, err)
	}
	o.servers = []string{"both", "original"}
	plans, err = o.plans(some, 20_000)
	if err != nil || len(plans) != 2 || !slices.Equal(servers.Names(plans[0].Servers), []string{"both"}) {
		t.Errorf("%+v, %v", plans, err)
	}
}
