package stats

import "math"

// parts is into how many parts the points are cut that must all rise.
const parts = 4

// Shortest is the number of points from which there is a Trend.
const Shortest = 8 * parts

// Trend is how points rise or fall.
type Trend struct {
	Rise  float64 // from the first point to the last
	Noise float64 // how far Rise may be off by chance, as a standard deviation, if each point is off by itself
	Least float64 // the rise if all had risen as the quarter did that rose least
}

// Steady is the rise of what rises all the time, as a leak does: no more than twice
// what the least quarter makes of it. After steps or a spell of something else it is
// nothing, or less.
func (t Trend) Steady() float64 { return min(t.Rise, 2*t.Least) }

// Certain is the rise from which on one that goes on is Steady above limit, nearly
// always: the whole may lack twice its noise, the least quarter two and a half times
// its own, which is eight times the whole's, since a quarter is a quarter as long and
// of a quarter of the points.
func (t Trend) Certain(limit float64) float64 {
	return max(limit+2*t.Noise, limit/2+2.5*8*t.Noise)
}

// Rising returns the trend of the points (x[i], y[i]), each x above the last: every
// point of the first half is compared with its like in the second, and the mean of the
// middle half of these slopes, which extremes do not move, is the slope of the whole.
// That of a quarter is the same of its points. ok is false for fewer points than
// Shortest.
func Rising(x, y []float64) (t Trend, ok bool) {
	n := min(len(x), len(y))
	if n < Shortest {
		return Trend{}, false
	}
	length := x[n-1] - x[0]
	all := slopes(x[:n], y[:n])
	t = Trend{
		Rise:  length * midmean(all),
		Noise: length * deviation(all) / math.Sqrt(float64(len(all))),
		Least: math.Inf(1),
	}
	for i := range parts {
		from, to := i*n/parts, (i+1)*n/parts
		t.Least = min(t.Least, length*midmean(slopes(x[from:to], y[from:to])))
	}
	return t, true
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
