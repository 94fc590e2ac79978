package child

import (
	"strconv"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestOnlyTheBusiestThreadsWaitCounts(t *testing.T) {
	before := Threads{"busy": {10, 5}, "idle": {100, 100}}
	after := Threads{"busy": {10 + 7*time.Second, 5 + time.Second}, "idle": {101, 100 + 9*time.Second}, "new": {1, 1}}
	if got := after.Waited(before); got != time.Second {
		t.Errorf("waited %v, want 1s", got)
	}
}
