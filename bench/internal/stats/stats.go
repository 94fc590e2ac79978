// Package stats holds the few statistics that the measurements need: medians,
// quartiles and the slope of a line through points. All functions are pure and
// leave their arguments as they are.
package stats

import (
	"math"
	"slices"
)

// Summary describes a sample.
type Summary struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Q1     float64 `json:"q1"` // lower quartile
	Q3     float64 `json:"q3"` // upper quartile
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize describes sample; all fields of an empty one are 0.
func Summarize(sample []float64) Summary {
	if len(sample) == 0 {
		return Summary{}
	}
	s := slices.Sorted(slices.Values(sample))
	return Summary{
		N:      len(s),
		Median: quantile(s, 0.5),
		Q1:     quantile(s, 0.25),
		Q3:     quantile(s, 0.75),
		Min:    s[0],
		Max:    s[len(s)-1],
	}
}

// Median returns the middle of sample, or the mean of the middle two; 0 when it
// is empty.
func Median(sample []float64) float64 {
	return Summarize(sample).Median
}

// midmean is the mean of the middle half of sample: nearly as exact as the mean and
// nearly as robust as the median. It is 0 when sample is empty.
func midmean(sample []float64) float64 {
	if len(sample) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(sample))
	return Mean(s[len(s)/4 : len(s)-len(s)/4])
}

// quantile interpolates between the two nearest of the sorted values, so that
// the quartiles of 0, 1, 2, 3, 4 are 1 and 3.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	share := at - float64(low)
	return sorted[low]*(1-share) + sorted[high]*share
}

// Ratios divides each value by the one of the same index in base, pair by pair:
// what both of a pair suffered from, as a slow spell of the machine, cancels
// out. A pair without both values, or with a base of 0, is left out; 0 stands
// for a missing value.
func Ratios(values, base []float64) []float64 {
	var out []float64
	for i := range min(len(values), len(base)) {
		if values[i] != 0 && base[i] != 0 {
			out = append(out, values[i]/base[i])
		}
	}
	return out
}

// Line is y = Intercept + Slope*x.
type Line struct {
	Slope     float64 `json:"slope"`
	Intercept float64 `json:"intercept"`
	R2        float64 `json:"r2"` // share of y's variance that the line explains, 1 when y does not vary
}

// Fit returns the least-squares line through the points (x[i], y[i]). With fewer
// than two different x there is no slope, and ok is false.
func Fit(x, y []float64) (line Line, ok bool) {
	n := min(len(x), len(y))
	if n < 2 {
		return Line{}, false
	}
	meanX, meanY := Mean(x[:n]), Mean(y[:n])
	var xx, xy, yy float64
	for i := range n {
		dx, dy := x[i]-meanX, y[i]-meanY
		xx += dx * dx
		xy += dx * dy
		yy += dy * dy
	}
	if xx == 0 {
		return Line{}, false
	}
	line.Slope = xy / xx
	line.Intercept = meanY - line.Slope*meanX
	line.R2 = 1
	if yy != 0 {
		line.R2 = xy * xy / (xx * yy)
	}
	return line, true
}

// Mean is the arithmetic mean of v, NaN where v is empty.
func Mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
