package soak

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

func TestDraw(t *testing.T) {
	for name, r := range map[string]*Result{
		"a run of ten minutes": flat(rand.New(rand.NewPCG(1, 2)), 10*time.Minute),
		"nothing":              {},
	} {
		files, err := r.Draw(t.TempDir() + "/charts")
		if err != nil || len(files) != len(charts) {
			t.Fatalf("%s: %q, %v", name, files, err)
		}
		for i, f := range files {
			text, err := os.ReadFile(f)
			if err != nil || !strings.Contains(string(text), "<svg") || !strings.Contains(string(text), charts[i].title) {
				t.Errorf("%s: %s: %d bytes, %v", name, f, len(text), err)
			}
			stops := len(r.Samples) > 0 && charts[i].calm
			if strings.Contains(string(text), "server stopped") != stops {
				t.Errorf("%s: %s: stops marked %v, want %v", name, f, !stops, stops)
			}
		}
	}
}

// Spikes must not press everything else to the ground.
func TestLatencyHasALogarithmicAxis(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)), 10*time.Minute)
	for _, c := range charts {
		p, err := c.plot(r.Samples)
		if err != nil {
			t.Fatal(err)
		}
		if _, is := p.Y.Scale.(plot.LogScale); is != (c.file == "latency") {
			t.Errorf("%s: logarithmic %v", c.file, is)
		}
	}
}

// A picture of hours is no larger than one of minutes, and hides no extreme.
func TestNeighboursAreTakenTogether(t *testing.T) {
	points := make(plotter.XYs, 28_800)
	for i := range points {
		points[i] = plotter.XY{X: float64(i), Y: 1}
	}
	points[20_000].Y, points[20_001].Y = 7, 0.5
	middle, outline := curve{}.thinned(points)
	if len(middle) > columns || len(outline) != 2*len(middle) {
		t.Fatalf("%d points and %d of the band", len(middle), len(outline))
	}
	var low, high float64 = 1, 1
	for _, p := range outline {
		low, high = min(low, p.Y), max(high, p.Y)
	}
	for _, p := range middle {
		if p.Y != 1 {
			t.Errorf("a median of %v", p)
		}
	}
	if low != 0.5 || high != 7 {
		t.Errorf("the band is from %v to %v, want 0.5 to 7", low, high)
	}
}
