package client

import (
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// recorded is a window with the given latencies.
func recorded(t *testing.T, w window, latencies ...time.Duration) window {
	t.Helper()
	h := newHistogram()
	for _, l := range latencies {
		record(h, int64(l), 1)
	}
	w.Requests = uint64(len(latencies))
	var err error
	if w.Each, err = encode(h); err != nil {
		t.Fatal(err)
	}
	return w
}

// near tells whether got is want to the histogram's precision.
func near(got int64, want time.Duration) bool {
	off := float64(got)/float64(want) - 1
	return -0.001 <= off && off <= 0.001
}

func TestHistogramsMerge(t *testing.T) {
	fast, slow := make([]time.Duration, 900), make([]time.Duration, 100)
	for i := range fast {
		fast[i] = 10 * time.Microsecond
	}
	for i := range slow {
		slow[i] = 5 * time.Millisecond
	}
	a := recorded(t, window{Mode: Closed, Wall: time.Second, CPU: 300 * time.Millisecond}, fast...)
	b := recorded(t, window{Mode: Closed, Wall: time.Second, CPU: 500 * time.Millisecond}, slow...)
	ra, err := describe([]window{a})
	if err != nil {
		t.Fatal(err)
	}
	rb, err := describe([]window{b})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Sum(ra, rb)
	if err != nil {
		t.Fatal(err)
	}
	l := sum.Latency
	// Percentiles of all: not the mean of those of the parts.
	if !near(l.P50, 10*time.Microsecond) || !near(l.P99, 5*time.Millisecond) || !near(l.Max, 5*time.Millisecond) {
		t.Errorf("%+v", l)
	}
	if sum.Requests != 1000 || sum.Seconds != 2 || sum.CPU != 800*time.Millisecond || sum.Busy != 0.4 || sum.Saturated {
		t.Errorf("%+v", sum)
	}
	again, err := Sum(sum, ra)
	if err != nil || again.Requests != 1900 {
		t.Errorf("%d requests, error %v", again.Requests, err)
	}
}

func TestNoLatencyIsNone(t *testing.T) {
	r, err := describe([]window{{Mode: Closed, Wall: time.Second}})
	if err != nil || r.Latency != nil || r.Requests != 0 {
		t.Errorf("%+v, error %v", r, err)
	}
	if r, err := Sum(); err != nil || r.Seconds != 0 || r.Busy != 0 {
		t.Errorf("%+v, error %v", r, err)
	}
	if _, err := describe([]window{{Each: []byte("nonsense")}}); err == nil {
		t.Error("nonsense passed for a histogram")
	}
}

func TestExtremeLatencies(t *testing.T) {
	r, err := describe([]window{recorded(t, window{Mode: Closed, Wall: 1}, -1, 0, time.Hour)})
	if err != nil || r.Latency == nil {
		t.Fatalf("%+v, error %v", r, err)
	}
	if r.Latency.Curve[0].NS != 0 || !near(r.Latency.Max, time.Minute) {
		t.Errorf("from %d to %d", r.Latency.Curve[0].NS, r.Latency.Max)
	}
}

func TestSaturation(t *testing.T) {
	for _, tt := range []struct {
		w    window
		want bool
	}{
		{window{Mode: Closed, Wall: 1000, CPU: 950}, false},
		{window{Mode: Closed, Wall: 1000, CPU: 951}, true},
		{window{Mode: Closed, Wall: 1000, CPU: 1000, Spun: 50}, false},
		{window{Mode: Closed, Wall: 1000, CPU: 1000, Spun: 49}, true},
		{window{Mode: Open, Wall: 1000, Due: 100, Late: 1}, false},
		{window{Mode: Open, Wall: 1000, Due: 100, Late: 2}, true},
		{window{Mode: Open, Wall: 1000, CPU: 1000, Due: 100, Lateness: 100 * latenessLimit}, false},
		{window{Mode: Open, Wall: 1000, CPU: 1000, Due: 100, Lateness: 100*latenessLimit + 1}, true},
		{window{Mode: Open, Wall: 1000, CPU: 950, Due: 100, Lateness: 200 * latenessLimit}, false},
	} {
		r, err := describe([]window{tt.w})
		if err != nil || r.Saturated != tt.want {
			t.Errorf("%+v: saturated %v, error %v", tt.w, r.Saturated, err)
		}
	}
}

// What others have of a generator's core while it looks is not taken for its idleness.
func TestPreemptionWhileLookingLeavesTheWork(t *testing.T) {
	quiet := window{Mode: Closed, Wall: 1000, CPU: 1000, Spun: 200}
	preempted := window{Mode: Closed, Wall: 1000, CPU: 500, Spun: 800}
	for _, tt := range []struct {
		windows []window
		want    float64
	}{
		{[]window{quiet}, 0.8},
		{[]window{preempted}, 0.1},
		{[]window{quiet, preempted}, 0.45},
	} {
		r, err := describe(tt.windows)
		if err != nil || r.Busy != tt.want {
			t.Errorf("%+v: busy for %v, want %v, error %v", tt.windows, r.Busy, tt.want, err)
		}
	}
}

func TestCurve(t *testing.T) {
	var all []time.Duration
	for i := range 100_000 {
		all = append(all, time.Duration(i)*time.Microsecond)
	}
	r, err := describe([]window{recorded(t, window{Wall: 1}, all...)})
	if err != nil {
		t.Fatal(err)
	}
	c := r.Latency.Curve
	if len(c) < 35 || len(c) > 50 {
		t.Errorf("%d points", len(c))
	}
	if last := c[len(c)-1]; last.Q != 1 || last.NS != r.Latency.Max {
		t.Errorf("the last point is %+v, the longest latency %d", last, r.Latency.Max)
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999} {
		if !hasPoint(c, q) {
			t.Errorf("no point at %v", q)
		}
	}
	for i := 1; i < len(c); i++ {
		if c[i].Q <= c[i-1].Q || c[i].NS < c[i-1].NS {
			t.Errorf("%+v follows %+v", c[i], c[i-1])
		}
	}
}

func hasPoint(c []results.Quantile, q float64) bool {
	for _, p := range c {
		if p.Q > q-1e-9 && p.Q < q+1e-9 {
			return true
		}
	}
	return false
}
