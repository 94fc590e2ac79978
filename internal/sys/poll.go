package sys

import (
	"math"
	"time"
)

// milliseconds gives the timeout argument of poll(2) and epoll_wait(2): -1 for
// no limit, else d rounded up, so that a wait is never cut short, and at most
// what 32 bits hold, so that a long one is cut short rather than wrapped.
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	ms := d / time.Millisecond
	if d%time.Millisecond != 0 {
		ms++
	}
	return int(min(ms, math.MaxInt32))
}
