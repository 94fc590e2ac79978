package soak

// What counts as growing, as too much, and as not coming back.

import (
	"fmt"
	"slices"
	"time"

	"github.com/eddyline/eddyline/bench/internal/stats"
)

// Rules is the judgement in words, for those who read the table.
const Rules = `Flat: the median of the last third of the samples is above that of the middle third
by at most 10 % (latency: 25 %), or by at most 4 MB resident, 4 MB heap, 4 descriptors
besides those of connections, 2 goroutines, 1 ms at p50, 5 ms at p99. Runs of less
than 30 s are too short.
Bounded: no sample has more than 64 MB and 256 KB for each connection of the load,
resident or heap, above what was before it; nor 8 goroutines more; nor a descriptor
more than connections, the load's once more for those that come and go meanwhile.
Samples within two seconds of a stop say nothing of latency and descriptors.
Back: when the load has ended, descriptors and goroutines are exactly as many as
before it, and heap and resident memory at most 8 and 32 MB more.
`

// shortest is the run whose thirds say something about growth.
const shortest = 30 * time.Second

const mega = 1 << 20

// figure is one of the numbers of a sample.
type figure struct {
	name  string
	unit  float64 // of the number, in what is printed
	of    func(Sample) float64
	share float64 // of itself, by which it may rise
	floor float64 // a rise of less means nothing
	room  float64 // how much more than the baseline a sample may have; 0: anything
	each  float64 // and how much for each connection of the load
	slack float64 // how much more the end may have than the baseline; negative: not compared
	calm  bool    // samples in which the server was stopped say nothing
}

var figures = []figure{
	{"resident, MB", mega, func(s Sample) float64 { return float64(s.Resident) }, 0.1, 4 * mega, 64 * mega, mega / 4, 32 * mega, false},
	{"heap, MB", mega, func(s Sample) float64 { return float64(s.Heap) }, 0.1, 4 * mega, 64 * mega, mega / 4, 8 * mega, false},
	{"descriptors less connections", 1, func(s Sample) float64 { return float64(s.Descriptors - s.Conns) }, 0.1, 4, 1, 1, 0, true},
	{"goroutines", 1, func(s Sample) float64 { return float64(s.Goroutines) }, 0.1, 2, 8, 0, 0, false},
	{"p50, ms", float64(time.Millisecond), func(s Sample) float64 { return float64(s.P50) }, 0.25, float64(time.Millisecond), 0, 0, -1, true},
	{"p99, ms", float64(time.Millisecond), func(s Sample) float64 { return float64(s.P99) }, 0.25, float64(5 * time.Millisecond), 0, 0, -1, true},
}

// Verdict is how one figure did.
type Verdict struct {
	Figure string
	Before string
	Middle string // median of the middle third
	Last   string // and of the last
	Peak   string
	After  string
	Says   string
	Failed bool
}

// judge fills in the verdicts.
func (r *Result) judge() {
	r.Verdicts = nil
	for _, f := range figures {
		r.Verdicts = append(r.Verdicts, r.verdict(f))
	}
}

func (r *Result) verdict(f figure) Verdict {
	v := Verdict{Figure: f.name, Before: "-", Middle: "-", Last: "-", Peak: "-", After: "-"}
	print := func(n float64) string { return fmt.Sprintf("%.4g", n/f.unit) }
	say := func(good, bad string, failed bool) {
		text := good
		if failed {
			text, v.Failed = bad, true
		}
		if v.Says != "" {
			v.Says += ", "
		}
		v.Says += text
	}
	if r.lasted() < shortest {
		say("too short to tell growth", "", false)
	} else {
		middle, last := r.thirds(f)
		v.Middle, v.Last = print(middle), print(last)
		say("flat", "GREW", last-middle > max(f.floor, f.share*middle))
	}
	peak := f.peak(r.Samples)
	v.Peak = print(peak)
	before, after := f.of(r.Baseline), f.of(r.Final)
	if f.room > 0 {
		say("bounded", "TOO MUCH", peak > before+f.room+f.each*float64(r.Config.Conns))
	}
	if f.slack >= 0 {
		v.Before, v.After = print(before), print(after)
		say("back", "NOT BACK", after > before+f.slack)
	}
	return v
}

// lasted is how long there were samples.
func (r *Result) lasted() time.Duration {
	return r.Samples[len(r.Samples)-1].At + r.Config.every()
}

// thirds are the medians of the middle and of the last third of the run.
func (r *Result) thirds(f figure) (middle, last float64) {
	n := len(r.Samples)
	return f.median(r.Samples[n/3 : 2*n/3]), f.median(r.Samples[2*n/3:])
}

func (f figure) median(samples []Sample) float64 {
	if values := f.values(samples); len(values) > 0 {
		return stats.Median(values)
	}
	return 0
}

// peak is the most of those samples that say something, 0 if none does.
func (f figure) peak(samples []Sample) float64 { return slices.Max(append(f.values(samples), 0)) }

// values are those that say something.
func (f figure) values(samples []Sample) []float64 {
	var values []float64
	for _, s := range samples {
		if !f.calm || !s.Stopped {
			values = append(values, f.of(s))
		}
	}
	return values
}
