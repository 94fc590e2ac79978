package external

// wrk: what it is told and what it says.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// wrkScript makes wrk say what it knows, exactly and in one line of JSON; its own
// report is rounded and has no quantile above 0.99.
const wrkScript = `done = function(summary, latency, requests)
  local curve = {}
  for _, q in ipairs({0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99}) do
    table.insert(curve, string.format("[%g,%d]", q / 100, latency:percentile(q)))
  end
  table.insert(curve, string.format("[1,%d]", latency.max))
  local e = summary.errors
  io.write(string.format('\n{"requests":%d,"us":%d,"bytes":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"curve":[%s]}\n',
    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout, table.concat(curve, ",")))
end
`

// wrkReport is what the script writes.
type wrkReport struct {
	Requests uint64       `json:"requests"`
	US       uint64       `json:"us"`
	Bytes    uint64       `json:"bytes"`
	Connect  uint32       `json:"connect"` // errors, by kind
	Read     uint32       `json:"read"`
	Write    uint32       `json:"write"`
	Status   uint32       `json:"status"`
	Timeout  uint32       `json:"timeout"`
	Curve    [][2]float64 `json:"curve"` // quantile, microseconds
}

// wrkArgs are the arguments of one run. wrk counts in whole seconds.
func wrkArgs(script, url string, conns int, length time.Duration) []string {
	seconds := int((length + time.Second - 1) / time.Second)
	return []string{"-t", "1", "-c", strconv.Itoa(conns), "-d", strconv.Itoa(max(1, seconds)) + "s", "-s", script, url}
}

// parseWrk finds the script's line in wrk's output. Requests that failed make the
// run a failure.
func parseWrk(out []byte) (Result, error) {
	var line string
	for l := range strings.Lines(string(out)) {
		if strings.HasPrefix(l, "{") {
			line = l
		}
	}
	if line == "" {
		return Result{}, fmt.Errorf("wrk reported nothing:\n%s", strings.TrimSpace(string(out)))
	}
	var w wrkReport
	if err := json.Unmarshal([]byte(line), &w); err != nil {
		return Result{}, fmt.Errorf("report of wrk %q: %w", line, err)
	}
	if n := uint64(w.Connect) + uint64(w.Read) + uint64(w.Write) + uint64(w.Status) + uint64(w.Timeout); n > 0 {
		return Result{}, fmt.Errorf("wrk counted %d failures: %d connect, %d read, %d write, %d status, %d timeout",
			n, w.Connect, w.Read, w.Write, w.Status, w.Timeout)
	}
	if w.Requests == 0 || w.US == 0 {
		return Result{}, errors.New("wrk got no answer")
	}
	curve := make([]results.Quantile, len(w.Curve))
	for i, p := range w.Curve {
		var ok bool
		if curve[i], ok = quantile(p[0], p[1], 1e3); !ok {
			return Result{}, fmt.Errorf("report of wrk %q: %v is no latency", line, p)
		}
	}
	latency, err := describe(curve)
	if err != nil {
		return Result{}, fmt.Errorf("report of wrk %q: %w", line, err)
	}
	return Result{
		Seconds:  float64(w.US) / 1e6,
		Requests: w.Requests,
		Bytes:    w.Bytes,
		Latency:  latency,
	}, nil
}
