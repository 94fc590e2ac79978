package soak

// The samples as pictures.

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// chart is one picture: figures of one unit over time.
type chart struct {
	file, title, unit string
	lines             []curve
}

type curve struct {
	name string
	of   func(Sample) float64
}

var charts = []chart{
	{"memory", "Memory of the server", "MB", []curve{
		{"resident", func(s Sample) float64 { return float64(s.Resident) / mega }},
		{"heap", func(s Sample) float64 { return float64(s.Heap) / mega }},
	}},
	{"descriptors", "Descriptors and connections of the server", "", []curve{
		{"descriptors", func(s Sample) float64 { return float64(s.Descriptors) }},
		{"connections", func(s Sample) float64 { return float64(s.Conns) }},
	}},
	{"goroutines", "Goroutines of the server", "", []curve{
		{"goroutines", func(s Sample) float64 { return float64(s.Goroutines) }},
	}},
	{"latency", "Latency of an echo", "ms", []curve{
		{"p99", func(s Sample) float64 { return s.P99.Seconds() * 1000 }},
		{"p50", func(s Sample) float64 { return s.P50.Seconds() * 1000 }},
	}},
}

var colors = []color.Color{color.RGBA{0x1f, 0x77, 0xc4, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}}

// Draw writes the charts as SVG files into dir, which it makes, and returns
// their names.
func (r *Result) Draw(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var files []string
	for _, c := range charts {
		p, err := c.plot(r.Samples)
		if err != nil {
			return files, fmt.Errorf("chart %s: %w", c.file, err)
		}
		file := filepath.Join(dir, "soak-"+c.file+".svg")
		if err := p.Save(16*vg.Centimeter, 8*vg.Centimeter, file); err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (c chart) plot(samples []Sample) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = c.title
	p.X.Label.Text, p.Y.Label.Text = "seconds", c.unit
	p.Y.Min = 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for i, l := range c.lines {
		points := make(plotter.XYs, len(samples))
		for j, s := range samples {
			points[j] = plotter.XY{X: s.At.Seconds(), Y: l.of(s)}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color = colors[i]
		p.Add(line)
		p.Legend.Add(l.name, line)
	}
	return p, nil
}
