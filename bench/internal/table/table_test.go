package table

import (
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/results"
)

func TestPrintAligns(t *testing.T) {
	table := Table{{"name", "µs", Notes}}
	table.Add("a", "1000", "said much")
	table.Add("größer", "5", "")
	table.Add("short")
	var out strings.Builder
	table.Print(&out)
	want := `  name      µs  notes
  a       1000  said much
  größer     5
  short
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	Table{}.Print(&out)
	Table{}.PrintMarkdown(&out)
	if out.Len() > 0 {
		t.Errorf("nothing printed as %q", out.String())
	}
}

// rounds returns so many rounds of a rate and a cost, the cost spread a little.
func rounds(n int, rate uint64, cpu float64) []results.Round {
	var list []results.Round
	for i := range n {
		list = append(list, results.Round{Round: i, Seconds: 1, Requests: rate, CPUUS: cpu + 0.2*float64(i-n/2), Load: 0.5})
	}
	return list
}

// echo is a run with a row of each kind.
func echo() results.Run {
	busy := rounds(3, 120_000, 3)
	for i := range busy {
		busy[i].Saturated, busy[i].Load = true, 0.97
	}
	busy[2].Calls = 2.5
	busy[0].Extra, busy[1].Extra = map[string]float64{"late": 7, "never": 0}, map[string]float64{"late": 9}
	return results.Run{
		Scenario: "echo",
		Point:    results.Point{Conns: 100, Size: 64},
		Rows: []results.Row{
			{Server: "floor-level", Floor: true, Rounds: rounds(3, 100_000, 4)},
			{Server: "floor-edge", Floor: true, Rounds: rounds(3, 90_000, 5)},
			{Server: "quick", Rounds: busy, Notes: []string{"one|two"}},
			{Server: "gnet", Rounds: rounds(1, 50_000, 8)},
			{Server: "dead", Err: "exit status 2\npanic: <b>&\n", Rounds: []results.Round{}},
		},
	}
}

func TestText(t *testing.T) {
	var out strings.Builder
	Text(&out, echo())
	want := `echo: 100 connections, 64 bytes
  server        req/s      ±  CPU µs      ±  calls  rate/floor  rate/gnet  CPU/floor  CPU/floor-level  CPU/gnet  late  load %  notes
  floor-level  100000  0.0 %    4.00  2.5 %      -       1.000      2.000      1.000            1.000     0.475     -      50
  floor-edge    90000  0.0 %    5.00  2.0 %      -       0.900      1.800      1.250            1.250     0.600     -      50
  quick        120000  0.0 %    3.00  3.3 %   2.50       1.200      2.400      0.750            0.750     0.350  8.00      97  generator saturated; one|two
  gnet          50000      -    8.00      -      -       0.500      1.000      2.105            2.105     1.000     -      50
  dead              -      -       -      -      -           -          -          -                -         -     -       -  FAILED
  dead failed: exit status 2
    panic: <b>&
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestMarkdown(t *testing.T) {
	run := echo()
	run.Rows = run.Rows[2:]
	run.Point.Variant = "*x*"
	var out strings.Builder
	Markdown(&out, run)
	want := `### echo: \*x\*, 100 connections, 64 bytes

| server | req/s | ± | CPU µs | ± | calls | rate/gnet | CPU/gnet | late | load % | notes |
|:---|---:|---:|---:|---:|---:|---:|---:|---:|---:|:---|
| quick | 120000 | 0.0 % | 3.00 | 3.3 % | 2.50 | 2.400 | 0.350 | 8.00 | 97 | generator saturated; one\|two |
| gnet | 50000 | - | 8.00 | - | - | 1.000 | 1.000 | - | 50 |  |
| dead | - | - | - | - | - | - | - | - | - | FAILED |

dead failed:

    exit status 2
    panic: <b>&
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestAtAFixedRateLatencyIsCompared(t *testing.T) {
	run := echo()
	run.Point.Rate = 1000
	for i := range run.Rows {
		for j := range run.Rows[i].Rounds {
			run.Rows[i].Rounds[j].Latency = &results.Latency{P99: 5000}
		}
	}
	heads := strings.Join(Of(run).Heads, " ")
	if !strings.Contains(heads, "p99/floor") || strings.Contains(heads, "rate/floor") {
		t.Errorf("columns %s, want p99/floor and no rate/floor", heads)
	}
}

func TestVerdict(t *testing.T) {
	base := results.Row{Rounds: rounds(4, 1000, 1)}
	for _, tt := range []struct {
		name  string
		m     results.Metric
		rates []uint64
		want  Verdict
	}{
		{"more, of what more is better", results.Rate, []uint64{1100, 1200, 1300, 1400}, Better},
		{"less", results.Rate, []uint64{900, 800, 950, 850}, Worse},
		{"now more, now less", results.Rate, []uint64{900, 1100, 980, 1100}, Equal},
		{"more by a trifle", results.Rate, []uint64{1005, 1005, 1005, 1005}, Equal},
		{"one round tells nothing", results.Rate, []uint64{5000}, Equal},
		{"the same", results.Rate, []uint64{1000, 1000, 1000, 1000}, Equal},
		{"more, of what less is better", results.Metric{Name: "cost", Better: -1, Of: results.Round.Rate}, []uint64{1100, 1200, 1300, 1400}, Worse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var row results.Row
			for i, rate := range tt.rates {
				row.Rounds = append(row.Rounds, results.Round{Round: i, Seconds: 1, Requests: rate})
			}
			if got := Ratio(tt.m, row, base); got.Verdict != tt.want || got.Text == "" {
				t.Errorf("got %+v, want verdict %d", got, tt.want)
			}
		})
	}
}

func TestEmptyRun(t *testing.T) {
	for _, run := range []results.Run{{}, {Scenario: "x", Rows: []results.Row{{}}}} {
		var out strings.Builder
		Text(&out, run)
		Markdown(&out, run)
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.00012: "0.00012", 0.25: "0.250", 3.456: "3.46", 34.56: "34.6", 345.6: "346", 1234567: "1234567", -3.456: "-3.46",
	} {
		if got := Figure(v); got != want {
			t.Errorf("Figure(%v) = %s, want %s", v, got, want)
		}
	}
}
