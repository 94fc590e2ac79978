package stats

import (
	"math"
	"slices"
	"testing"
)

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sample []float64
		want   Summary
	}{
		{"nothing", nil, Summary{}},
		{"one", []float64{7}, Summary{N: 1, Median: 7, Q1: 7, Q3: 7, Min: 7, Max: 7}},
		{"two", []float64{4, 2}, Summary{N: 2, Median: 3, Q1: 2.5, Q3: 3.5, Min: 2, Max: 4}},
		{"odd", []float64{4, 0, 3, 1, 2}, Summary{N: 5, Median: 2, Q1: 1, Q3: 3, Min: 0, Max: 4}},
		{"an outlier moves no median", []float64{1, 1, 1, 1, 1000}, Summary{N: 5, Median: 1, Q1: 1, Q3: 1, Min: 1, Max: 1000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.sample)
			if got := Summarize(tt.sample); got != tt.want {
				t.Errorf("Summarize(%v) = %+v, want %+v", tt.sample, got, tt.want)
			}
			if got := Median(tt.sample); got != tt.want.Median {
				t.Errorf("Median(%v) = %v, want %v", tt.sample, got, tt.want.Median)
			}
			if !slices.Equal(before, tt.sample) {
				t.Errorf("the sample became %v, was %v", tt.sample, before)
			}
		})
	}
}

func TestRatiosPairByPair(t *testing.T) {
	got := Ratios([]float64{2, 30, 0, 5, 9}, []float64{1, 10, 1, 0})
	if want := []float64{2, 3}; !slices.Equal(got, want) {
		t.Errorf("Ratios = %v, want %v: only pairs with both values count", got, want)
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name string
		x, y []float64
		want Line
	}{
		{"exact", []float64{2000, 6000, 18000}, []float64{5000, 13000, 37000}, Line{Slope: 2, Intercept: 1000, R2: 1}},
		{"flat", []float64{1, 2, 3}, []float64{5, 5, 5}, Line{Intercept: 5, R2: 1}},
		{"scattered", []float64{0, 1, 2, 3}, []float64{1, 0, 3, 2}, Line{Slope: 0.6, Intercept: 0.6, R2: 0.36}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Fit(tt.x, tt.y)
			if !ok {
				t.Fatal("no line found")
			}
			if !near(got.Slope, tt.want.Slope) || !near(got.Intercept, tt.want.Intercept) || !near(got.R2, tt.want.R2) {
				t.Errorf("Fit = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestFitNeedsTwoPlaces(t *testing.T) {
	for _, x := range [][]float64{nil, {1}, {3, 3, 3}} {
		if line, ok := Fit(x, []float64{1, 2, 3}); ok || line != (Line{}) {
			t.Errorf("Fit(%v) = %+v, %v; want no line", x, line, ok)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
