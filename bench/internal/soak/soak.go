// Package soak runs a server of the engine under a mixed load with faults for a
// chosen time and judges whether it stays as it was: memory, descriptors,
// goroutines and latency flat, every byte right, nothing left at the end.
//
// The server is a process of its own. The load is made with package net, in this
// process, so that a fault of the engine cannot hide on both ends.
package soak

import (
	"os"
	"time"
)

// Config says how a run goes.
type Config struct {
	For   time.Duration // how long the load lasts
	Seed  uint64        // of every choice that load and faults make
	Conns int           // how many connections the load keeps busy, about
	// Program is the server's; it offers Server under Role. Nil is this program.
	Program *os.File
	// Faults lets the server's system calls fail, by the seed. Its program must be
	// built with -tags faultinject.
	Faults bool
	// Step is called after every sample; it may be nil.
	Step func(Sample)
}

// every is the time between two samples: a second, or less in a short run.
func (c Config) every() time.Duration { return min(time.Second, max(c.For/30, 50*time.Millisecond)) }

// Sample is what was seen at one moment.
type Sample struct {
	At          time.Duration // since the load began
	Resident    int64         // bytes
	Heap        int64         // bytes, what the collector has not found dead yet included
	Descriptors int
	Goroutines  int
	Conns       int           // of the engine
	P50, P99    time.Duration // of the echoes since the last sample
	Echoes      int           // since the last sample
	Stopped     bool          // the server was stopped shortly before, or the sample waited for it
}

// Result is what came out.
type Result struct {
	Config   Config
	Baseline Sample // before the load, after one exchange of every kind
	Samples  []Sample
	Final    Sample // after the load, when everything has ended
	Actions  []Tally
	Faults   []Count
	Lost     []string // what went wrong, the first of each kind
	Verdicts []Verdict
}

// Tally is what the load did of one kind.
type Tally struct {
	Kind  string
	Done  int64
	Lost  int64 // not ended as it should
	Bytes int64 // that came back, checked
}

// Count is how often something was done to the server.
type Count struct {
	What  string `json:"what"`
	Times int64  `json:"times"`
}

// Passed reports whether nothing grew, was lost or did not come back.
func (r *Result) Passed() bool {
	for _, v := range r.Verdicts {
		if v.Failed {
			return false
		}
	}
	return len(r.Lost) == 0 && len(r.Verdicts) > 0
}
