// Package soak runs a server of the engine under a mixed load with faults for a
// chosen time and judges whether it stays as it was: memory, descriptors,
// goroutines and latency flat, every byte right, nothing left at the end.
//
// The server is a process of its own. The load is made with package net, in this
// process, so that a fault of the engine cannot hide on both ends. A second
// process, the control, is an echo server of package net without load: what both
// suffer from is the machine's.
package soak

import (
	"os"
	"time"
)

// Config says how a run goes.
type Config struct {
	For   time.Duration `json:"for"`   // how long the load lasts
	Seed  uint64        `json:"seed"`  // of every choice that load and faults make
	Conns int           `json:"conns"` // how many connections the load keeps busy, about
	// Faults lets the server's system calls fail, by the seed. Its program must be
	// built with -tags faultinject.
	Faults bool `json:"faults"`
	// Program is the server's; it offers Roles. Nil is this program.
	Program *os.File `json:"-"`
	// Step is called after every sample; it may be nil.
	Step func(Sample) `json:"-"`
}

// most is how many samples a run takes at most, about: one of eight hours has one
// each second.
const most = 30_000

// every is the time between two samples: a second, less in a short run, more in one
// whose samples would become too many.
func (c Config) every() time.Duration {
	return max(min(time.Second, max(c.For/30, 50*time.Millisecond)), c.For/most)
}

// Sample is what was seen at one moment.
type Sample struct {
	At          time.Duration `json:"at"`       // since the load began
	Resident    int64         `json:"resident"` // bytes
	Heap        int64         `json:"heap"`     // bytes, what the collector has not found dead yet included
	Descriptors int           `json:"descriptors"`
	Goroutines  int           `json:"goroutines"`
	Conns       int           `json:"conns"`             // of the engine
	Server      Latency       `json:"server"`            // of the probe since the last sample
	Control     Latency       `json:"control"`           // of the control's
	Stopped     bool          `json:"stopped,omitempty"` // the server was stopped shortly before, or the sample waited for it
}

// Latency is how long echoes took.
type Latency struct {
	P50    time.Duration `json:"p50"`
	P99    time.Duration `json:"p99"`
	Echoes int64         `json:"echoes"`
}

// interrupted is the one reason to end before the time that fails nothing.
const interrupted = "interrupted"

// Result is what came out.
type Result struct {
	Config   Config    `json:"config"`
	Began    time.Time `json:"began"`    // of the load
	Baseline Sample    `json:"baseline"` // before the load, after one action of every kind
	Samples  []Sample  `json:"samples"`
	Final    *Sample   `json:"final,omitempty"` // after the load, when everything has ended; nil if the run did not come there
	Actions  []Tally   `json:"actions"`
	Faults   []Count   `json:"faults"`          // done to the server
	Seen     []Count   `json:"seen"`            // by it, of what the load is meant to bring about
	Lost     []string  `json:"lost,omitempty"`  // what went wrong, the first of each kind
	Ended    string    `json:"ended,omitempty"` // why the run ended before its time
	Verdicts []Verdict `json:"-"`
}

// Tally is what the load did of one kind.
type Tally struct {
	Kind  string `json:"kind"`
	Done  int64  `json:"done"`
	Lost  int64  `json:"lost"`  // not ended as it should
	Bytes int64  `json:"bytes"` // that came back, checked
}

// Count is how often something took place.
type Count struct {
	What  string `json:"what"`
	Times int64  `json:"times"`
}

// Passed reports whether nothing grew, was lost or did not come back. A run that was
// ended early is judged by what there is, unless its server ended.
func (r *Result) Passed() bool {
	for _, v := range r.Verdicts {
		if v.Failed {
			return false
		}
	}
	return len(r.Lost) == 0 && len(r.Verdicts) > 0 && (r.Ended == "" || r.Ended == interrupted)
}

// lasted is how long there were samples.
func (r *Result) lasted() time.Duration {
	if len(r.Samples) == 0 {
		return 0
	}
	return r.Samples[len(r.Samples)-1].At + r.Config.every()
}
