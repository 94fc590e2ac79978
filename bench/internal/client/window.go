package client

// A window's raw figures, and what is read off them.

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/eddyline/eddyline/bench/internal/results"
)

const (
	longest   = int64(time.Minute) // latencies beyond count as this
	precision = 3                  // significant digits of a recorded latency
	tardy     = time.Millisecond   // from here on a message was sent late
	overtime  = 2 * time.Second    // for which the replies to what was due in a window are awaited after its end

	// The limits past which a generator is saturated; see Result.
	busyLimit     = 0.95
	lateLimit     = 0.01
	latenessLimit = 100 * time.Microsecond
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, precision) }

// record notes n latencies of ns each.
func record(h *hdrhistogram.Histogram, ns int64, n int) {
	// The bounds are the histogram's, so there is no error.
	_ = h.RecordValues(min(max(ns, 0), longest), int64(n))
}

// empty resets h if it has anything: that takes so long that at a fixed rate messages
// wait meanwhile.
func empty(h *hdrhistogram.Histogram) {
	if h.TotalCount() > 0 {
		h.Reset()
	}
}

// window is what a generator reports of a window. Histograms are in the library's
// encoding, empty if nothing was recorded.
type window struct {
	Mode        Mode
	Wall        time.Duration
	CPU         time.Duration
	Spun        time.Duration
	Requests    uint64
	Bytes       uint64
	Each        []byte // latencies of requests
	All         []byte // in mode Fanout, until the last connection had the message
	Due         uint64
	Late        uint64
	Lateness    time.Duration // summed over the messages that became due
	Outstanding int
	Oldest      time.Duration
	Unanswered  uint64 // when they were awaited no longer
	SlowBytes   uint64
	Datagrams   uint64 // sent
	Overdue     uint64 // given up
	Belated     uint64 // given up before, and then they came
}

// describe sums windows and reads the figures off them.
func describe(windows []window) (Result, error) {
	var sum window
	work := 0.0
	each, all := newHistogram(), newHistogram()
	for _, w := range windows {
		sum.add(w)
		work += w.work()
		if err := merge(each, w.Each); err != nil {
			return Result{}, err
		}
		if err := merge(all, w.All); err != nil {
			return Result{}, err
		}
	}
	r := Result{
		Seconds:   sum.Wall.Seconds(),
		Requests:  sum.Requests,
		Bytes:     sum.Bytes,
		Latency:   distribution(each),
		CPU:       sum.CPU,
		Spun:      sum.Spun,
		Datagrams: sum.Datagrams,
		Lost:      sum.Overdue - min(sum.Overdue, sum.Belated),
		windows:   windows,
	}
	if sum.Wall > 0 {
		r.Busy = work / float64(sum.Wall)
	}
	r.Saturated = sum.saturated(r.Busy)
	r.Extra = sum.extra(all)
	return r, nil
}

// work is the processor time that a generator did not look for replies in vain. It has
// lost to others of both alike, and who looks does not sleep, so that processor time is
// shared out as the time of the window is.
func (w *window) work() float64 {
	if w.Wall <= 0 {
		return 0
	}
	return float64(w.CPU) * float64(w.Wall-w.Spun) / float64(w.Wall)
}

func (w *window) saturated(busy float64) bool {
	if w.Mode != Open {
		return busy > busyLimit
	}
	due := float64(w.Due)
	return float64(w.Late) > lateLimit*due || busy > busyLimit && float64(w.Lateness) > float64(latenessLimit)*due
}

func (w *window) add(v window) {
	w.Mode = v.Mode
	w.Wall += v.Wall
	w.CPU += v.CPU
	w.Spun += v.Spun
	w.Requests += v.Requests
	w.Bytes += v.Bytes
	w.Due += v.Due
	w.Late += v.Late
	w.Lateness += v.Lateness
	w.Outstanding = v.Outstanding
	w.Oldest = max(w.Oldest, v.Oldest)
	w.Unanswered += v.Unanswered
	w.SlowBytes = v.SlowBytes
	w.Datagrams += v.Datagrams
	w.Overdue += v.Overdue
	w.Belated += v.Belated
}

func (w *window) extra(all *hdrhistogram.Histogram) map[string]float64 {
	const us = 1e3
	switch w.Mode {
	case Open:
		return map[string]float64{
			"due":         float64(w.Due),
			"late":        float64(w.Late),
			"lateness µs": float64(w.Lateness) / us / max(1, float64(w.Due)),
			"outstanding": float64(w.Outstanding),
			"oldest µs":   float64(w.Oldest) / us,
			"unanswered":  float64(w.Unanswered),
		}
	case Fanout:
		return map[string]float64{
			"messages":   float64(all.TotalCount()),
			"all p50 µs": float64(all.ValueAtQuantile(50)) / us,
			"all p99 µs": float64(all.ValueAtQuantile(99)) / us,
			"all max µs": float64(all.Max()) / us,
		}
	case Datagrams:
		return map[string]float64{"belated": float64(w.Belated)}
	case Slow:
		return map[string]float64{"slow bytes": float64(w.SlowBytes)}
	}
	return nil
}

func encode(h *hdrhistogram.Histogram) ([]byte, error) {
	if h.TotalCount() == 0 {
		return nil, nil
	}
	return h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

func merge(into *hdrhistogram.Histogram, encoded []byte) error {
	if len(encoded) == 0 {
		return nil
	}
	h, err := hdrhistogram.Decode(encoded)
	if err != nil {
		return fmt.Errorf("histogram of a window: %w", err)
	}
	if dropped := into.Merge(h); dropped > 0 {
		return fmt.Errorf("histogram of a window: %d latencies of up to %d ns do not fit", dropped, h.Max())
	}
	return nil
}

// The shares at which a curve has points: tenths, and then ever denser toward 1,
// eight for each further nine.
var curve = func() []float64 {
	var qs []float64
	for i := range 9 {
		qs = append(qs, float64(i)/10)
	}
	const perNine, nines = 8, 5
	for i := perNine; i < nines*perNine; i++ {
		qs = append(qs, 1-math.Pow(10, -float64(i)/perNine))
	}
	return append(qs, 1)
}()

// distribution reads h, nil if it is empty.
func distribution(h *hdrhistogram.Histogram) *results.Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	at := func(q float64) int64 { return h.ValueAtQuantile(100 * q) }
	l := &results.Latency{P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: h.Max()}
	for _, q := range curve {
		l.Curve = append(l.Curve, results.Quantile{Q: q, NS: at(q)})
	}
	return l
}
