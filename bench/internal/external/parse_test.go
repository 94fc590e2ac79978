package external

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/results"
)

func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWrkReport(t *testing.T) {
	r, err := parseWrk(sample(t, "wrk-4.1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 2819 || r.Seconds != 1.016819 || r.Bytes != 341099 {
		t.Errorf("%d requests, %v s, %d bytes", r.Requests, r.Seconds, r.Bytes)
	}
	l := r.Latency
	if l.P50 != 1098_000 || l.P90 != 89713_000 || l.P99 != 164639_000 || l.P999 != 179251_000 || l.Max != 179278_000 || len(l.Curve) != 17 {
		t.Errorf("latency %+v", l)
	}
}

func TestWrkFailuresFailTheRun(t *testing.T) {
	good := string(sample(t, "wrk-4.1.txt"))
	for old, want := range map[string]string{
		`"read":0`:        "1 failures: 0 connect, 1 read",
		`"status":0`:      "1 status",
		`"requests":2819`: "no answer",
		`{"requests"`:     "reported nothing",
		`"us":1016819`:    "report of wrk",
	} {
		broken := map[string]string{
			`"read":0`: `"read":1`, `"status":0`: `"status":1`, `"requests":2819`: `"requests":0`,
			`{"requests"`: `"requests"`, `"us":1016819`: `"us":-1`,
		}[old]
		_, err := parseWrk([]byte(strings.Replace(good, old, broken, 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", broken, err, want)
		}
	}
}

func TestWrkCountsWholeSeconds(t *testing.T) {
	for length, want := range map[time.Duration]string{
		50 * time.Millisecond:   "1s",
		time.Second:             "1s",
		1100 * time.Millisecond: "2s",
	} {
		if args := wrkArgs("f.lua", "http://host/", 7, length); !slices.Equal(args, []string{"-t", "1", "-c", "7", "-d", want, "-s", "f.lua", "http://host/"}) {
			t.Errorf("%v: %q", length, args)
		}
	}
}

func TestRedisReport(t *testing.T) {
	r, err := parseRedis(sample(t, "redis-benchmark-7.0.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 20000 || math.Abs(r.Seconds-0.048) > 1e-6 {
		t.Errorf("%d requests, %v s", r.Requests, r.Seconds)
	}
	l := r.Latency
	// 0.9 lies between 0.875 (3.311 ms) and 0.9375 (4.327 ms), two fifths of the way.
	if l.P50 != 983_000 || l.P90 != 3_717_400 || l.Max != 5_623_000 || len(l.Curve) != 13 {
		t.Errorf("latency %+v", l)
	}
}

func TestRedisThatReportsNothing(t *testing.T) {
	for _, text := range []string{
		"",
		"Could not connect to Redis at 127.0.0.1:1: Connection refused\n",
		"  5 requests completed in 0.1 seconds\n  throughput summary: 0.00 requests per second\n",
		"  5 requests completed in 0.1 seconds\n",
	} {
		if r, err := parseRedis([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
}

func TestRedisArguments(t *testing.T) {
	args, err := redisArgs("127.0.0.1:6379", "PING", 50, 64, 16, 1000)
	if got := strings.Join(args, " "); err != nil || got != "-h 127.0.0.1 -p 6379 -c 50 -n 1000 -d 64 -P 16 -t ping_mbulk" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := redisArgs("nowhere", "PING", 1, 1, 1, 1); err == nil {
		t.Error("an address without port was taken")
	}
}

func TestStraceSummary(t *testing.T) {
	calls, err := parseStrace(sample(t, "strace-6.1.txt"))
	if err != nil || calls != 10738 {
		t.Errorf("%d calls, %v", calls, err)
	}
	for _, text := range []string{"", "% time seconds usecs/call calls errors syscall\n 1 2 3 many read\n"} {
		if n, err := parseStrace([]byte(text)); err == nil {
			t.Errorf("%q: %d calls", text, n)
		}
	}
}

func TestQuantilesBetweenPoints(t *testing.T) {
	curve := []results.Quantile{{Q: 0.5, NS: 100}, {Q: 1, NS: 200}}
	for q, want := range map[float64]int64{0.1: 100, 0.5: 100, 0.75: 150, 1: 200} {
		if got := at(curve, q); got != want {
			t.Errorf("quantile %v: %d, want %d", q, got, want)
		}
	}
	if l, err := describe(nil); l != nil || err != nil {
		t.Errorf("the distribution of nothing is %v, %v", l, err)
	}
}
