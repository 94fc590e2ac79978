package child

import (
	"strconv"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestKilobytes(t *testing.T) {
	text := []byte("5566-7788 ---p 00000000 00:00 0   [rollup]\nRss:                1524 kB\nAnonymous:           120 kB\nAnonHugePages:         0 kB\n")
	for _, tt := range []struct {
		label string
		want  int64
	}{{"Rss:", 1524 << 10}, {"Anonymous:", 120 << 10}} {
		if got, err := kilobytes(text, tt.label); err != nil || got != tt.want {
			t.Errorf("%s %d, %v; want %d", tt.label, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "Rss: 12\n", "Rss: many kB\n", "Pss: 12 kB\n"} {
		if got, err := kilobytes([]byte(bad), "Rss:"); err == nil {
			t.Errorf("%q gave %d", bad, got)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	got, err := parseSchedstat([]byte("981532 31597 3\n"))
	if want := (Thread{Ran: 981532, Waited: 31597}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := parseSchedstat([]byte("981532\n")); err == nil {
		t.Errorf("half a line gave %+v", got)
	}
}

func TestOnlyTheBusiestThreadsWaitCounts(t *testing.T) {
	before := Threads{"busy": {10, 5}, "idle": {100, 100}}
	after := Threads{"busy": {10 + 7*time.Second, 5 + time.Second}, "idle": {101, 100 + 9*time.Second}, "new": {1, 1}}
	if got := after.Waited(before); got != time.Second {
		t.Errorf("waited %v, want 1s", got)
	}
}
