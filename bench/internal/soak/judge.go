package soak

// What counts as growing, as too much, and as not coming back.

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/eddyline/eddyline/bench/internal/stats"
	"github.com/eddyline/eddyline/loop"
)

// Rules is the judgement in words, for those who read the table.
const Rules = `Flat: what rises in every quarter of the run rises by no more than 10 % of its
median, or 4 MB resident, 4 MB heap, 4 descriptors besides those of connections,
2 goroutines; latency by no more than half; and twelve times what is noise. A
neighbour on the machine who comes or goes is no growth: growth goes on. "noticed
from" is the rise that this run would have told. Runs of less than 45 s are too
short.
Latency is that of small echoes, as a multiple of the same to an idle server of
package net beside it, in the same second: the machine's part cancels out. The
median of these multiples is at most 10 (p50 and p99).
Bounded: no sample has more than 64 MB and 256 KB for each connection of the load,
resident or heap, above what was before it; nor 8 goroutines more; nor a descriptor
more than connections, the load's once more for those that come and go meanwhile.
Samples within two seconds of a stop say nothing of latency and descriptors.
Back: when the load has ended, descriptors and goroutines are exactly as many as
before it, and heap and resident memory at most 12 and 32 MB more: the two loops
keep up to 4 MB each for the next connections.
`

const (
	shortest  = 45 * time.Second // the run that says something about growth
	certainty = 12               // times its noise that a rise must be above

	mega  = 1 << 20
	milli = float64(time.Millisecond)
)

// figure is one of the numbers of a sample. What is zero is not judged.
type figure struct {
	name  string
	unit  float64 // of the number, in what is printed
	of    func(Sample) float64
	calm  bool    // samples in which the server was stopped say nothing
	share float64 // of its median, by which it may rise over the run
	floor float64 // a rise of less means nothing
	most  float64 // what its median may be
	room  float64 // how much more than the baseline a sample may have
	each  float64 // and how much for each connection of the load
	back  bool    // the end is compared with the baseline
	slack float64 // how much more the end may have
}

var figures = []figure{
	{name: "resident, MB", unit: mega, of: func(s Sample) float64 { return float64(s.Resident) },
		share: 0.1, floor: 4 * mega, room: 64 * mega, each: mega / 4, back: true, slack: 32 * mega},
	{name: "heap, MB", unit: mega, of: func(s Sample) float64 { return float64(s.Heap) },
		share: 0.1, floor: 4 * mega, room: 64 * mega, each: mega / 4, back: true, slack: 2*loop.DefaultMaxIdleBlocks + 4*mega},
	{name: "descriptors less connections", unit: 1, of: func(s Sample) float64 { return float64(s.Descriptors - s.Conns) }, calm: true,
		share: 0.1, floor: 4, room: 1, each: 1, back: true},
	{name: "goroutines", unit: 1, of: func(s Sample) float64 { return float64(s.Goroutines) },
		share: 0.1, floor: 2, room: 8, back: true},
	{name: "p50, times the control's", unit: 1, of: func(s Sample) float64 { return ratio(s.Server.P50, s.Control.P50) }, calm: true, share: 0.5, most: 10},
	{name: "p99, times the control's", unit: 1, of: func(s Sample) float64 { return ratio(s.Server.P99, s.Control.P99) }, calm: true, share: 0.5, most: 10},
	{name: "p50, ms", unit: milli, of: func(s Sample) float64 { return float64(s.Server.P50) }, calm: true},
	{name: "p99, ms", unit: milli, of: func(s Sample) float64 { return float64(s.Server.P99) }, calm: true},
	{name: "p50 of the control, ms", unit: milli, of: func(s Sample) float64 { return float64(s.Control.P50) }, calm: true},
	{name: "p99 of the control, ms", unit: milli, of: func(s Sample) float64 { return float64(s.Control.P99) }, calm: true},
}

// ratio is NaN where there is nothing to compare with.
func ratio(a, b time.Duration) float64 {
	if a == 0 || b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// Verdict is how one figure did.
type Verdict struct {
	Figure  string
	Before  string
	Median  string
	Rise    string // over the run
	Noticed string // the rise that would have failed
	Peak    string
	After   string
	Says    string
	Failed  bool
}

// say adds bad or good to what the verdict says.
func (v *Verdict) say(failed bool, bad, good string) {
	if failed {
		v.Failed, good = true, bad
	}
	if v.Says != "" {
		v.Says += ", "
	}
	v.Says += good
}

// judge fills in the verdicts.
func (r *Result) judge() {
	r.Verdicts = nil
	for _, f := range figures {
		r.Verdicts = append(r.Verdicts, r.verdict(f))
	}
}

// verdict judges one figure.
func (r *Result) verdict(f figure) Verdict {
	v := Verdict{Figure: f.name, Before: "-", Median: "-", Rise: "-", Noticed: "-", Peak: "-", After: "-"}
	at, values := f.values(r.Samples)
	if len(values) == 0 {
		v.say(false, "", "not seen")
		return v
	}
	median, peak, before := stats.Median(values), slices.Max(values), f.of(r.Baseline)
	v.Median, v.Peak = f.print(median), f.print(peak)
	if f.share > 0 {
		r.judgeGrowth(f, &v, at, values)
	}
	if f.most > 0 {
		v.say(median > f.most, "TOO MUCH", "in bounds")
	}
	if f.room > 0 {
		v.say(peak > before+f.room+f.each*float64(r.Config.Conns), "TOO MUCH", "bounded")
	}
	if f.back {
		v.Before = f.print(before)
	}
	if f.back && r.Final != nil {
		after := f.of(*r.Final)
		v.After = f.print(after)
		v.say(after > before+f.slack, "NOT BACK", "back")
	}
	return v
}

func (r *Result) judgeGrowth(f figure, v *Verdict, at, values []float64) {
	trend, limit, ok := f.trend(at, values)
	if !ok || r.lasted() < shortest {
		v.say(false, "", "too short to tell growth")
		return
	}
	v.Rise, v.Noticed = f.print(trend.Rise), f.print(trend.Certain(limit))
	good := "flat"
	if trend.Rise > limit {
		good = "rose, but not all the time"
	}
	v.say(trend.Steady() > limit, "GREW", good)
}

// trend is that of a figure, and by how much it may rise.
func (f figure) trend(at, values []float64) (t stats.Trend, limit float64, ok bool) {
	t, ok = stats.Rising(at, values)
	return t, max(f.floor, f.share*stats.Median(values), certainty*t.Noise), ok
}

func (f figure) print(n float64) string { return fmt.Sprintf("%.4g", n/f.unit) }

// values are those that say something, and when they were seen, in seconds.
func (f figure) values(samples []Sample) (at, values []float64) {
	for _, s := range samples {
		if v := f.of(s); !math.IsNaN(v) && !(f.calm && s.Stopped) {
			at, values = append(at, s.At.Seconds()), append(values, v)
		}
	}
	return at, values
}
