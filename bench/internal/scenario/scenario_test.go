package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

func TestEveryScenarioIsWhole(t *testing.T) {
	for _, s := range All() {
		if s.Name == "" || s.About == "" || strings.Contains(s.About, "\n") {
			t.Errorf("%+v: no name or no line about it", s.Name)
		}
		if s.Missing != "" {
			continue
		}
		if len(s.Quick) == 0 || len(s.Full) == 0 {
			t.Errorf("%s: no grid", s.Name)
		}
		if (s.Program == "") != (s.With == nil) {
			t.Errorf("%s: a program and what it does come together", s.Name)
		}
		for _, g := range [][]Grid{s.Quick, s.Full} {
			points, err := Points(g, Grid{}, 20_000)
			if err != nil || len(points) == 0 {
				t.Errorf("%s: %v, %v", s.Name, points, err)
			}
			for _, p := range points {
				if p.String() == "" || s.Protocol(p) == "" {
					t.Errorf("%s at %+v: heading %q, protocol %q", s.Name, p, p, s.Protocol(p))
				}
				if spec := s.Load(p); spec.Mode == "" || spec.Conns == 0 || spec.Addr != "" {
					t.Errorf("%s at %v: load %+v", s.Name, p, spec)
				}
			}
		}
	}
}

func TestFindTellsTheKnownNames(t *testing.T) {
	found, err := Find(All(), []string{"idle", "echo"})
	if err != nil || !slices.Equal(Names(found), []string{"idle", "echo"}) {
		t.Errorf("%v, %v", Names(found), err)
	}
	for name, want := range map[string]string{
		"eco":       "echo, rate, idle, churn, fanout, slow, stream, http, redis, udp, tls",
		"echo,echo": "twice",
		"tls":       "not available yet",
	} {
		if _, err := Find(All(), strings.Split(name, ",")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

func TestWhatIsMeasuredUnasked(t *testing.T) {
	if got := Names(Usual(All())); !slices.Equal(got, []string{"echo"}) {
		t.Errorf("quick: %v", got)
	}
	if got := Names(Available(All())); slices.Contains(got, "tls") || !slices.Contains(got, "redis") {
		t.Errorf("full: %v", got)
	}
}

func at(conns, size, pipeline int) Point {
	return Point{Point: results.Point{Conns: conns, Size: size, Pipeline: pipeline}}
}

func TestPointsAreEveryCombinationOnce(t *testing.T) {
	grids := []Grid{
		{Conns: []int{1, 100, 20_000}, Sizes: []int{64}, Pipelines: []int{1}},
		{Conns: []int{100}, Sizes: []int{64, 128}, Pipelines: []int{1}},
	}
	for _, tt := range []struct {
		name    string
		instead Grid
		want    []Point
	}{
		{"as it is", Grid{}, []Point{at(1, 64, 1), at(100, 64, 1), at(900, 64, 1), at(100, 128, 1)}},
		{"other connections", Grid{Conns: []int{5}}, []Point{at(5, 64, 1), at(5, 128, 1)}},
		{"other sizes and pipelines", Grid{Sizes: []int{9}, Pipelines: []int{2}}, []Point{at(1, 9, 2), at(100, 9, 2), at(900, 9, 2)}},
		{"a dimension that is not there", Grid{Rates: []float64{7}}, []Point{at(1, 64, 1), at(100, 64, 1), at(900, 64, 1), at(100, 128, 1)}},
	} {
		if got, err := Points(grids, tt.instead, 1000); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestEchoReachesTheDescriptorLimit(t *testing.T) {
	for files, want := range map[int]int{20_000: 19_900, 65_536: 65_400, 1 << 20: most, 264: 200, 114: 50} {
		points, err := Points(echo.Full, Grid{}, files)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.MaxFunc(points, func(a, b Point) int { return a.Conns - b.Conns }); got != at(want, 64, 1) {
			t.Errorf("with %d descriptors up to %+v, want %d connections", files, got, want)
		}
	}
}

func TestRatesReplaceShares(t *testing.T) {
	got, err := Points(rate.Quick, Grid{Rates: []float64{10, 20}}, 1000)
	want := []Point{at(100, 64, 0), at(100, 64, 0)}
	want[0].Rate, want[1].Rate = 10, 20
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestMoreConnectionsThanDescriptors(t *testing.T) {
	if _, err := Points(echo.Quick, Grid{Conns: []int{936}}, 1000); err != nil {
		t.Error(err)
	}
	if _, err := Points(echo.Quick, Grid{Conns: []int{937}}, 1000); err == nil || !strings.Contains(err.Error(), "enough for 936") {
		t.Errorf("error %v", err)
	}
}

func TestFlagsThatNothingUses(t *testing.T) {
	every := Grid{Conns: []int{1}, Sizes: []int{1}, Pipelines: []int{1}, Rates: []float64{1}}
	for name, want := range map[string][]string{
		"churn": {"-pipeline", "-rate"},
		"rate":  {"-pipeline"},
		"echo":  {"-rate"},
		"http":  {"-size", "-pipeline", "-rate"},
	} {
		found, err := Find(All(), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		if got := Unused(found[0].Quick, every); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if got := Unused(found[0].Quick, Grid{}); got != nil {
			t.Errorf("%s: %v of nothing", name, got)
		}
	}
}

func TestAStreamOneWayIsDiscarded(t *testing.T) {
	for variant, want := range map[string]workload.Protocol{oneWay: workload.Discard, bothWays: workload.Echo} {
		if got := stream.Protocol(Point{Point: results.Point{Variant: variant}}); got != want {
			t.Errorf("%s: %s", variant, got)
		}
	}
}

func TestTheWebServersReplyIsExpected(t *testing.T) {
	if r := httpRequest(); !strings.HasPrefix(string(r.Want), "HTTP/1.1 200 OK\r\n") {
		t.Errorf("for %q the reply is %q", r.Send, r.Want)
	}
}
