package scenario

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// stage starts fake contenders and writes down what happens to them.
type stage struct {
	log    []string
	breaks map[string]string // the server that fails at a step: "start", "measure" or "end"
	rates  map[string]uint64 // requests of a window, 100 unless told
	on     map[string]func() // called when an entry of that text is written
	loads  []client.Spec     // of the contenders, in order of their start
}

func (s *stage) write(server, what string) error {
	entry := server + " " + what
	s.log = append(s.log, entry)
	if f := s.on[entry]; f != nil {
		f()
	}
	if s.breaks[server] == what {
		return errors.New("broken at " + what)
	}
	return nil
}

func (s *stage) start(_ context.Context, t Task) (Contender, error) {
	s.loads = append(s.loads, t.Load)
	if err := s.write(t.Server.Name, "start"); err != nil {
		return nil, err
	}
	return &fake{s, t.Server.Name}, nil
}

type fake struct {
	*stage
	name string
}

func (f *fake) Measure(context.Context, time.Duration, time.Duration) error {
	return f.write(f.name, "measure")
}

func (f *fake) End() (results.Round, error) {
	n := uint64(100)
	if r := f.rates[f.name]; r > 0 {
		n = r
	}
	return results.Round{Seconds: 1, Requests: n}, f.write(f.name, "end")
}

func (f *fake) Kill(err error) error {
	_ = f.write(f.name, "kill")
	return fmt.Errorf("%w\nserver: last words of %s", err, f.name)
}

func (s *stage) config() Config {
	return Config{Rounds: 2, Slices: 2, Slice: time.Second, Start: s.start, Installed: func(string) bool { return false }}
}

func list(names ...string) []servers.Server {
	var all []servers.Server
	for _, n := range names {
		all = append(all, servers.Server{Name: n, Protocols: []workload.Protocol{workload.Echo}})
	}
	return all
}

// plain is a scenario at one point.
func plain(conns int, names ...string) Plan {
	p := Point{Point: results.Point{Conns: conns, Size: 64}}
	return Plan{
		Scenario: Scenario{Name: "plain", Protocol: always(workload.Echo), Load: closed},
		Points:   []Point{p},
		Servers:  list(names...),
	}
}

func TestRoundsAreInterleavedAndTheirOrderRotates(t *testing.T) {
	s := new(stage)
	runs := Run(t.Context(), s.config(), []Plan{plain(10, "a", "b", "c")})
	want := strings.Join([]string{
		"a start,b start,c start", "a measure,b measure,c measure", "a measure,b measure,c measure", "a end,b end,c end",
		"b start,c start,a start", "b measure,c measure,a measure", "b measure,c measure,a measure", "b end,c end,a end",
	}, ",")
	if got := strings.Join(s.log, ","); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(runs) != 1 || runs[0].Scenario != "plain" || runs[0].Point.Conns != 10 {
		t.Fatalf("runs %+v", runs)
	}
	for i, row := range runs[0].Rows {
		if row.Server != []string{"a", "b", "c"}[i] || row.Err != "" || len(row.Rounds) != 2 || row.Rounds[1].Round != 1 {
			t.Errorf("row %+v", row)
		}
	}
}

func TestWhatDoesNotFitIsStartedOneAfterAnother(t *testing.T) {
	want := "a start,a measure,a measure,a end,b start,b measure,b measure,b end"
	apart := plain(10, "a", "b")
	apart.Apart = true
	for name, plan := range map[string]Plan{"many connections": plain(maxHeld/2+1, "a", "b"), "apart": apart} {
		s := new(stage)
		c := s.config()
		c.Rounds = 1
		Run(t.Context(), c, []Plan{plan})
		if got := strings.Join(s.log, ","); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestAFailureIsARowAndTheOthersGoOn(t *testing.T) {
	for step, want := range map[string]struct {
		log, err string
	}{
		"start":   {"bad start", "broken at start"},
		"measure": {"bad start,bad measure,bad kill", "broken at measure\nserver: last words of bad"},
		"end":     {"bad start,bad measure,bad measure,bad end", "broken at end"},
	} {
		s := &stage{breaks: map[string]string{"bad": step}}
		runs := Run(t.Context(), s.config(), []Plan{plain(10, "bad", "good")})
		bad, good := runs[0].Row("bad"), runs[0].Row("good")
		if bad.Err != want.err || len(bad.Rounds) != 0 {
			t.Errorf("%s: error %q with %d rounds, want %q", step, bad.Err, len(bad.Rounds), want.err)
		}
		if good.Err != "" || len(good.Rounds) != 2 {
			t.Errorf("%s: the other has error %q and %d rounds", step, good.Err, len(good.Rounds))
		}
		log := slices.DeleteFunc(slices.Clone(s.log), func(e string) bool { return strings.HasPrefix(e, "good") })
		if got := strings.Join(log, ","); got != want.log {
			t.Errorf("%s: %s, want %s", step, got, want.log)
		}
	}
}

func TestAnInterruptKeepsWhatIsFinished(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := new(stage)
	measured := 0
	s.on = map[string]func(){"b measure": func() {
		// The first window of the second round; the round before is whole.
		if measured++; measured == 3 {
			cancel()
		}
	}}
	plan := plain(10, "a", "b")
	plan.Points = append(plan.Points, Point{Point: results.Point{Conns: 20}})
	runs := Run(ctx, s.config(), []Plan{plan})
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	for _, row := range runs[0].Rows {
		if row.Err != "" || len(row.Rounds) != 1 || row.Rounds[0].Round != 0 {
			t.Errorf("row %+v", row)
		}
	}
	starts, ends := 0, 0
	for _, e := range s.log {
		switch strings.Fields(e)[1] {
		case "start":
			starts++
		case "end", "kill":
			ends++
		}
	}
	if starts != 4 || ends != 4 {
		t.Errorf("%d were started and %d ended: %v", starts, ends, s.log)
	}
}

func TestAnInterruptBeforeAnythingIsFinishedLeavesNoRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &stage{on: map[string]func(){"a start": cancel}, breaks: map[string]string{"a": "start"}}
	if runs := Run(ctx, s.config(), []Plan{plain(1, "a", "b")}); len(runs) != 0 {
		t.Errorf("runs %+v", runs)
	}
}

func TestRatesAreSharesOfTheSlowestMaximum(t *testing.T) {
	s := &stage{rates: map[string]uint64{"slow": 1000, "fast": 5000}, breaks: map[string]string{"dead": "start"}}
	points, err := Points([]Grid{{Conns: []int{10}, Sizes: []int{64}, Shares: []float64{0.3, 0.9}}}, Grid{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	c := s.config()
	c.Rounds = 1
	runs := Run(t.Context(), c, []Plan{{Scenario: rate, Points: points, Servers: list("fast", "slow", "dead")}})
	if len(runs) != 2 || runs[0].Point.Rate != 300 || runs[1].Point.Rate != 900 || runs[1].Point.Variant != "90 %" {
		t.Fatalf("runs %+v", runs)
	}
	// The maxima are found once for both shares, in a closed loop.
	var modes []client.Mode
	for _, l := range s.loads {
		modes = append(modes, l.Mode)
	}
	want := []client.Mode{client.Closed, client.Closed, client.Closed, client.Open, client.Open, client.Open, client.Open}
	if !reflect.DeepEqual(modes, want) || s.loads[3].Rate != 300 {
		t.Errorf("loads %v, the first rate %v", modes, s.loads[3].Rate)
	}
	for _, run := range runs {
		if !strings.Contains(run.Row("dead").Err, "broken") || run.Row("fast").Err != "" {
			t.Errorf("rows %+v", run.Rows)
		}
	}
}

func TestSystemCallsAreCountedInARunOfTheirOwn(t *testing.T) {
	s := &stage{breaks: map[string]string{"dead": "start"}}
	c := s.config()
	c.Calls = func(_ context.Context, t Task) (float64, error) {
		_ = s.write(t.Server.Name, "count")
		if t.Server.Name == "shy" {
			return 0, errors.New("it may not be looked at")
		}
		return 2.5, nil
	}
	runs := Run(t.Context(), c, []Plan{plain(1, "a", "shy", "dead")})
	for _, round := range runs[0].Row("a").Rounds {
		if round.Calls != 2.5 {
			t.Errorf("%v calls", round.Calls)
		}
	}
	shy := runs[0].Row("shy")
	if shy.Err != "" || len(shy.Notes) != 1 || !strings.Contains(shy.Notes[0], "may not be looked at") {
		t.Errorf("row %+v", shy)
	}
	if got := strings.Join(s.log[len(s.log)-2:], ","); got != "a count,shy count" {
		t.Errorf("the last were %s", got)
	}
	// At a fixed rate nothing is counted.
	points := []Point{{Point: results.Point{Conns: 1, Size: 64, Rate: 10}}}
	s.log = nil
	Run(t.Context(), c, []Plan{{Scenario: rate, Points: points, Servers: list("a")}})
	if slices.Contains(s.log, "a count") {
		t.Error("counted at a fixed rate")
	}
}

func TestAServerWithoutTheProtocolIsARowThatSaysSo(t *testing.T) {
	plan := plain(1, "a")
	plan.Lacking = []servers.Server{
		{Name: "mute", Version: "v1"},
		{Name: "shy", Lacks: map[workload.Protocol]string{workload.Echo: "it never answers"}},
	}
	s := &stage{}
	runs := Run(t.Context(), s.config(), []Plan{plan})
	for name, want := range map[string]string{"mute": "not measured: it does not serve echo", "shy": "not measured: it never answers"} {
		row := runs[0].Row(name)
		if row == nil || row.Err != "" || len(row.Rounds) != 0 || len(row.Notes) != 1 || row.Notes[0] != want {
			t.Errorf("%s: row %+v, want the note %q", name, row, want)
		}
	}
	if d := (results.Document{Runs: runs}); d.Failed() {
		t.Error("what a server does not have counts as a failure")
	}
}

func TestAnEstimateGrowsWithWhatIsMeasured(t *testing.T) {
	s := &stage{}
	c := s.config()
	c.Rounds, c.Slices, c.Slice, c.Warmup = 2, 3, time.Second, 100*time.Millisecond
	// Two servers in two rounds of three windows each.
	least := 2 * 2 * 3 * (c.Slice + c.Warmup)
	once := Estimate(c, []Plan{plain(1, "a", "b")})
	if once < least || once > least+2*2*time.Second {
		t.Errorf("%v for windows of %v in all", once, least)
	}
	if twice := Estimate(c, []Plan{plain(1, "a", "b"), plain(1, "a", "b")}); twice != 2*once {
		t.Errorf("two plans take %v, one takes %v", twice, once)
	}
	if many := Estimate(c, []Plan{plain(10_000, "a", "b")}); many <= once {
		t.Errorf("with many connections %v, with one %v", many, once)
	}
	c.Calls = func(context.Context, Task) (float64, error) { return 1, nil }
	if counted := Estimate(c, []Plan{plain(1, "a", "b")}); counted <= once {
		t.Errorf("with system calls counted %v, without %v", counted, once)
	}
	points, err := Points(rate.Full, Grid{Conns: []int{1}}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	p := points[0]
	p.Share, p.Rate = 0, 1
	shared := Estimate(c, []Plan{{Scenario: rate, Points: points, Servers: list("a")}})
	if fixed := Estimate(c, []Plan{{Scenario: rate, Points: []Point{p}, Servers: list("a")}}); shared <= 3*fixed || shared >= 4*fixed {
		t.Errorf("three shares take %v, one rate takes %v: the maximum is found once", shared, fixed)
	}
}

func TestProgressReachesItsTotal(t *testing.T) {
	s := &stage{breaks: map[string]string{"bad": "measure"}}
	c := s.config()
	c.Calls = func(context.Context, Task) (float64, error) { return 1, nil }
	var steps []Step
	c.Step = func(st Step) { steps = append(steps, st) }
	points, err := Points(rate.Full, Grid{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	Run(t.Context(), c, []Plan{plain(1, "a", "bad"), {Scenario: rate, Points: points, Servers: list("a", "b")}})
	for i, st := range steps {
		if st.Done != i || st.Total != len(steps) {
			t.Fatalf("step %d of %d: %+v", i, len(steps), st)
		}
	}
}

func TestUnderAProgramOfOthersServersRunOneAfterAnother(t *testing.T) {
	plan := plain(1, "a", "b")
	plan.Program = "hammer"
	plan.With = func(Point) external.Load {
		return func(context.Context, external.Place, string, time.Duration, func() error) (external.Result, error) {
			return external.Result{}, nil
		}
	}
	for installed, want := range map[bool]string{
		true:  "a start,a measure,a end,b start,b measure,b end,b start,b measure,b end,a start,a measure,a end",
		false: "a start,b start,a measure,b measure,a end,b end,b start,a start,b measure,a measure,b end,a end",
	} {
		s := new(stage)
		c := s.config()
		c.Slices, c.Installed = 1, func(string) bool { return installed }
		Run(t.Context(), c, []Plan{plan})
		if got := strings.Join(s.log, ","); got != want {
			t.Errorf("installed %v: got %s, want %s", installed, got, want)
		}
	}
}

func TestAProgramOfOthersHasOneLongWindowAndANote(t *testing.T) {
	plan := plain(1, "a")
	plan.Program = "hammer"
	plan.With = func(Point) external.Load {
		return func(context.Context, external.Place, string, time.Duration, func() error) (external.Result, error) {
			return external.Result{}, nil
		}
	}
	for installed, want := range map[bool]struct {
		windows int
		note    string
	}{
		true:  {2, "load by hammer"},
		false: {4, "hammer is not installed"},
	} {
		s := new(stage)
		c := s.config()
		c.Installed = func(program string) bool { return program == "hammer" && installed }
		runs := Run(t.Context(), c, []Plan{plan})
		windows := 0
		for _, e := range s.log {
			if e == "a measure" {
				windows++
			}
		}
		notes := strings.Join(runs[0].Rows[0].Notes, "; ")
		if windows != want.windows || !strings.Contains(notes, want.note) {
			t.Errorf("installed %v: %d windows, notes %q; want %+v", installed, windows, notes, want)
		}
	}
}
