//go:build linux

package loop

// The engine in a simulated world: production code, turned by hand, with peers,
// network, clock and faults that follow from a seed, and held to the contract
// after every turn.

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// simEnoughRuns is how many it takes to meet every kind of fault, many times over.
const simEnoughRuns = 1000

// C1 to C10, whatever peers, network and kernel do.
func TestSimulatedRuns(t *testing.T) {
	without, err := parseSimKinds(*simWithout)
	if err != nil {
		t.Fatal(err)
	}
	trace := simTraceFile(t)
	turns, conns, start := 0, 0, time.Now()
	for seed := *simSeed; seed < *simSeed+uint64(*simRuns); seed++ {
		r := checkSim(t, simOptions{seed: seed, turns: *simTurns, links: *simLinks, without: without, exact: *simExact}, trace)
		turns, conns = turns+r.turns, conns+r.conns
		if t.Failed() {
			return
		}
	}
	took := time.Since(start)
	t.Logf("%d runs from seed %d: %d turns, %d connections in %v: %.2f million turns a minute",
		*simRuns, *simSeed, turns, conns, took.Round(time.Millisecond), float64(turns)/took.Minutes()/1e6)
	if *simRuns > 1 && (turns < *simRuns**simTurns/2 || conns < *simRuns) {
		t.Errorf("%d turns with %d connections tell nothing", turns, conns)
	}
	if *simRuns >= simEnoughRuns && without == 0 {
		checkSimFaults(t)
	}
}

// simTraceFile is where -sim.trace says, or nil.
func simTraceFile(t *testing.T) io.Writer {
	if *simTrace == "" {
		return nil
	}
	f, err := os.Create(*simTrace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// checkSim has a run, and if it fails says so with the smallest run that fails as well.
func checkSim(t *testing.T, o simOptions, trace io.Writer) simResult {
	t.Helper()
	const long = time.Minute
	hung := time.AfterFunc(long, func() { // of a run that never ends nothing else would be told
		fmt.Fprintf(os.Stderr, "a simulated run has not ended after %v\nagain with %s\nconfiguration %+v\n", long, o.command(), o.drawn().config())
	})
	defer hung.Stop()
	r := simRun(o, trace)
	if r.failure == nil {
		return r
	}
	t.Errorf("%v\nagain with %s\nconfiguration %+v", r.failure, o.command(), o.drawn().config())
	if !simRepeats || !*simSmall {
		return r
	}
	small, failure := simMinimised(o, r, func(o simOptions) simResult { return simRun(o, nil) })
	var told bytes.Buffer
	simRun(small, &told)
	t.Logf("smaller: %v\nagain with %s\nwith %v\nthe last that happened:\n%s", failure, small.command(), simAll&^small.without, simTail(told.Bytes(), 60))
	return r
}

// simTail returns the last lines of text.
func simTail(text []byte, lines int) []byte {
	all := bytes.Split(text, []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}

// What brings a run back is a command as it is, with the tags of the build that failed.
func TestSimCommandIsWhole(t *testing.T) {
	o := simOptions{seed: 7, turns: 9, links: 0x3, without: simTimers, exact: true}
	command := o.command()
	const flags = " -run 'TestSimulatedRuns$' ./loop -sim.seed 7 -sim.runs 1 -sim.turns 9 -sim.links 0x3 -sim.without timers -sim.exact"
	if !strings.HasPrefix(command, "go test") || !strings.HasSuffix(command, flags) {
		t.Errorf("the command is %s", command)
	}
	if simTags != "" && !strings.Contains(command, " -tags "+simTags) {
		t.Errorf("the build has the tag %s: %s", simTags, command)
	}
}

// A kind that is left out is named as it is asked for.
func TestSimKindsHaveTheirNames(t *testing.T) {
	if want := simKinds(1)<<len(simKindNames) - 1; want != simAll {
		t.Fatalf("%d names for the kinds %#x", len(simKindNames), uint64(simAll))
	}
	for i, name := range simKindNames {
		kinds, err := parseSimKinds(name)
		if err != nil || kinds != 1<<i || kinds.String() != name {
			t.Errorf("%s is %v, %v", name, kinds, err)
		}
	}
	if _, err := parseSimKinds(fmt.Sprint("short,", "no such kind")); err == nil {
		t.Error("an unknown name is taken")
	}
}
