package sys

import (
	"math"
	"testing"
	"time"
)

// Never a shorter wait than asked for, never one that wraps.
func TestMillisecondsRoundsUpAndSaturates(t *testing.T) {
	const longest = math.MaxInt32 * time.Millisecond
	for d, want := range map[time.Duration]int{
		math.MinInt64:        -1,
		-1:                   -1,
		0:                    0,
		1:                    1,
		time.Millisecond - 1: 1,
		time.Millisecond:     1,
		time.Millisecond + 1: 2,
		time.Second:          1000,
		longest - 1:          math.MaxInt32,
		longest:              math.MaxInt32,
		longest + 1:          math.MaxInt32,
		math.MaxInt64:        math.MaxInt32,
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("milliseconds(%d) = %d, want %d", d, got, want)
		}
	}
}
