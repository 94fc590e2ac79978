package stats

import "math"

// windows is into how many parts a trend's points are cut.
const windows = 7

// Shortest is the number of points from which there is a Trend.
const Shortest = 4 * windows

// Trend is a rise that goes on, as that of a leak.
type Trend struct {
	Rise  float64 // from the first point to the last
	Noise float64 // how far Rise may be off by chance, as a standard deviation
}

// Rising returns the trend of the points (x[i], y[i]), each x above the last. The points are
// cut into parts; in each, every point of the first half is compared with the one
// half a part later, and the mean of the middle half of these slopes is the part's.
// The trend is the median of the parts, so that a step, a spike or a part that is
// unlike the others moves it little, and what rises all the time shows. Its noise is what
// the parts disagree by, and not less than what the points do. ok is false for fewer points than
// Shortest.
func Rising(x, y []float64) (t Trend, ok bool) {
	n := min(len(x), len(y))
	if n < Shortest {
		return Trend{}, false
	}
	length := x[n-1] - x[0]
	rises, errors := make([]float64, windows), make([]float64, windows)
	for i := range windows {
		from, to := i*n/windows, (i+1)*n/windows
		all := slopes(x[from:to], y[from:to])
		rises[i] = length * midmean(all)
		errors[i] = length * deviation(all) / math.Sqrt(float64(len(all)))
	}
	const ofMedian = 1.25331 // standard deviation of a median in those of a mean
	noise := max(deviation(rises), Median(errors)) * ofMedian / math.Sqrt(windows)
	return Trend{Rise: Median(rises), Noise: noise}, true
}

// slopes are those between the points of the first half and of the second.
func slopes(x, y []float64) (all []float64) {
	half := len(x) / 2
	for i := range half {
		all = append(all, (y[i+half]-y[i])/(x[i+half]-x[i]))
	}
	return all
}

// deviation is the standard deviation of sample as its quartiles tell it, which its
// extremes do not reach.
func deviation(sample []float64) float64 {
	const apart = 1.349 // of a normal distribution's quartiles, in standard deviations
	s := Summarize(sample)
	return (s.Q3 - s.Q1) / apart
}
