package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/results"
)

// row returns a row of so many rounds with a rate and a latency that scatter by
// less than 1 %, and a cost that is the same in all.
func row(server string, n int, rate, p99, cpu float64) results.Row {
	r := results.Row{Server: server}
	for i := range n {
		scatter := 1 + 0.001*float64(i)
		r.Rounds = append(r.Rounds, results.Round{
			Round: i, Seconds: 1, Requests: uint64(math.Round(rate * scatter)), CPUUS: cpu,
			Latency: &results.Latency{P99: int64(1000 * p99 * scatter)},
		})
	}
	return r
}

// floor returns the row that the others are compared to.
func floor(n int, rate, p99, cpu float64) results.Row {
	r := row("floor-level", n, rate, p99, cpu)
	r.Floor = true
	return r
}

func document(rows ...results.Row) *results.Document {
	return &results.Document{
		Machine: machine.Info{OS: "linux", Arch: "amd64", CPU: "fast", Cores: 2, Kernel: "6.1", Go: "go1.26"},
		Runs:    []results.Run{{Scenario: "echo", Point: results.Point{Conns: 100}, Rows: rows}},
	}
}

// fixed is the same at a fixed rate.
func fixed(rows ...results.Row) *results.Document {
	d := document(rows...)
	d.Runs[0].Point = results.Point{Variant: "60 %", Rate: 10_000}
	return d
}

func documents(t *testing.T, old, new *results.Document) []Change {
	t.Helper()
	changes, err := Documents(old, new)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func find(t *testing.T, changes []Change, server, metric string) Change {
	t.Helper()
	i := slices.IndexFunc(changes, func(c Change) bool { return c.Server == server && c.Metric.Name == metric && c.Note == "" })
	if i < 0 {
		t.Fatalf("nothing about %s of %s in %+v", metric, server, changes)
	}
	return changes[i]
}

func printed(changes []Change) string {
	var out strings.Builder
	Print(&out, changes)
	return out.String()
}

func TestVerdicts(t *testing.T) {
	base := floor(5, 100_000, 50, 4)
	old := row("eddyline", 5, 100_000, 50, 4)
	for _, tt := range []struct {
		name                           string
		at                             func(...results.Row) *results.Document
		new                            results.Row
		metric                         string
		significant, worse, regression bool
	}{
		{"a lower rate", document, row("eddyline", 5, 90_000, 50, 4), "rate", true, true, true},
		{"a higher rate", document, row("eddyline", 5, 110_000, 50, 4), "rate", true, false, false},
		{"a higher latency", fixed, row("eddyline", 5, 100_000, 60, 4), "p99", true, true, true},
		{"a lower latency", fixed, row("eddyline", 5, 100_000, 40, 4), "p99", true, false, false},
		{"a higher cost", document, row("eddyline", 5, 100_000, 50, 4.2), "CPU", true, true, true},
		{"nothing", document, row("eddyline", 5, 100_000, 50, 4), "CPU", false, false, false},
		{"worse beyond noise, but by a trifle", document, row("eddyline", 5, 98_000, 50, 4), "rate", true, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes := documents(t, tt.at(base, old), tt.at(base, tt.new))
			c := find(t, changes, "eddyline", tt.metric)
			if c.Significant != tt.significant || c.Worse != tt.worse || c.Regression != tt.regression || c.Base != "floor-level" {
				t.Errorf("got %+v, want significant %v, worse %v, a regression %v", c, tt.significant, tt.worse, tt.regression)
			}
			if Regressed(changes) != tt.regression {
				t.Errorf("Regressed is %v", !tt.regression)
			}
			if got := strings.Contains(printed(changes), "REGRESSION"); got != tt.regression {
				t.Errorf("printed as a regression: %v\n%s", got, printed(changes))
			}
		})
	}
}

// measured returns the results of points with a floor and eddyline, each figure
// with noise of its own and a slowness that all of a round have in common.
func measured(seed uint64, rounds, points int, machine, engine float64) *results.Document {
	random := rand.New(rand.NewPCG(seed, 1))
	d := document()
	at := d.Runs[0]
	d.Runs = nil
	for i := range points {
		at.Point.Conns = i + 1
		level, own := results.Row{Server: "floor-level", Floor: true}, results.Row{Server: "eddyline"}
		for n := range rounds {
			slow := machine * (1 + 0.2*random.Float64())
			round := func(cost float64) results.Round {
				cost *= slow * (1 + 0.01*random.NormFloat64())
				return results.Round{Round: n, Seconds: 1, Requests: uint64(1e6 / cost), CPUUS: cost}
			}
			level.Rounds, own.Rounds = append(level.Rounds, round(4)), append(own.Rounds, round(4.4*engine))
		}
		at.Rows = []results.Row{level, own}
		d.Runs = append(d.Runs, at)
	}
	return d
}

func TestRegressionsAreThoseOfTheEngineNotOfTheMachine(t *testing.T) {
	for _, tt := range []struct {
		name            string
		machine, engine float64
		rounds          int
		regressed, few  bool
	}{
		{"the same again", 1, 1, 5, false, false},
		{"a slower machine", 1.1, 1, 5, false, false},
		{"a slower engine", 1, 1.1, 5, true, false},
		{"a slower engine on a faster machine", 0.85, 1.1, 5, true, false},
		{"a faster engine on a slower machine", 1.3, 0.9, 5, false, false},
		{"a slower engine in more rounds", 1, 1.1, 9, true, false},
		{"a slower engine in too few rounds", 1, 1.1, 3, false, true},
		{"a much slower engine in one round", 1, 3, 1, false, true},
	} {
		for seed := range uint64(40) {
			changes := documents(t, measured(2*seed, tt.rounds, 3, 1, 1), measured(2*seed+1, tt.rounds, 3, tt.machine, tt.engine))
			if Regressed(changes) != tt.regressed {
				t.Errorf("%s, seed %d: a regression %v\n%s", tt.name, seed, !tt.regressed, printed(changes))
			}
			if said := strings.Contains(printed(changes), "it takes 5 rounds on each side"); said != tt.few {
				t.Errorf("%s, seed %d: too few rounds %v\n%s", tt.name, seed, said, printed(changes))
			}
		}
	}
}

func TestWithoutAFloorFiguresAreComparedAsTheyAre(t *testing.T) {
	alone := func(d *results.Document) *results.Document {
		for i := range d.Runs {
			d.Runs[i].Rows = d.Runs[i].Rows[1:]
		}
		return d
	}
	changes := documents(t, alone(measured(1, 5, 1, 1, 1)), alone(measured(2, 5, 1, 2, 1)))
	if out := printed(changes); !Regressed(changes) || !strings.Contains(out, "no floor in both: figures are compared as they are") || strings.Contains(out, "×") {
		t.Errorf("half the speed, a regression %v\n%s", Regressed(changes), out)
	}
	failed := measured(1, 5, 1, 1, 1)
	failed.Runs[0].Rows[0].Err = "crashed"
	if out := printed(documents(t, failed, measured(2, 5, 1, 1, 1))); !strings.Contains(out, "no floor in both") {
		t.Errorf("a floor that failed is compared to:\n%s", out)
	}
}

func TestManyComparisonsTakeMoreRounds(t *testing.T) {
	// Two figures at each point: 12 can be told apart in 5 rounds, 14 cannot.
	for points, regressed := range map[int]bool{6: true, 7: false} {
		changes := documents(t, measured(1, 5, points, 1, 1), measured(2, 5, points, 1, 1.5))
		if out := printed(changes); Regressed(changes) != regressed || strings.Contains(out, "it takes 6 rounds on each side") == regressed {
			t.Errorf("%d points: a regression %v\n%s", points, !regressed, out)
		}
	}
	enough := documents(t, measured(1, 6, 7, 1, 1), measured(2, 6, 7, 1, 1.5))
	if !Regressed(enough) {
		t.Errorf("6 rounds are enough, as was said, but no regression\n%s", printed(enough))
	}
}

func TestProbabilitiesAreCorrectedByHolm(t *testing.T) {
	changes := make([]Change, 5)
	for i, p := range []float64{0.02, 0.001, 0.04, 0.03, 0.00001} {
		changes[i] = Change{Judged: i < 4, worse: p}
	}
	judge(changes)
	for i, want := range []float64{0.06, 0.004, 0.06, 0.06, 0} {
		if got := changes[i].Corrected; math.Abs(got-want) > 1e-12 {
			t.Errorf("%v became %v, want %v", changes[i].worse, got, want)
		}
	}
}

func TestOtherMetricsAreNoRegression(t *testing.T) {
	old, new := row("eddyline", 5, 100_000, 50, 4), row("eddyline", 5, 100_000, 50, 4)
	changes := documents(t, fixed(setP50(old, 10)), fixed(setP50(new, 90)))
	if c := find(t, changes, "eddyline", "p50"); !c.Worse || c.Regression {
		t.Errorf("got %+v, want worse and no regression", c)
	}
}

func setP50(r results.Row, us int64) results.Row {
	for i := range r.Rounds {
		r.Rounds[i].Latency.P50 = 1000*us + int64(i)
	}
	return r
}

func TestLatencyCountsAtAFixedRateAndTheRateElsewhere(t *testing.T) {
	old, new := row("eddyline", 5, 100_000, 50, 4), row("eddyline", 5, 50_000, 90, 4)
	for _, tt := range []struct {
		at       func(...results.Row) *results.Document
		has, not string
	}{{document, "rate", "p99"}, {fixed, "p99", "rate"}} {
		changes := documents(t, tt.at(old), tt.at(new))
		if !find(t, changes, "eddyline", tt.has).Regression {
			t.Errorf("%s is no regression", tt.has)
		}
		if slices.ContainsFunc(changes, func(c Change) bool { return c.Metric.Name == tt.not }) {
			t.Errorf("%s is compared\n%s", tt.not, printed(changes))
		}
	}
}

func TestSystemCallsAreNotTestedAsIfEveryRoundHadCountedThem(t *testing.T) {
	counted := func(calls float64) *results.Document {
		r := row("eddyline", 5, 1000, 50, 4)
		for i := range r.Rounds {
			r.Rounds[i].Calls = calls
		}
		return document(r)
	}
	const note = "eddyline: system calls per request: 2.00 before, 3.00 now, each counted once"
	for calls, said := range map[float64]bool{2.001: false, 3: true} {
		changes := documents(t, counted(2), counted(calls))
		out := printed(changes)
		if strings.Contains(out, note) != said || Regressed(changes) || !strings.Contains(out, "Different beyond noise (p < 0.05): 0") {
			t.Errorf("%v calls now:\n%s", calls, out)
		}
	}
}

func TestFigures(t *testing.T) {
	changes := documents(t, document(row("eddyline", 5, 100_000, 50, 4)), document(row("eddyline", 4, 90_000, 50, 4)))
	c := find(t, changes, "eddyline", "rate")
	// Of the 126 orders of 5 and 4 values, 1 is as far to this side, and 1 to the other.
	if want := 2.0 / 126; math.Abs(c.P-want) > 1e-9 {
		t.Errorf("p is %v, want %v", c.P, want)
	}
	// One side, and two figures are judged.
	if want := 2.0 / 126; math.Abs(c.Corrected-want) > 1e-9 {
		t.Errorf("corrected p is %v, want %v", c.Corrected, want)
	}
	if c.Old.Median != 100_200 || c.New.Median != 90_135 || math.Abs(c.Percent+10.045) > 0.001 {
		t.Errorf("got %+v", c)
	}
	want := `echo: 100 connections
  no floor in both: figures are compared as they are, and a slower machine looks like a slower server
  server    metric   unit     old    new   change      p  corrected   rounds  notes
  eddyline    rate  req/s  100200  90135  -10.0 %  0.016      0.016  5 and 4  REGRESSION

Figures compared: 2. Different beyond noise (p < 0.05): 1, of these for the worse: 1; chance alone makes about 0 differ.
Regressions (of the 2 figures by which this engine is judged, those worse by more than 3 % at p < 0.05 when corrected for their number; and new failures): 1
`
	if got := printed(changes); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOthersAreNoRegression(t *testing.T) {
	changes := documents(t, document(row("gnet", 5, 100_000, 50, 4)), document(row("gnet", 5, 50_000, 99, 9)))
	if c := find(t, changes, "gnet", "rate"); !c.Worse || c.Regression || Regressed(changes) {
		t.Errorf("got %+v, want worse, and no regression of this engine", c)
	}
	if !strings.Contains(printed(changes), "worse") {
		t.Errorf("not said:\n%s", printed(changes))
	}
}

func TestTooFewRounds(t *testing.T) {
	for n, few := range map[int]bool{1: true, 2: true, 3: true, 4: false} {
		changes := documents(t, document(row("eddyline", n, 100_000, 50, 4)), document(row("eddyline", n, 10, 5000, 90)))
		c := find(t, changes, "eddyline", "rate")
		if c.TooFew != few || c.Significant == few {
			t.Errorf("%d rounds each: too few %v, significant %v, p %v", n, c.TooFew, c.Significant, c.P)
		}
		if said := strings.Contains(printed(changes), "too few rounds"); said != few {
			t.Errorf("%d rounds each: said %v\n%s", n, said, printed(changes))
		}
	}
}

func TestNothingIsDroppedSilently(t *testing.T) {
	old := document(row("eddyline", 4, 1000, 50, 4), row("gone", 4, 1000, 50, 4), row("gone", 4, 1000, 50, 4))
	new := document(row("eddyline", 4, 1000, 50, 0), row("fresh", 4, 1000, 50, 4))
	old.Runs = append(old.Runs, results.Run{Scenario: "churn"}, results.Run{Scenario: "rate"})
	new.Runs = append(new.Runs, results.Run{Scenario: "idle"}, results.Run{Scenario: "rate"}, results.Run{Scenario: "rate"})
	out := printed(documents(t, old, new))
	for want, times := range map[string]int{
		"gone: only in the old results":          2,
		"fresh: only in the new results":         1,
		"churn\n  only in the old results":       1,
		"rate\n  only in the new results":        1,
		"idle\n  only in the new results":        1,
		"eddyline: CPU: only in the old results": 1,
	} {
		if got := strings.Count(out, want); got != times {
			t.Errorf("%q stands there %d times, want %d:\n%s", want, got, times, out)
		}
	}
}

func TestFailures(t *testing.T) {
	whole, failed := row("eddyline", 4, 1000, 50, 4), results.Row{Server: "eddyline", Err: "crashed"}
	for _, tt := range []struct {
		name       string
		old, new   results.Row
		want       string
		regression bool
	}{
		{"now", whole, failed, "eddyline: fails now: REGRESSION", true},
		{"no longer", failed, whole, "eddyline: had failed, and no longer does", false},
		{"ever", failed, failed, "eddyline: failed in both", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes := documents(t, document(tt.old), document(tt.new))
			if out := printed(changes); !strings.Contains(out, tt.want) || Regressed(changes) != tt.regression {
				t.Errorf("want %q, a regression %v; got\n%s", tt.want, tt.regression, out)
			}
		})
	}
}

func TestCircumstances(t *testing.T) {
	same := row("gnet", 4, 1000, 50, 4)
	same.Version = "v2.10.0"
	base := floor(4, 1000, 50, 4)
	if out := printed(documents(t, document(base, same), document(base, same))); strings.Count(out, "\n") != 2 {
		t.Errorf("nothing differs, but it says\n%s", out)
	}
	other := row("gnet", 4, 1000, 50, 4)
	other.Version = "v2.11.0"
	for i := range other.Rounds {
		other.Rounds[i].Saturated = true
	}
	new := document(other)
	new.Machine = machine.Info{OS: "linux", Arch: "arm64", CPU: "slow", Cores: 4, Kernel: "6.2", Go: "go1.27"}
	new.Commit, new.Modified = "abc", true
	new.Nice, new.Environment, new.Interrupted = -20, []string{"GOGC=off"}, true
	out := printed(documents(t, document(same), new))
	for _, want := range []string{
		"WARNING: another machine: processor fast before, slow now", "system linux/amd64 before, linux/arm64 now", "cores 2 before, 4 now",
		"kernel 6.1 before, 6.2 now", "another Go: go1.26 before", "nice 0 before, -20 now", "GOGC=off", "commit unknown before, abc with changes that are not committed now", "the new measurement was interrupted",
		"gnet: version v2.10.0 before, v2.11.0 now", "gnet: the generator was the bottleneck on one side alone",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestSharesOfAMaximumAreTheSamePoint(t *testing.T) {
	at := func(rate, p99 float64) *results.Document {
		d := document(row("eddyline", 5, rate, p99, 4))
		d.Runs[0].Point = results.Point{Variant: "60 %", Rate: rate}
		return d
	}
	near := documents(t, at(10_000, 50), at(10_100, 70))
	if c := find(t, near, "eddyline", "p99"); !c.Regression {
		t.Errorf("almost the same load, but no regression: %+v", c)
	}
	far := documents(t, at(10_000, 50), at(20_000, 70))
	if c := find(t, far, "eddyline", "p99"); !c.Worse || c.Regression || !strings.Contains(printed(far), "at 10000 per second before") {
		t.Errorf("another load, but a regression or not said: %+v\n%s", c, printed(far))
	}
}

func TestFromZero(t *testing.T) {
	old, new := row("eddyline", 4, 1000, 50, 4), row("eddyline", 4, 1000, 50, 4)
	for i := range old.Rounds {
		old.Rounds[i].Counted, new.Rounds[i].Allocs = true, 1
	}
	out := printed(documents(t, document(old), document(new)))
	if !strings.Contains(out, "from 0") {
		t.Errorf("allocations that were none before:\n%s", out)
	}
}

func TestMissingDocuments(t *testing.T) {
	if changes, err := Documents(nil, document()); err == nil {
		t.Errorf("compared nothing: %+v", changes)
	}
}
