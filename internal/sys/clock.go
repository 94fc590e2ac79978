//go:build !linux || !simkernel

package sys

// The clock that timers and deadlines go by. In a simkernel build it is the
// model's.

import "time"

// Now is time.Now.
func Now() time.Time { return time.Now() }

// Since is time.Since.
func Since(t time.Time) time.Duration { return time.Since(t) }

// Until is time.Until.
func Until(t time.Time) time.Duration { return time.Until(t) }
