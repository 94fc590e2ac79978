package external

// What a program says is read back as it was said; anything else that is taken makes
// sense, and what is refused is quoted.

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// ascend makes a curve of steps: parts per thousand, and microseconds.
func ascend(steps []byte) (curve []results.Quantile) {
	q, us := 0, 0
	for ; len(steps) >= 3; steps = steps[3:] {
		q, us = min(1000, q+int(steps[0])), us+int(binary.BigEndian.Uint16(steps[1:]))
		curve = append(curve, results.Quantile{Q: float64(q) / 1000, NS: int64(us) * 1000})
	}
	return curve
}

// sensible wants what was read of anything to make sense.
func sensible(t *testing.T, text string, r Result) {
	t.Helper()
	if !(r.Seconds > 0) || r.Requests == 0 {
		t.Errorf("%q: %d requests in %v s", text, r.Requests, r.Seconds)
	}
	if r.Latency == nil {
		return
	}
	l := r.Latency
	if all := []int64{0, l.P50, l.P90, l.P99, l.P999, l.Max}; !slices.IsSorted(all) {
		t.Errorf("%q: latencies %v do not ascend", text, all)
	}
	for _, p := range l.Curve {
		if !(p.Q >= 0 && p.Q <= 1) || p.NS < 0 || p.NS > l.Max && p.Q < 1 {
			t.Errorf("%q: %d ns at quantile %v", text, p.NS, p.Q)
		}
	}
}

func FuzzWrk(f *testing.F) {
	f.Add(uint32(2819), uint32(1016819), uint32(341099), uint8(0), []byte("\x00\x00\x15\xff\x00\x20\xff\x01\x00\xff\x01\x00\xff\x01\x00"), "{}")
	f.Add(uint32(0), uint32(1), uint32(1), uint8(3), []byte{}, `{"requests":1,"us":1,"curve":[[0.5,2],[0.4,3]]}`)
	for _, curve := range []string{"[0,-1]", "[0,1e300]", "[2,1]", "[-1,1]", "[0.5,2],[0.6,1]", "[0.5,2],[0.4,3]", `["NaN",1]`, "[1]"} {
		f.Add(uint32(1), uint32(0), uint32(1), uint8(0), []byte{}, `{"requests":1,"us":1,"curve":[`+curve+`]}`)
	}
	f.Add(uint32(1), uint32(1), uint32(1), uint8(1), []byte{}, `{"requests":1,"us":1,"connect":1,"read":-1}`)
	f.Fuzz(func(t *testing.T, requests, us, size uint32, failed uint8, steps []byte, text string) {
		curve := ascend(steps)
		var points []string
		for _, p := range curve {
			points = append(points, fmt.Sprintf("[%g,%d]", p.Q, p.NS/1000))
		}
		said := fmt.Sprintf("Running\n\n{\"requests\":%d,\"us\":%d,\"bytes\":%d,\"connect\":0,\"read\":0,\"write\":0,\"status\":%d,\"timeout\":0,\"curve\":[%s]}\n",
			requests, us, size, failed, strings.Join(points, ","))
		r, err := parseWrk([]byte(said))
		if ok := requests > 0 && us > 0 && failed == 0; ok != (err == nil) {
			t.Fatalf("%s: %v, %v", said, r, err)
		}
		if err == nil {
			sensible(t, said, r)
			if r.Requests != uint64(requests) || r.Seconds != float64(us)/1e6 || r.Bytes != uint64(size) || len(curve) > 0 && !slices.Equal(r.Latency.Curve, curve) {
				t.Errorf("%s: %+v", said, r)
			}
		}
		if r, err := parseWrk([]byte(text)); err == nil {
			sensible(t, text, r)
		}
	})
}

func FuzzRedisReport(f *testing.F) {
	const report = "  %s requests completed in 0.05 seconds\n\nLatency by percentile distribution:\n%s\nCumulative distribution of latencies:\n0.000%% <= 0.103 milliseconds\n" +
		"  throughput summary: %s requests per second\n"
	f.Add(uint32(20000), uint32(41666666), []byte("\x00\x00\xcf\xff\x01\x00\xff\x01\x00\xff\x01\x00\xff\x01\x00"), "")
	f.Add(uint32(1), uint32(7), []byte("\x00\x03\xe9"), "") // 1.001 ms, which is a little less in binary
	f.Add(uint32(0), uint32(1), []byte{}, fmt.Sprintf(report, "99999999999999999999", "", "1.0"))
	f.Add(uint32(1), uint32(0), []byte{}, fmt.Sprintf(report, "1", "", "1.2.3"))
	for _, line := range []string{"50% <= 1.2.3", "50% <= 99999999999999", "101% <= 1", "50% <= 2 milliseconds\n40% <= 3", "50% <= 2 milliseconds\n60% <= 1"} {
		f.Add(uint32(1), uint32(1), []byte{}, fmt.Sprintf(report, "1", line+" milliseconds\n", "1.0"))
	}
	f.Fuzz(func(t *testing.T, requests, centis uint32, steps []byte, text string) {
		curve := ascend(steps)
		var lines strings.Builder
		for _, p := range curve {
			fmt.Fprintf(&lines, "%.3f%% <= %.3f milliseconds (cumulative count 1)\n", 100*p.Q, float64(p.NS)/1e6)
		}
		rate := fmt.Sprintf("%d.%02d", centis/100, centis%100)
		said := fmt.Sprintf(report, fmt.Sprint(requests), lines.String(), rate)
		r, err := parseRedis([]byte(said))
		if ok := requests > 0 && centis > 0; ok != (err == nil) {
			t.Fatalf("%s: %v, %v", said, r, err)
		}
		if err == nil {
			sensible(t, said, r)
			if off := r.Seconds*float64(centis)/100 - float64(requests); r.Requests != uint64(requests) || max(off, -off) > 1e-6*float64(requests) ||
				len(curve) > 0 && !slices.EqualFunc(r.Latency.Curve, curve, func(a, b results.Quantile) bool { return a.NS == b.NS && max(a.Q-b.Q, b.Q-a.Q) < 1e-9 }) {
				t.Errorf("%s: %+v, want %+v", said, r, curve)
			}
		}
		if r, err := parseRedis([]byte(text)); err == nil {
			sensible(t, text, r)
		}
	})
}

func FuzzStrace(f *testing.F) {
	f.Add([]byte("\x13\x89\x00\x00\x3a\x07"), uint16(9999), "% time seconds usecs/call calls errors syscall\n 1 2 3 many read\n")
	f.Add([]byte("\x13\x89\x00\x00\x3a\x07"), uint16(420), "% time seconds usecs/call calls errors syscall\n 1 2 3 4 total\n")
	f.Add([]byte{}, uint16(100), "calls calls\n9223372036854775807 a\n1 b\n 9223372036854775808 total")
	f.Fuzz(func(t *testing.T, rows []byte, cut uint16, text string) {
		const rule = "------ ----------- ----------- --------- --------- ----------------\n"
		table := "% time     seconds  usecs/call     calls    errors syscall\n" + rule
		row := func(calls, errors int, name string) string {
			failed := ""
			if errors > 0 {
				failed = fmt.Sprint(errors)
			}
			return fmt.Sprintf("%6.2f %11.6f %11d %9d %9s %s\n", 58.18, 0.060725, 12, calls, failed, name)
		}
		sum, errors := 0, 0
		for ; len(rows) >= 3; rows = rows[3:] {
			calls := int(binary.BigEndian.Uint16(rows))
			table += row(calls, int(rows[2]), fmt.Sprintf("call%d", len(rows)))
			sum, errors = sum+calls, errors+int(rows[2])
		}
		said := table + rule + row(sum, errors, "total")
		if got, err := parseStrace([]byte(said)); err != nil || got != uint64(sum) {
			t.Errorf("%s: %d, %v, want %d", said, got, err, sum)
		}
		for _, wrong := range []int{sum - 1, sum + 1} {
			if got, err := parseStrace([]byte(table + rule + row(wrong, errors, "total"))); err == nil {
				t.Errorf("%s with a total of %d: %d", table, wrong, got)
			}
		}
		// Without its end it tells nothing.
		part := said[:min(int(cut), len(said)-len("l\n"))]
		if got, err := parseStrace([]byte(part)); err == nil {
			t.Errorf("%s: %d", part, got)
		}
		if got, err := parseStrace([]byte(text)); err == nil && !strings.Contains(text, "total") {
			t.Errorf("%q: %d calls", text, got)
		}
	})
}
