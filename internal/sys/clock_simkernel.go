//go:build linux && simkernel

package sys

import "time"

// Now is the model's time.
func Now() time.Time { return time.Now() }

// Since is the model's time since t.
func Since(t time.Time) time.Duration { return time.Since(t) }

// Until is the model's time until t.
func Until(t time.Time) time.Duration { return time.Until(t) }
