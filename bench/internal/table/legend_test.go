package table

import (
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// complete is a run with every column that a scenario can have.
func complete(rate float64) results.Run {
	round := results.Round{
		Seconds: 1, Requests: 1000, Latency: &results.Latency{P50: 1, P90: 2, P99: 3, P999: 4, Max: 5},
		UserUS: 1, SystemUS: 2, CPUUS: 3, Calls: 4, Allocs: 5, Anonymous: 6 << 20, PerConn: 7, Server: 0.5, Load: 0.5, Datagrams: 8, Lost: 1,
		Extra: map[string]float64{"disturbed %": 1},
	}
	run := results.Run{Point: results.Point{Rate: rate}}
	for _, name := range []string{"floor-level", "gnet", "net"} {
		run.Rows = append(run.Rows, results.Row{Server: name, Floor: name == "floor-level", Rounds: []results.Round{round, round}, Notes: []string{"said"}})
	}
	return run
}

func TestTheLegendExplainsEveryColumnOnce(t *testing.T) {
	runs := []results.Run{complete(0), complete(1000)}
	legend := Legend(runs)
	for _, run := range runs {
		for _, head := range Of(run).Heads[1:] {
			n := 0
			for _, m := range legend {
				if m.Head == head && m.Text != "" {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s is explained %d times", head, n)
			}
		}
	}
}

func TestTheLegendIsOfTheColumnsThatThereAre(t *testing.T) {
	runs := []results.Run{{Rows: []results.Row{{Server: "gnet", Rounds: []results.Round{{Seconds: 1, Requests: 1}}}}}}
	var heads []string
	for _, m := range Legend(runs) {
		heads = append(heads, m.Head)
	}
	if want := []string{"req/s", "rate/gnet"}; !slices.Equal(heads, want) {
		t.Errorf("explained are %q, want %q", heads, want)
	}
	var text, list strings.Builder
	PrintLegend(&text, runs)
	PrintLegendMarkdown(&list, runs)
	if !strings.Contains(text.String(), "  rate/gnet  median of the ratios to the better variant of gnet") || !strings.Contains(text.String(), "  req/s      requests per") {
		t.Errorf("got\n%s", text.String())
	}
	if !strings.HasPrefix(list.String(), "- **req/s**: requests per") {
		t.Errorf("got\n%s", list.String())
	}
}
