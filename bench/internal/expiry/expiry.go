// Package expiry measures how late a connect gives up that nobody answers:
// stream.ConnectTimeout beside package net and the kernel's own poll(2), which
// tells how late this machine wakes anybody up.
package expiry

import (
	"slices"
	"time"
)

// Kind is whose limit is measured.
type Kind string

// The kinds. All lists them in the order in which they take turns.
const (
	Engine   Kind = "stream.ConnectTimeout"
	Standard Kind = "net.DialTimeout"
	Kernel   Kind = "poll(2)"
)

// All lists the kinds in the order in which they take turns.
var All = []Kind{Engine, Standard, Kernel}

// Row is one kind under one limit.
type Row struct {
	Kind  Kind            `json:"kind"`
	Limit time.Duration   `json:"limit_ns"`
	Late  []time.Duration `json:"late_ns"` // by how much each try went on too long; negative is early
	Err   string          `json:"error,omitempty"`
}

// Early returns how many tries gave up before their limit.
func (r *Row) Early() int {
	n := 0
	for _, d := range r.Late {
		if d < 0 {
			n++
		}
	}
	return n
}

// Quantile returns the lateness that the share q of the tries does not exceed, 0
// if there were none.
func (r *Row) Quantile(q float64) time.Duration {
	if len(r.Late) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.Late))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
