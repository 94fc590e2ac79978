package report

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/eddyline/eddyline/bench/internal/results"
)

func html(t *testing.T, d *results.Document) string {
	t.Helper()
	var out strings.Builder
	if err := HTML(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// svgs returns the files that SVGs writes, by name without directory and ending.
func svgs(t *testing.T, d *results.Document) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new", "charts")
	files, err := SVGs(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(file), ".svg")] = string(text)
	}
	if len(texts) != len(files) {
		t.Errorf("%d different names of %d files", len(texts), len(files))
	}
	return texts
}

func wellFormed(text string) error {
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func TestExample(t *testing.T) {
	page, files := html(t, example()), svgs(t, example())
	t.Run("the page needs nothing else", func(t *testing.T) { testAlone(t, page) })
	t.Run("it has all charts", func(t *testing.T) { testCharts(t, page, files) })
	t.Run("its colours follow the reader", func(t *testing.T) { testColours(t, page, files) })
}

func testAlone(t *testing.T, page string) {
	for _, outside := range []string{"<script", "<link", "<iframe", "<img", "<image", "<object", "<embed", "src=", "@import", "url("} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
	if strings.Count(page, "href=") != strings.Count(page, `href="#`) {
		t.Error("the page has links to elsewhere")
	}
}

func TestPageSaysWhatWasMeasured(t *testing.T) {
	d := example()
	d.Interrupted, d.Runs = true, d.Runs[2:6]
	page := html(t, d)
	for _, want := range []string{
		"Some Processor @ 3.00GHz, 2 cores", "15.3 GiB", "linux/amd64 6.1.0", "go1.26", "GOMAXPROCS=1 GOGC=100", "go run ./bench -full", "gnet v2.10.0",
		"1 March 2026", "<dt>Commit</dt><dd>feedbeef</dd>", "interrupted", "prefers-color-scheme: dark", `name="viewport"`,
		"<strong>evio failed</strong> in echo: 10000 connections, 64 bytes", "goroutine 1 [running]:",
		`<tr class="failed">`, `<tr class="saturated">`, `<span class="better">`, `<span class="worse">`, "generator saturated",
		"<dt>CPU µs</dt><dd>the server&#39;s processor time per request", "<dt>CPU/floor-level</dt>", "\n<nav><a href=",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	for _, run := range d.Runs {
		if !strings.Contains(page, "<summary>"+run.Title()+"</summary>") {
			t.Errorf("no table of %s", run.Title())
		}
	}
	if strings.Contains(html(t, &results.Document{}), "interrupted") {
		t.Error("a whole measurement is said to be interrupted")
	}
}

func testCharts(t *testing.T, page string, files map[string]string) {
	left := maps.Clone(files)
	var want []string
	for _, of := range []string{"rate", "rate-ratio", "cpu", "cpu-ratio"} {
		want = append(want, "echo-64-bytes-by-conns-"+of, "echo-100-connections-by-size-"+of)
	}
	want = append(want, "echo-64-bytes-by-conns-growth", "echo-100-connections-64-bytes-latency", "echo-1000-connections-64-bytes-latency")
	for _, share := range []string{"30", "60", "90"} {
		at := "rate-" + share + "-100-connections-64-bytes-50000-per-second-"
		want = append(want, at+"cpu", at+"latency")
	}
	for _, of := range []string{"rate", "cpu", "memory", "latency"} {
		want = append(want, "idle-15050-connections-64-bytes-"+of)
	}
	for _, name := range want {
		text, ok := files[name]
		if !ok {
			t.Errorf("no chart %s", name)
			continue
		}
		delete(left, name)
		if err := wellFormed(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, c := range contenders {
			if !strings.Contains(text, ">"+c.server) {
				t.Errorf("%s does not name %s", name, c.server)
			}
		}
	}
	for name := range left {
		t.Errorf("a chart %s too many", name)
	}
	if got := strings.Count(page, "<svg"); got != len(want) {
		t.Errorf("the page has %d charts, want %d", got, len(want))
	}
}

func testColours(t *testing.T, page string, files map[string]string) {
	_, body, _ := strings.Cut(page, "<body>")
	for _, fixed := range []string{"#1F2328", "#59636E", "#D8DEE4", "#FFFFFF"} {
		if strings.Contains(strings.ToUpper(body), fixed) {
			t.Errorf("%s stays the same in the dark", fixed)
		}
	}
	for _, name := range []string{"--ink", "--muted", "--grid", "--paper"} {
		if !strings.Contains(body, "var("+name+")") || strings.Count(page, name+":") != 2 {
			t.Errorf("%s is not used, or not defined for light and dark", name)
		}
	}
	for name, text := range files {
		if strings.Contains(text, "var(") || !strings.Contains(text, `style="fill:#ffffff"`) {
			t.Errorf("%s depends on a page", name)
		}
	}
}

func TestTextIsEscaped(t *testing.T) {
	const evil = `<b onx="1">&'`
	d := example()
	d.Machine.CPU, d.Args, d.Environment = evil, []string{evil}, []string{evil}
	d.Runs = d.Runs[len(d.Runs)-1:]
	d.Runs[0].Scenario, d.Runs[0].Point.Variant = evil, evil
	for i := range d.Runs[0].Rows {
		row := &d.Runs[0].Rows[i]
		row.Server, row.Version, row.Notes = evil+row.Server, evil, []string{evil}
		row.Rounds[0].Extra = map[string]float64{evil: 1}
	}
	d.Runs[0].Rows[0].Err = evil
	page := html(t, d)
	if strings.Contains(page, "<b ") {
		at := strings.Index(page, "<b ")
		t.Errorf("markup came through: %s", page[max(0, at-200):at+50])
	}
	for name, text := range svgs(t, d) {
		if err := wellFormed(text); err != nil || strings.Contains(text, "<b ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Figures that no measurement gives, and every way of having none.
func TestBadInput(t *testing.T) {
	round := func(requests uint64, seconds, cpu float64, curve ...results.Quantile) results.Round {
		return results.Round{Requests: requests, Seconds: seconds, CPUUS: cpu, PerConn: cpu, Latency: &results.Latency{P99: -1, Curve: curve}}
	}
	rounds := []results.Round{
		{},
		round(math.MaxUint64, 5e-324, math.MaxFloat64),
		round(1, 1, -5, results.Quantile{Q: -3, NS: -4}, results.Quantile{Q: 2, NS: 1}, results.Quantile{Q: 1, NS: 1}),
		round(1, -1, math.NaN(), results.Quantile{Q: math.NaN(), NS: 4}, results.Quantile{Q: 0.5, NS: math.MaxInt64}),
		round(1, 1e300, 5e-324, results.Quantile{Q: 0.5, NS: 1}, results.Quantile{Q: 0.5, NS: 2}),
		round(5, 1, 1, results.Quantile{Q: 0, NS: 1}, results.Quantile{Q: 1 - 1e-16, NS: 1}),
		round(7, 1, 1e14, results.Quantile{Q: 0.1, NS: 1}, results.Quantile{Q: 0.2, NS: 1e17}),
	}
	d := &results.Document{}
	for _, conns := range []int{-1, 0, 1, 1, math.MaxInt} {
		for _, rate := range []float64{0, 1} {
			run := results.Run{Scenario: "x", Point: results.Point{Conns: conns, Rate: rate}}
			for i := range rounds {
				name := strings.Repeat("n\x00ä\xff\n", i)
				run.Rows = append(run.Rows,
					results.Row{Server: name, Floor: i%2 == 0, Rounds: rounds[i : i+1]},
					results.Row{Server: name, Rounds: rounds})
			}
			d.Runs = append(d.Runs, run, results.Run{})
		}
	}
	alone := d.Runs[0]
	alone.Scenario = "alone"
	d.Runs = append(d.Runs, alone)
	for name, text := range svgs(t, d) {
		if err := wellFormed(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s has places that are none", name)
		}
	}
}

func TestErrorsAreReported(t *testing.T) {
	broken := errors.New("broken")
	if err := HTML(failing{broken}, &results.Document{}); !errors.Is(err, broken) {
		t.Errorf("HTML to a broken writer: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if files, err := SVGs(filepath.Join(file, "below"), example()); err == nil {
		t.Errorf("wrote %v below a file", files)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestServersLookTheSameEverywhere(t *testing.T) {
	of := looks(example())
	if of["eddyline"].color == of["gnet"].color || of["gnet"].color != of["gnet-tuned"].color || of["floor-level"].color != of["floor-edge"].color {
		t.Errorf("colours: %+v", of)
	}
	if slices.Equal(of["gnet"].dashes, of["gnet-tuned"].dashes) {
		t.Error("variants of a server have the same dashes")
	}
	d := example()
	d.Runs = d.Runs[:1]
	d.Runs[0].Rows = append(d.Runs[0].Rows, results.Row{Server: "someone"}, results.Row{Server: "else"})
	more := looks(d)
	for server, l := range of {
		if more[server].color != l.color || more[server].shape != l.shape {
			t.Errorf("%s looks different beside others", server)
		}
	}
	if slices.Equal(more["someone"].dashes, more["else"].dashes) {
		t.Error("two unknown servers look the same")
	}
}

func TestCurveIsTheMedianOfTheRounds(t *testing.T) {
	at := func(q float64, us int64) results.Round {
		return results.Round{Latency: &results.Latency{Curve: []results.Quantile{{Q: q, NS: 1000 * us}, {Q: 1, NS: 1e9}}}}
	}
	got := curve(results.Row{Rounds: []results.Round{at(0.9, 10), at(0.9, 30), at(0.9, 20), {}, at(0.99, 5)}})
	if len(got) != 2 || math.Abs(got[0].x-1) > 1e-9 || got[0].y != 20 || got[0].low != 15 || got[0].high != 25 || math.Abs(got[1].x-2) > 1e-9 {
		t.Errorf("got %+v, want one nine at 20 (15 to 25), and two nines at 5", got)
	}
}

func TestSeries(t *testing.T) {
	run := func(conns, size int, rate float64) results.Run {
		return results.Run{Scenario: "x", Point: results.Point{Conns: conns, Size: size, Rate: rate}}
	}
	all := seriesOf([]results.Run{run(100, 1, 0), run(1, 1, 0), run(10, 1, 0), run(10, 1, 0), run(1, 9, 0), run(10, 9, 0), run(1, 1, 5), run(2, 1, 5), run(3, 1, 5)})
	if len(all) != 1 || all[0].where() != "x: 1 byte" {
		t.Fatalf("got %+v, want one series, of messages of 1 byte", all)
	}
	var conns []int
	for _, r := range all[0].runs {
		conns = append(conns, r.Point.Conns)
	}
	if !slices.Equal(conns, []int{1, 10, 100}) {
		t.Errorf("connections %v, want them ascending, and each once", conns)
	}
	if short := seriesOf([]results.Run{run(1, 1, 0), run(2, 1, 0)}); len(short) != 1 {
		t.Errorf("two points, when there is nothing longer: %+v", short)
	}
}

func TestLatenciesOfASeriesWithoutTheUsualPointsAreOfItsLast(t *testing.T) {
	run := func(conns int) results.Run { return results.Run{Scenario: "x", Point: results.Point{Conns: conns}} }
	for _, tt := range []struct{ conns, want []int }{
		{[]int{1, 100, 1000, 5000}, []int{100, 1000}},
		{[]int{10, 1000}, []int{1000}},
		{[]int{50, 500}, []int{500}},
	} {
		s := series{axis: connections}
		for _, n := range tt.conns {
			s.runs = append(s.runs, run(n))
		}
		var got []int
		for _, r := range s.telling() {
			got = append(got, r.Point.Conns)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("of %v latencies at %v, want %v", tt.conns, got, tt.want)
		}
	}
}

func TestMarkdownShowsEveryChartBelowItsScenario(t *testing.T) {
	dir := t.TempDir()
	files, err := SVGs(dir, example())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "charts.md"))
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "## echo")
	if !strings.Contains(head, "commit feedbeef") {
		t.Errorf("the head does not name the commit: %s", head)
	}
	echo, rest, _ := strings.Cut(rest, "\n## rate")
	rate, idle, found := strings.Cut(rest, "\n## idle")
	if !found {
		t.Fatalf("not all scenarios have headings:\n%s", text)
	}
	for _, file := range files {
		name := filepath.Base(file)
		of := map[string]string{"echo": echo, "rate": rate, "idle": idle}[name[:4]]
		line := "](" + name + ")"
		if strings.Count(string(text), line) != 1 || !strings.Contains(of, line) {
			t.Errorf("%s is not shown once, below its scenario", name)
		}
	}
	if strings.Count(string(text), "![") != len(files) || strings.Contains(string(text), "![]") {
		t.Errorf("%d charts, but the pictures are\n%s", len(files), text)
	}
	if want := "### Latency by percentile, echo: 100 connections, 64 bytes\n\nMedian of the rounds, with their quartiles"; !strings.Contains(string(text), want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		name         string
		wanted, want []vg.Length
	}{
		{"nothing", nil, nil},
		{"far apart", []vg.Length{10, 50, 90}, []vg.Length{10, 50, 90}},
		{"two together", []vg.Length{50, 50}, []vg.Length{45, 55}},
		{"a block that meets a third", []vg.Length{50, 50, 56}, []vg.Length{42, 52, 62}},
		{"at the bottom", []vg.Length{0, 0, 90}, []vg.Length{0, 10, 90}},
		{"at the top", []vg.Length{98, 99, 100}, []vg.Length{80, 90, 100}},
		{"too many", []vg.Length{50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50},
			[]vg.Length{0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := spread(tt.wanted, 10, 0, 100)
			if !slices.EqualFunc(got, tt.want, func(a, b vg.Length) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTicks(t *testing.T) {
	labels := func(t ticks, low, high float64) string {
		var list []string
		for _, tick := range t(low, high) {
			list = append(list, tick.Label)
		}
		return strings.Join(list, " ")
	}
	for _, tt := range []struct {
		name      string
		ticks     ticks
		low, high float64
		want      string
	}{
		{"linear", linear, 0, 250_000, "0 50k 100k 150k 200k 250k"},
		{"linear, around 1", linear, 0.93, 1.11, "0.95 1 1.05 1.1"},
		{"linear, nowhere", linear, 1, 1, ""},
		{"durations", durations, 40, 1200, "50 µs 100 µs 200 µs 500 µs 1 ms"},
		{"durations over many decades", durations, 40, 2e6, "100 µs 1 ms 10 ms 100 ms 1 s"},
		{"nines", nines, 0, 3.2, " 50 % 90 % 99 % 99.9 %"},
		{"sizes", at([]float64{1, 64, 1024, 65536}, size), 1, 65536, "1 64 1K 64K"},
		{"connections that are close", at([]float64{1, 100, 110, 10_000}, short), 1, 10_000, "1 100  10k"},
	} {
		if got := labels(tt.ticks, tt.low, tt.high); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
