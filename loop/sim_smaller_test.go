//go:build linux

package loop

// How a simulated run that fails is made smaller.

import (
	"math/bits"
	"testing"
)

// simAttempts is how many runs are tried for a smaller one, at most.
const simAttempts = 400

// simMinimiser looks for the smallest run that fails in the same way.
type simMinimiser struct {
	run      func(simOptions) simResult
	attempts int
	simOptions
	failure *simFailure
	rounds  int // of the run that failed
}

// simMinimised returns the smallest run that it finds to fail as r, which is that of
// o, and how that one fails.
func simMinimised(o simOptions, r simResult, run func(simOptions) simResult) (simOptions, *simFailure) {
	m := &simMinimiser{run: run, simOptions: o.drawn(), failure: r.failure, rounds: r.rounds}
	m.cut()
	for {
		links, kinds := m.dropLinks(), m.dropKinds()
		if !links && !kinds {
			return m.simOptions, m.failure
		}
		m.cut()
	}
}

// try takes a run that fails in the same way instead of the last one.
func (m *simMinimiser) try(o simOptions) bool {
	if m.attempts == simAttempts {
		return false
	}
	m.attempts++
	r := m.run(o)
	if r.failure == nil || r.failure.class != m.failure.class {
		return false
	}
	m.simOptions, m.failure, m.rounds = o, r.failure, r.rounds
	return true
}

// tryTurns tries a run that is shorter.
func (m *simMinimiser) tryTurns(turns int) bool {
	o := m.simOptions
	o.turns = turns
	return m.try(o)
}

// cut looks for the shortest run: it ends where the last one failed, or, where that
// shows later, or depends on the length, somewhere before.
func (m *simMinimiser) cut() {
	if m.rounds < m.turns {
		m.tryTurns(m.rounds)
	}
	for passes := 0; m.turns-passes > 1; {
		middle := (passes + m.turns) / 2
		if !m.tryTurns(middle) {
			passes = middle
		}
	}
}

// dropLinks leaves out the links that need not be there, and tells whether there were any.
func (m *simMinimiser) dropLinks() (dropped bool) {
	for i := range simMaxLinks {
		if o := m.simOptions; o.links&(1<<i) != 0 {
			o.links &^= 1 << i
			dropped = m.try(o) || dropped
		}
	}
	return dropped
}

// dropKinds leaves out the kinds of things that need not happen, and tells whether
// there were any.
func (m *simMinimiser) dropKinds() (dropped bool) {
	for i := range simKindNames {
		if o := m.simOptions; o.without&(1<<i) == 0 {
			o.without |= 1 << i
			dropped = m.try(o) || dropped
		}
	}
	return dropped
}

// simInvented is a run that fails when it has all that it needs, after so many turns.
type simInvented struct {
	links uint64
	kinds simKinds
	turns int
	late  bool // the failure shows at the end only
	each  int  // so many turns more for each of the links that take part
	runs  int
}

func (f *simInvented) run(o simOptions) simResult {
	f.runs++
	class, turns := "C1: %d are missing", f.turns+f.each*bits.OnesCount64(o.links)
	switch {
	case o.links&f.links != f.links:
		class = "C1: %d are wrong" // another failure, of the same clause
	case o.without&f.kinds != 0 || o.turns < turns:
		return simResult{rounds: o.turns}
	case f.late:
		turns = o.turns
	}
	return simResult{rounds: turns, failure: &simFailure{class: class}}
}

// What is found is no smaller than the failure needs, and no bigger, and nothing that the
// seed left out comes back.
func TestSimSmallerRunIsTheSmallest(t *testing.T) {
	o := simOptions{seed: 1, turns: 2000, links: simAllLinks}
	drawn := simAll &^ o.drawn().without
	first := drawn & -drawn
	last := simKinds(1) << (bits.Len64(uint64(drawn)) - 1)
	for _, f := range []simInvented{
		{turns: 1},
		{turns: 1000, links: 1 << 3},
		{turns: 1999, links: 1<<0 | 1<<11, kinds: first},
		{turns: 37, links: 1<<4 | 1<<5 | 1<<6, kinds: first | last},
		{turns: 2000, links: o.drawn().links, kinds: drawn},
		{turns: 700, links: 1 << 7, kinds: last, late: true},
		{turns: 20, kinds: first, each: 100},
	} {
		f.runs = 0
		small, failure := simMinimised(o, f.run(o.drawn()), f.run)
		want := simOptions{seed: 1, turns: f.turns, links: f.links, without: simAll &^ f.kinds, exact: true}
		if small != want {
			t.Errorf("found %v\nwant  %v", small, want)
		}
		if failure.class != "C1: %d are missing" {
			t.Errorf("it fails with %q", failure.class)
		}
		if f.runs > simAttempts/2 {
			t.Errorf("%d runs for %v", f.runs, want)
		}
	}
}

// A seed leaves kinds out by itself, but no more than it is told where the rest is
// said to happen.
func TestSimExactRunDrawsNoKinds(t *testing.T) {
	o := simOptions{seed: 1, without: simTimers}
	drawn := o.drawn()
	if drawn.without == o.without || drawn.without&simTimers == 0 {
		t.Fatalf("without %v, drawn without %v", o.without, drawn.without)
	}
	o.exact = true
	if again := drawn.drawn(); again != drawn {
		t.Errorf("drawn %v, again %v", drawn, again)
	}
	if exact := o.drawn(); exact != o {
		t.Errorf("exactly %v is %v", o, exact)
	}
}
