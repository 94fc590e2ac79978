package soak

// What counts as growing, and as not coming back.

import (
	"fmt"
	"time"

	"github.com/eddyline/eddyline/bench/internal/stats"
)

// Rules is the judgement in words, for those who read the table.
const Rules = `Flat: over the second half of the run the least-squares line through the samples
must not rise by more than 10 % of their median; less than the floor of a figure
(8 MB resident, 4 MB heap, 16 descriptors, 8 goroutines, 25 ms) or than twice the
spread of the samples around the line (between their quartiles) is no rise.
Back: when the load has ended, descriptors and goroutines are exactly as many as
before it, and heap and resident memory at most 8 and 32 MB more.
`

const (
	tolerated = 0.10 // of the median
	// shortest is the run whose second half says something about growth.
	shortest = 30 * time.Second
)

const mega = 1 << 20

// figure is one of the numbers of a sample.
type figure struct {
	name  string
	unit  float64 // of the number, in what is printed
	of    func(Sample) float64
	floor float64 // a rise of less means nothing
	slack float64 // how much more the end may have than the baseline; negative: not compared
}

var figures = []figure{
	{"resident, MB", mega, func(s Sample) float64 { return float64(s.Resident) }, 8 * mega, 32 * mega},
	{"heap, MB", mega, func(s Sample) float64 { return float64(s.Heap) }, 4 * mega, 8 * mega},
	{"descriptors", 1, func(s Sample) float64 { return float64(s.Descriptors) }, 16, 0},
	{"goroutines", 1, func(s Sample) float64 { return float64(s.Goroutines) }, 8, 0},
	{"p50, ms", float64(time.Millisecond), func(s Sample) float64 { return float64(s.P50) }, float64(25 * time.Millisecond), -1},
	{"p99, ms", float64(time.Millisecond), func(s Sample) float64 { return float64(s.P99) }, float64(25 * time.Millisecond), -1},
}

// Verdict is how one figure did.
type Verdict struct {
	Figure   string
	Baseline string
	Median   string // of the second half
	Rise     string // over the second half
	End      string
	Says     string
	Failed   bool
}

// judge fills in the verdicts.
func (r *Result) judge() {
	r.Verdicts = nil
	for _, f := range figures {
		r.Verdicts = append(r.Verdicts, r.verdict(f))
	}
}

func (r *Result) verdict(f figure) Verdict {
	print := func(v float64) string { return fmt.Sprintf("%.4g", v/f.unit) }
	v := Verdict{Figure: f.name, Baseline: "-", Median: "-", Rise: "-", End: "-", Says: "flat"}
	if r.Config.For >= shortest {
		t := trendOf(r.Samples, f)
		v.Median, v.Rise = print(t.median), print(t.rise)
		if t.grew(f.floor) {
			v.Says, v.Failed = "GREW", true
		}
	} else {
		v.Says = "too short to tell"
	}
	if f.slack < 0 {
		return v
	}
	before, after := f.of(r.Baseline), f.of(r.Final)
	v.Baseline, v.End = print(before), print(after)
	if after > before+f.slack {
		v.Says, v.Failed = v.Says+", NOT BACK", true
	} else {
		v.Says += ", back"
	}
	return v
}

// trend is the straight line through the second half of the samples.
type trend struct {
	median float64 // of the samples
	rise   float64 // of the line, from one end to the other
	spread float64 // between the quartiles of the samples' distances from it
}

func trendOf(samples []Sample, f figure) trend {
	var at, values []float64
	for _, s := range samples[len(samples)/2:] {
		at = append(at, s.At.Seconds())
		values = append(values, f.of(s))
	}
	t := trend{median: stats.Median(values)}
	line, ok := stats.Fit(at, values)
	if !ok {
		return t
	}
	t.rise = line.Slope * (at[len(at)-1] - at[0])
	for i := range values {
		values[i] -= line.Intercept + line.Slope*at[i]
	}
	around := stats.Summarize(values)
	t.spread = around.Q3 - around.Q1
	return t
}

func (t trend) grew(floor float64) bool {
	return t.rise > max(floor, tolerated*t.median, 2*t.spread)
}
