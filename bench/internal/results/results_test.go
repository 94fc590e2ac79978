package results

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/machine"
)

func document() *Document {
	return &Document{
		Format:      Format,
		Time:        time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Machine:     machine.Info{OS: "linux", Arch: "amd64", Cores: 2, Go: "go1.26", Modules: map[string]string{"x": "v1.2.3"}},
		Version:     machine.Version{Commit: "0123456789abcdef", Modified: true},
		Args:        []string{"-full"},
		Environment: []string{"GOGC=100"},
		Nice:        -20,
		Interrupted: true,
		Runs: []Run{{
			Scenario: "echo",
			Point:    Point{Conns: 100, Size: 64, Pipeline: 4, Rate: 5e4, Variant: "SET"},
			Rows: []Row{{
				Server: "engine", Version: "v1", Floor: true, Err: "crashed:\n<trace> & \"more\"", Notes: []string{"first"},
				Rounds: []Round{{
					Round: 3, Seconds: 1.5, Requests: 300, Bytes: 19200,
					Latency: &Latency{P50: 1, P90: 2, P99: 3, P999: 4, Max: 5, Curve: []Quantile{{Q: 0.5, NS: 1}, {Q: 1, NS: 5}}},
					UserUS:  1, SystemUS: 2, CPUUS: 3, Calls: 4, Allocs: 0.5, Counted: true, Resident: 1 << 20, Anonymous: 1 << 19, PerConn: 190,
					Server: 0.9, Load: 0.5, Saturated: true, Datagrams: 2_000_000, Lost: 3, Extra: map[string]float64{"lost": 1},
				}},
			}},
		}},
	}
}

func write(t *testing.T, d *Document) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "results.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Write(f); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRoundTrip(t *testing.T) {
	want := document()
	got, err := Load(write(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, wrote\n%+v", got, want)
	}
	if empty := reflect.ValueOf(got.Runs[0].Rows[0].Rounds[0]); slices.ContainsFunc(fields(empty), reflect.Value.IsZero) {
		t.Errorf("a field of the round has no value, so its way was not tested: %+v", empty)
	}
}

func fields(v reflect.Value) []reflect.Value {
	var all []reflect.Value
	for _, f := range v.Fields() {
		all = append(all, f)
	}
	return all
}

func TestLoadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"another format", `{"format": 2, "runs": "in another shape"}`, "format 2 of the results is not 1"},
		{"no format", `{}`, "format 0"},
		{"no JSON", `server rate`, "no results"},
		{"half a file", `{"format": 1, "runs": [`, "no results"},
		{"wrong types", `{"format": 1, "runs": 7}`, "cannot unmarshal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "old.json")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := Load(file)
			if err == nil {
				t.Fatalf("read %+v", d)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %q, want it to name the file and say %q", err, tt.want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: error %v", err)
	}
}

// row returns a row with one round for each rate, in rounds 0, 1, and so on.
func row(server string, rates ...uint64) Row {
	r := Row{Server: server}
	for i, rate := range rates {
		r.Rounds = append(r.Rounds, Round{Round: i, Seconds: 2, Requests: 2 * rate})
	}
	return r
}

func TestMetricOfRound(t *testing.T) {
	r := document().Runs[0].Rows[0].Rounds[0]
	want := map[string]float64{
		"rate": 200, "p50": 0.001, "p90": 0.002, "p99": 0.003, "p99.9": 0.004, "max": 0.005, "CPU": 3, "user": 1, "system": 2,
		"calls": 4, "allocs": 0.5, "lost": 1.5, "memory": 0.5, "per conn": 190,
	}
	for _, m := range Metrics {
		if got := m.Of(r); got != want[m.Name] {
			t.Errorf("%s is %v, want %v", m.Name, got, want[m.Name])
		}
		if got := m.Of(Round{}); got != 0 {
			t.Errorf("%s of a round without figures is %v", m.Name, got)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("no metrics for %v", want)
	}
}

func TestValuesLeaveOutWhatWasNotTaken(t *testing.T) {
	r := Row{Rounds: []Round{
		{Seconds: 1, Requests: 10, Calls: 2},
		{Seconds: 1, Requests: 0, Counted: true},
		{Seconds: 1, Requests: math.MaxUint64, Allocs: 3},
		{Seconds: 5e-324, Requests: math.MaxUint64},
		{},
	}}
	for _, tt := range []struct {
		m    Metric
		want []float64
	}{
		{Calls, []float64{2}},                    // counted in one round alone
		{Rate, []float64{10, 0, math.MaxUint64}}, // nothing done in a second is a rate of 0
		{Allocs, []float64{0, 3}},                // none is a count, where they are counted
		{CPU, nil}, {P99, nil}, {PerConn, nil}, {User, nil}, {System, nil},
	} {
		if got := tt.m.Values(r); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.m.Name, got, tt.want)
		}
	}
	if s := Calls.Summary(r); s.N != 1 || s.Median != 2 {
		t.Errorf("summary of one count: %+v", s)
	}
}

func TestNoTickInUserModeIsAFigure(t *testing.T) {
	r := Row{Rounds: []Round{
		{CPUUS: 2, SystemUS: 2}, // divided, all in the kernel
		{CPUUS: 2},              // not divided
		{CPUUS: 2, UserUS: 0.5, SystemUS: 1.5},
	}}
	if user, system := User.Values(r), System.Values(r); !slices.Equal(user, []float64{0, 0.5}) || !slices.Equal(system, []float64{2, 1.5}) {
		t.Errorf("user %v, system %v; want 0 and 0.5, 2 and 1.5", user, system)
	}
}

func TestTheCostIsComparedToTheLevelTriggeredFloorToo(t *testing.T) {
	level, edge := row("floor-level", 10), row("floor-edge", 10)
	level.Floor, edge.Floor = true, true
	level.Rounds[0].CPUUS, edge.Rounds[0].CPUUS = 4, 3
	run := Run{Rows: []Row{level, edge}}
	want := map[string]string{Floor: "floor-edge", Level: "floor-level"}
	for base, server := range want {
		if got := run.Base(base, CPU); !slices.Contains(CPU.Bases(), base) || got == nil || got.Server != server {
			t.Errorf("base %s of %v is %+v, want %s", base, CPU.Bases(), got, server)
		}
	}
	if slices.Contains(Rate.Bases(), Level) {
		t.Errorf("bases of the rate are %v", Rate.Bases())
	}
}

func TestRatioWithinRounds(t *testing.T) {
	a, b := row("a", 20, 90, 400, 7), row("b", 10, 30, 0)
	b.Rounds[0], b.Rounds[1] = b.Rounds[1], b.Rounds[0] // the number counts, not the place
	got := Rate.Ratio(a, b)
	if got.N != 2 || got.Min != 2 || got.Max != 3 {
		t.Errorf("got %+v, want the two ratios 2 and 3 of the rounds that both have", got)
	}
	late := row("late", 5)
	late.Rounds[0].Round = 17
	if got := Rate.Ratio(late, b); got.N != 0 {
		t.Errorf("no round in common: %+v", got)
	}
}

func TestBase(t *testing.T) {
	low, high, broken := row("low", 10, 10), row("high", 20, 20), row("broken", 90)
	low.Floor, high.Floor, broken.Floor = true, true, true
	broken.Err = "exit status 2"
	run := Run{Rows: []Row{low, row("mute"), high, broken, row("net", 5), row("netpoll", 50), row("gnet", 8), row("gnet-tuned", 9)}}
	for base, want := range map[string]string{Floor: "high", Gnet: "gnet-tuned", Net: "net"} {
		if got := run.Base(base, Rate); got == nil || got.Server != want {
			t.Errorf("base %s is %+v, want %s", base, got, want)
		}
	}
	if got := run.Base(Floor, CPU); got != nil {
		t.Errorf("base of a figure that nobody took: %+v", got)
	}
	run.Rows[0].Rounds[0].CPUUS, run.Rows[2].Rounds[0].CPUUS = 3, 4
	if got := run.Base(Floor, CPU); got == nil || got.Server != "low" {
		t.Errorf("base of the cost is %+v, want the cheaper", got)
	}
}

func TestSaturated(t *testing.T) {
	for _, tt := range []struct {
		rounds []bool
		want   bool
	}{
		{nil, false},
		{[]bool{false}, false},
		{[]bool{true}, true},
		{[]bool{true, false, false}, false},
		{[]bool{true, true, false}, true},
	} {
		r := row("x", make([]uint64, len(tt.rounds))...)
		for i, s := range tt.rounds {
			r.Rounds[i].Saturated = s
		}
		if got := r.Saturated(); got != tt.want {
			t.Errorf("Saturated() in rounds %v is %v", tt.rounds, got)
		}
	}
}

func TestTitle(t *testing.T) {
	for want, run := range map[string]Run{
		"idle":                         {Scenario: "idle"},
		"echo: 2 connections, 2 bytes": {Scenario: "echo", Point: Point{Conns: 2, Size: 2, Pipeline: 1}},
		"echo: 1 connection, 1 byte, 4 outstanding":              {Scenario: "echo", Point: Point{Conns: 1, Size: 1, Pipeline: 4}},
		"redis: SET, 50 connections, 64 bytes, 30000 per second": {Scenario: "redis", Point: Point{Conns: 50, Size: 64, Rate: 3e4, Variant: "SET"}},
	} {
		if got := run.Title(); got != want {
			t.Errorf("Title() = %q, want %q", got, want)
		}
	}
}

func TestRowAndFailed(t *testing.T) {
	d := document()
	if got := d.Runs[0].Row("engine"); got != &d.Runs[0].Rows[0] {
		t.Errorf("Row = %p, want the one in the document", got)
	}
	if got := d.Runs[0].Row("other"); got != nil {
		t.Errorf("Row of an unknown server: %+v", got)
	}
	if !d.Failed() {
		t.Error("a document with a failed row did not fail")
	}
	d.Runs[0].Rows[0].Err = ""
	if d.Failed() {
		t.Error("failed without a failed row")
	}
}
