package report

// Which charts a document has.

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/stats"
	"github.com/eddyline/eddyline/bench/internal/table"
)

// chart is a picture and what is said below it.
type chart struct {
	file  string // name without its ending
	title string
	where string // what was measured
	about string // how to read it
	drawn
}

// maker draws the charts of a document.
type maker struct {
	looks map[string]look
	files map[string]int
}

// charts returns the charts of the runs of one scenario.
func (m *maker) charts(runs []results.Run) ([]chart, error) {
	var list []chart
	add := func(c chart, err error) error {
		if err == nil && c.body != "" {
			list = append(list, c)
		}
		return err
	}
	var inSeries []string
	for _, s := range seriesOf(runs) {
		for _, run := range s.runs {
			inSeries = append(inSeries, run.Title())
		}
		for _, metric := range []results.Metric{results.Rate, results.CPU, results.PerConn} {
			if err := add(m.lines(s, metric)); err != nil {
				return nil, err
			}
			if err := add(m.ratios(s, metric)); err != nil {
				return nil, err
			}
		}
		if s.axis.name != connections.name {
			continue
		}
		if err := add(m.growth(s)); err != nil {
			return nil, err
		}
		for _, run := range s.telling() {
			if err := add(m.latencies(run)); err != nil {
				return nil, err
			}
		}
	}
	for _, run := range runs {
		if slices.Contains(inSeries, run.Title()) {
			continue
		}
		metrics := []results.Metric{results.Rate, results.CPU, results.PerConn}
		if run.Point.Rate > 0 {
			metrics = metrics[1:]
		}
		for _, metric := range metrics {
			if err := add(m.bars(run, metric)); err != nil {
				return nil, err
			}
		}
		if err := add(m.latencies(run)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// headings are the metrics that have charts.
var headings = map[string]struct{ title, axis, file string }{
	results.Rate.Name:    {"Throughput", "requests per second", "rate"},
	results.CPU.Name:     {"Processor time of the server per request", "µs per request", "cpu"},
	results.PerConn.Name: {"Memory of the server per connection", "bytes per connection", "memory"},
}

// gather makes a line for each server from what of tells about its rows.
func (m *maker) gather(s series, of func(results.Run, results.Row) stats.Summary) []line {
	at := map[string]int{}
	var lines []line
	for _, run := range s.runs {
		for _, row := range run.Rows {
			v := of(run, row)
			if !drawable(v) {
				continue
			}
			i, ok := at[row.Server]
			if !ok {
				i = len(lines)
				at[row.Server] = i
				lines = append(lines, line{server: printable(row.Server, mostName), look: m.looks[row.Server]})
			}
			lines[i].points = append(lines[i].points, point{float64(s.axis.of(run.Point)), v.Median, v.Q1, v.Q3, row.Saturated()})
		}
	}
	return lines
}

// plottable leaves out what no measurement gives, and arithmetic does not survive.
func plottable(v float64) bool { return v > 1e-9 && v < 1e15 }

func drawable(s stats.Summary) bool {
	return s.N > 0 && plottable(s.Median) && s.Q1 >= 0 && plottable(s.Q3)
}

func (m *maker) lines(s series, metric results.Metric) (chart, error) {
	lines := m.gather(s, func(_ results.Run, row results.Row) stats.Summary { return metric.Summary(row) })
	h := headings[metric.Name]
	p := NewPlot()
	p.Y.Label.Text = h.axis
	about := "Median and quartiles of the rounds; " + moreOrLess(metric) + " is better." + hollow(lines)
	return m.overAxis(p, s, lines, false, chart{file: s.file(h.file), title: h.title, about: about}, func() { p.Y.Min, p.Y.Max = 0, 1.03*p.Y.Max })
}

func (m *maker) ratios(s series, metric results.Metric) (chart, error) {
	lines := m.gather(s, func(run results.Run, row results.Row) stats.Summary {
		base := run.Base(results.Floor, metric)
		if base == nil {
			return stats.Summary{}
		}
		return metric.Ratio(row, *base)
	})
	h := headings[metric.Name]
	title := h.title + ", ratio to the floor"
	p := NewPlot()
	p.Y.Label.Text = "times the floor's"
	about := "Median and quartiles of the ratios within the rounds; " + moreOrLess(metric) + " is better." + hollow(lines)
	return m.overAxis(p, s, lines, true, chart{file: s.file(h.file + " ratio"), title: title, about: about}, aroundOne(p))
}

// fewest is the number of connections from which growth counts: with less, most
// of the time goes into waking a thread that sleeps between two requests.
const fewest = 10

// growth shows how the cost grows with the number of connections.
func (m *maker) growth(s series) (chart, error) {
	s.runs = slices.DeleteFunc(slices.Clone(s.runs), func(r results.Run) bool { return r.Point.Conns < fewest })
	if len(s.runs) < 2 {
		return chart{}, nil
	}
	lines := m.gather(s, func(_ results.Run, row results.Row) stats.Summary { return results.CPU.Summary(row) })
	first := s.runs[0].Point.Conns
	lines = slices.DeleteFunc(lines, func(l line) bool { return l.points[0].x != float64(first) })
	for i := range lines {
		lines[i].points = relative(lines[i].points)
	}
	title := "Growth of the processor time per request"
	p := NewPlot()
	p.Y.Label.Text = fmt.Sprintf("times that with %d", first)
	about := fmt.Sprintf("Relative to each server's own with %d connections; less is better.", first) + hollow(lines)
	return m.overAxis(p, s, lines, true, chart{file: s.file("growth"), title: title, about: about}, aroundOne(p))
}

// relative divides the points by the first.
func relative(points []point) []point {
	var out []point
	for _, pt := range points {
		to := points[0].y
		out = append(out, point{pt.x, pt.y / to, pt.low / to, pt.high / to, pt.hollow})
	}
	return out
}

func aroundOne(p *plot.Plot) func() {
	return func() {
		p.Y.Min, p.Y.Max = min(p.Y.Min, 1), max(p.Y.Max, 1)
		room := 0.05 * (p.Y.Max - p.Y.Min)
		p.Y.Min, p.Y.Max = max(0, p.Y.Min-room), p.Y.Max+room
	}
}

// overAxis draws lines over the series' coordinate; fit corrects the range of Y
// once the lines are known.
func (m *maker) overAxis(p *plot.Plot, s series, lines []line, relative bool, c chart, fit func()) (chart, error) {
	if !slices.ContainsFunc(lines, func(l line) bool { return len(l.points) > 1 }) {
		return chart{}, nil
	}
	p.X.Label.Text = s.axis.title
	p.Add(gridLines(false, true))
	if relative {
		p.Add(level(1))
	}
	for _, l := range drawOrder(lines) {
		p.Add(l)
	}
	p.Add(names{lines, relative})
	var values []float64
	for _, run := range s.runs {
		values = append(values, float64(s.axis.of(run.Point)))
	}
	p.X.Min, p.X.Max = values[0], values[len(values)-1]
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, at(values, s.axis.label)
	fit()
	c.where = s.where()
	return m.finish(p, c, height)
}

// drawOrder puts this engine on top of the others.
func drawOrder(lines []line) []line {
	own := func(l line) int {
		if (results.Row{Server: l.server}).Is(results.Eddyline) {
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(lines), func(a, b line) int { return cmp.Compare(own(a), own(b)) })
}

// level is a line across the chart.
type level float64

// Plot draws it.
func (l level) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: muted, Width: 0.8, Dashes: []vg.Length{3, 2}}, c.Min.X, y(float64(l)), c.Max.X, y(float64(l)))
}

// latencies draws a run's percentile curves.
func (m *maker) latencies(run results.Run) (chart, error) {
	var lines []line
	for _, row := range run.Rows {
		if points := curve(row); len(points) > 1 {
			lines = append(lines, line{server: printable(row.Server, mostName), look: m.looks[row.Server], points: points, band: true, plain: true})
		}
	}
	if len(lines) == 0 {
		return chart{}, nil
	}
	title := "Latency by percentile"
	p := NewPlot()
	p.Add(gridLines(true, true))
	for _, l := range drawOrder(lines) {
		p.Add(l)
	}
	p.Add(names{lines, false})
	p.X.Label.Text, p.X.Tick.Marker = "share of the requests that were as fast, or faster", ticks(nines)
	p.Y.Label.Text, p.Y.Tick.Marker = "latency", Durations
	p.Y.Scale = plot.LogScale{}
	p.Y.Min, p.Y.Max = p.Y.Min/1.1, p.Y.Max*1.1
	about := "Median of the rounds, with their quartiles as a band; less is better."
	if run.Point.Rate == 0 {
		about += " Closed loop: a request is sent when the one before is answered, so that a slow server is asked less often."
	}
	return m.finish(p, chart{file: run.Title() + " latency", title: title, where: run.Title(), about: about}, height)
}

// bars draws one figure of the servers of a run.
func (m *maker) bars(run results.Run, metric results.Metric) (chart, error) {
	base := run.Base(results.Floor, metric)
	var list bars
	for _, row := range run.Rows {
		v := metric.Summary(row)
		if !drawable(v) {
			continue
		}
		text := figure(v.Median)
		if base != nil {
			if ratio := metric.Ratio(row, *base); ratio.N > 0 {
				text += fmt.Sprintf(" (×%s)", table.Figure(ratio.Median))
			}
		}
		list = append(list, bar{printable(row.Server, mostName), m.looks[row.Server], v, row.Saturated(), text})
	}
	if len(list) == 0 {
		return chart{}, nil
	}
	h := headings[metric.Name]
	p := NewPlot()
	p.Add(gridLines(true, false))
	p.Add(list)
	p.X.Label.Text = h.axis
	var labels []plot.Tick
	for i, b := range list {
		labels = append(labels, plot.Tick{Value: list.at(i), Label: b.server})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(labels)
	p.Y.Tick.Length, p.Y.Padding = 0, 2
	p.X.Padding = 0
	about := "Median, quartiles as a line, and in brackets the ratio to the floor; " + moreOrLess(metric) + " is better."
	if slices.ContainsFunc(list, func(b bar) bool { return b.hollow }) {
		about += saturated
	}
	return m.finish(p, chart{file: run.Title() + " " + h.file, title: h.title, where: run.Title(), about: about}, 86+barPitch*vg.Length(len(list)))
}

// label says in words what a chart is.
func (c chart) label() string { return c.title + ", " + c.where + ". " + c.about }

func (m *maker) finish(p *plot.Plot, c chart, height vg.Length) (chart, error) {
	const mostTitle = 70
	p.Title.Text = c.title + "\n" + printable(c.where, mostTitle)
	var err error
	if c.drawn, err = render(p, width, height); err != nil {
		return chart{}, fmt.Errorf("chart %s, %s: %w", c.title, c.where, err)
	}
	c.file = m.unique(fileName(c.file))
	return c, nil
}

// unique tells charts apart whose names became the same.
func (m *maker) unique(name string) string {
	m.files[name]++
	if n := m.files[name]; n > 1 {
		return m.unique(fmt.Sprintf("%s-%d", name, n))
	}
	return name
}

// fileName keeps what is safe in a file's name and an address.
func fileName(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	})
	name := strings.Join(words, "-")
	return name[:min(len(name), 100)]
}

const saturated = " Hollow: the load generator was the bottleneck."

func hollow(lines []line) string {
	for _, l := range lines {
		if slices.ContainsFunc(l.points, func(p point) bool { return p.hollow }) {
			return saturated
		}
	}
	return ""
}

func moreOrLess(m results.Metric) string {
	if m.Better > 0 {
		return "more"
	}
	return "less"
}

// curve returns a row's percentile curve over its rounds: x is the number of
// nines, y microseconds.
func curve(row results.Row) []point {
	at := map[float64][]float64{}
	for _, round := range row.Rounds {
		if round.Latency == nil {
			continue
		}
		for _, q := range round.Latency.Curve {
			if us := float64(q.NS) / 1e3; q.Q >= 0 && q.Q < 1 && plottable(us) {
				at[q.Q] = append(at[q.Q], us)
			}
		}
	}
	var points []point
	for _, q := range slices.Sorted(maps.Keys(at)) {
		s := stats.Summarize(at[q])
		points = append(points, point{x: toNines(q), y: s.Median, low: s.Q1, high: s.Q3})
	}
	return points
}

// mostName is how many letters fit beside a line.
const mostName = 20

// printable cuts a text to so many letters that can be drawn.
func printable(text string, most int) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text))
	if len(clean) > most {
		return string(clean[:most-1]) + "…"
	}
	return string(clean)
}
