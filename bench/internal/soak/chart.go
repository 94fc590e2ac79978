package soak

// The samples as pictures.

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/eddyline/eddyline/bench/internal/report"
	"github.com/eddyline/eddyline/bench/internal/stats"
)

// chart is one picture: figures of one unit over time.
type chart struct {
	file, title, unit string
	durations         bool // microseconds, on a logarithmic axis
	calm              bool // samples in which the server was stopped are drawn apart
	lines             []curve
}

// curve is a line through the medians of neighbours, in a band of all they say.
type curve struct {
	name  string
	of    func(Sample) float64
	color color.NRGBA
}

// Colours that are told apart with the common kinds of colour blindness.
var (
	blue   = color.NRGBA{0x1f, 0x77, 0xc4, 0xff}
	orange = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	sky    = color.NRGBA{0x7f, 0xb2, 0xdd, 0xff}
	gold   = color.NRGBA{0xe8, 0xa8, 0x70, 0xff}
	grey   = color.NRGBA{0x80, 0x88, 0x90, 0xff}
)

var charts = []chart{
	{file: "memory", title: "Memory of the server", unit: "MB", lines: []curve{
		{"resident", func(s Sample) float64 { return float64(s.Resident) / mega }, blue},
		{"heap", func(s Sample) float64 { return float64(s.Heap) / mega }, orange},
	}},
	{file: "descriptors", title: "Descriptors and connections of the server", calm: true, lines: []curve{
		{"descriptors", func(s Sample) float64 { return float64(s.Descriptors) }, blue},
		{"connections", func(s Sample) float64 { return float64(s.Conns) }, orange},
	}},
	{file: "goroutines", title: "Goroutines of the server", lines: []curve{
		{"goroutines", func(s Sample) float64 { return float64(s.Goroutines) }, blue},
	}},
	{file: "latency", title: "Latency of a small echo: the server under load, the idle control", durations: true, calm: true, lines: []curve{
		{"p99", func(s Sample) float64 { return inMicro(s.Server.P99) }, orange},
		{"p50", func(s Sample) float64 { return inMicro(s.Server.P50) }, blue},
		{"p99, control", func(s Sample) float64 { return inMicro(s.Control.P99) }, gold},
		{"p50, control", func(s Sample) float64 { return inMicro(s.Control.P50) }, sky},
	}},
}

// inMicro is NaN for what was not measured.
func inMicro(d time.Duration) float64 {
	if d == 0 {
		return math.NaN()
	}
	return float64(d) / float64(time.Microsecond)
}

// Sizes of a chart: text is readable when it is as wide as a phone.
const (
	chartWidth  = vg.Length(500)
	chartHeight = vg.Length(260)
	columns     = 250 // neighbours that one point stands for are as many as make this many points
)

// Draw writes the charts as SVG files into dir, which it makes, and returns
// their names.
func (r *Result) Draw(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var files []string
	for _, c := range charts {
		file := filepath.Join(dir, "soak-"+c.file+".svg")
		if err := c.draw(r.Samples, file); err != nil {
			return files, fmt.Errorf("chart %s: %w", c.file, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func (c chart) draw(samples []Sample, file string) error {
	p, err := c.plot(samples)
	if err != nil {
		return err
	}
	svg, err := report.SVG(p, chartWidth, chartHeight, c.title)
	if err != nil {
		return err
	}
	return os.WriteFile(file, svg, 0o666)
}

func (c chart) plot(samples []Sample) (*plot.Plot, error) {
	p := report.NewPlot()
	p.Title.Text = c.title
	each, unit := unitOf(samples)
	p.X.Label.Text, p.Y.Label.Text = unit, c.unit
	p.Legend.Top = true
	p.Legend.TextStyle = p.X.Tick.Label
	p.Legend.TextStyle.XAlign, p.Legend.TextStyle.YAlign = draw.XLeft, draw.YCenter
	p.Legend.Padding = 7
	p.Add(report.Grid())
	for _, l := range c.lines {
		if err := l.add(p, c.chosen(samples, false), each); err != nil {
			return nil, err
		}
	}
	if c.calm {
		if err := c.addStopped(p, samples, each); err != nil {
			return nil, err
		}
	}
	if c.durations {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, report.Durations
		p.Y.Min, p.Y.Max = decades(p.Y.Min, p.Y.Max)
		p.Y.Max *= 8 // room for the legend
	} else {
		p.Y.Min = 0
		p.Y.Max = math.Max(1, p.Y.Max*1.3)
	}
	return p, nil
}

// decades widens a range to whole powers of ten, and to one if it is none.
func decades(low, high float64) (float64, float64) {
	if !(low > 0 && low < high && !math.IsInf(high, 0)) {
		return 100, 10_000
	}
	return math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
}

// unitOf is the unit of time that a run is best drawn in.
func unitOf(samples []Sample) (time.Duration, string) {
	var last time.Duration
	if n := len(samples); n > 0 {
		last = samples[n-1].At
	}
	switch {
	case last >= 3*time.Hour:
		return time.Hour, "hours"
	case last >= 5*time.Minute:
		return time.Minute, "minutes"
	}
	return time.Second, "seconds"
}

// chosen are the samples in which the server was stopped, or the others; all of them
// are others where stops make no difference.
func (c chart) chosen(samples []Sample, stopped bool) (list []Sample) {
	for _, s := range samples {
		if (c.calm && s.Stopped) == stopped {
			list = append(list, s)
		}
	}
	return list
}

// addStopped marks what was seen while the server was stopped or had just been.
func (c chart) addStopped(p *plot.Plot, samples []Sample, each time.Duration) error {
	first := c.lines[0]
	points := first.points(c.chosen(samples, true), each)
	if len(points) == 0 {
		return nil
	}
	marks, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	marks.Color, marks.Radius, marks.Shape = grey, 1, draw.CircleGlyph{}
	p.Add(marks)
	p.Legend.Add(first.name+", server stopped", marks)
	return nil
}

// points are the samples that say something.
func (l curve) points(samples []Sample, each time.Duration) (points plotter.XYs) {
	for _, s := range samples {
		if y := l.of(s); !math.IsNaN(y) {
			points = append(points, plotter.XY{X: float64(s.At) / float64(each), Y: y})
		}
	}
	return points
}

// add draws the line and its band.
func (l curve) add(p *plot.Plot, samples []Sample, each time.Duration) error {
	points := l.points(samples, each)
	if len(points) == 0 {
		return nil
	}
	middle, band := l.thinned(points)
	area, err := plotter.NewPolygon(band)
	if err != nil {
		return err
	}
	area.Color, area.LineStyle = color.NRGBA{l.color.R, l.color.G, l.color.B, 0x30}, draw.LineStyle{}
	line, err := plotter.NewLine(middle)
	if err != nil {
		return err
	}
	line.LineStyle = draw.LineStyle{Color: l.color, Width: 1.2}
	p.Add(area, line)
	p.Legend.Add(l.name, line)
	return nil
}

// thinned takes neighbours together, so that a picture is as large for hours as for
// minutes: their median, and the outline of their extremes.
func (l curve) thinned(points plotter.XYs) (middle, outline plotter.XYs) {
	var below plotter.XYs
	for neighbours := range slices.Chunk(points, (len(points)+columns-1)/columns) {
		var x, y []float64
		for _, p := range neighbours {
			x, y = append(x, p.X), append(y, p.Y)
		}
		at, s := stats.Median(x), stats.Summarize(y)
		middle = append(middle, plotter.XY{X: at, Y: s.Median})
		outline = append(outline, plotter.XY{X: at, Y: s.Max})
		below = append(below, plotter.XY{X: at, Y: s.Min})
	}
	slices.Reverse(below)
	return middle, append(outline, below...)
}
