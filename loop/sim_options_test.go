//go:build linux

package loop

// What a simulated run consists of: everything follows from its options, so that
// a failing one can be had again, and made smaller.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
)

var (
	simSeed    = flag.Uint64("sim.seed", 1, "first seed of the simulated runs")
	simRuns    = flag.Int("sim.runs", simDefaultRuns, "how many seeds they try")
	simTurns   = flag.Int("sim.turns", simDefaultTurns, "how many turns a run takes before its faults stop")
	simLinks   = flag.Uint64("sim.links", simAllLinks, "which connections take part, as bits")
	simSmall   = flag.Bool("sim.small", true, "look for a smaller run when one fails")
	simTrace   = flag.String("sim.trace", "", "a file that is told what happens in the runs")
	simWithout = flag.String("sim.without", "", "what is left out, see the names in sim_options_test.go")
	simExact   = flag.Bool("sim.exact", false, "leave nothing else out, whatever the seed says")
)

// simMaxLinks is how many connections a run has at a time, at most.
const simMaxLinks = 28

// simFewLinks is how many most runs have: all are more than a loop marks, and the engine
// prefetches, at a time.
const simFewLinks = 12

// simAllLinks are all of them.
const simAllLinks = 1<<simMaxLinks - 1

// simKinds are kinds of things that happen in a run, and that can be left out.
type simKinds uint64

const (
	simShort   simKinds = 1 << iota // transfers that move less than they could
	simAgain                        // would-block that is none
	simExtra                        // events that come twice or for nothing
	simErrnos                       // system calls that fail where the contract makes up for it
	simHarsh                        // system calls whose failure ends a connection
	simScarce                       // no descriptors
	simBreaks                       // connections that the network breaks
	simGaps                         // clocks that jump, callbacks that take long
	simBlocks                       // waits that block
	simLoops                        // more than one loop
	simDials                        // connections that the engine makes
	simResets                       // peers that reset
	simOthers                       // callbacks that reach for other connections
	simTimers                       // timers
	simTasks                        // tasks, and writes through a Ref
	simPanics                       // callbacks that panic
	simErrors                       // callbacks that return errors or impossible counts
	simSwaps                        // SetHandler
	simPauses                       // Pause, and handlers that consume little
	simLimits                       // deadlines
	simHalves                       // CloseWrite
	simCloses                       // Close
	simAborts                       // Abort
	simDetach                       // Detach
	simFloods                       // long writes
	simEnds                         // Shutdown or Close of the engine under way
	simWatches                      // raw registrations
	simAdopts                       // connections that the engine takes over
	simUnix                         // unix sockets
	simDups                         // duplicates of the engine's sockets
	simRights                       // descriptors passed over unix sockets
	simRelists                      // listeners that close, and others in their place
	simCrowds                       // queues of listeners that are full
	simRaces                        // dials with several addresses, and some that nobody answers
	simRushes                       // much at once: events, tasks, and long writes to a fast network
	simSpins                        // loops that poll before they block
	simAll     = 1<<iota - 1
)

var simKindNames = strings.Fields("short again extra errnos harsh scarce breaks gaps blocks loops dials resets others " +
	"timers tasks panics errors swaps pauses limits halves closes aborts detach floods ends watches adopts unix dups rights relists crowds races rushes spins")

func parseSimKinds(s string) (simKinds, error) {
	var kinds simKinds
	for _, name := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		bit := simKinds(0)
		for i, known := range simKindNames {
			if name == known {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, fmt.Errorf("-sim.without: %q is none of %v", name, simKindNames)
		}
		kinds |= bit
	}
	return kinds, nil
}

func (k simKinds) String() string {
	var names []string
	for i, name := range simKindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// simOptions are a run.
type simOptions struct {
	seed    uint64
	turns   int
	links   uint64 // which connections take part, as bits
	without simKinds
	exact   bool // nothing else is left out
}

// String returns the flags that bring the run back.
func (o simOptions) String() string {
	s := fmt.Sprintf("-sim.seed %d -sim.runs 1 -sim.turns %d", o.seed, o.turns)
	if o.links != simAllLinks {
		s += fmt.Sprintf(" -sim.links %#x", o.links)
	}
	if o.without != 0 {
		s += " -sim.without " + o.without.String()
	}
	if o.exact {
		s += " -sim.exact"
	}
	return s
}

// command returns the whole command that brings the run back.
func (o simOptions) command() string {
	command := "go test"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "-tags":
				command += " -tags " + s.Value
			case s.Key == "-race" && s.Value == "true":
				command += " -race"
			}
		}
	}
	return command + " -run 'TestSimulatedRuns$' ./loop " + o.String()
}

// rng is the source of chance for one part of the run. Each part has its own, so
// that leaving one out changes the others as little as possible.
func (o simOptions) rng(part uint64) *rand.Rand { return rand.New(rand.NewPCG(o.seed, part)) }

// config draws the engine's configuration: small numbers, so that every bound is met.
func (o simOptions) config() Config {
	rng := o.rng(1)
	high := 1 << (5 + rng.IntN(9))
	cfg := Config{
		Loops:         1,
		MaxConns:      o.places(),
		HighMark:      high,
		LowMark:       rng.IntN(high),
		MaxPending:    high << rng.IntN(4),
		MaxInbound:    1 << (6 + rng.IntN(9)),
		ReadBuffer:    1 << (4 + rng.IntN(10)),
		ReadBudget:    1 << (4 + rng.IntN(12)),
		MaxTasks:      1 << rng.IntN(8),
		MaxTaskBytes:  1 << (8 + rng.IntN(10)),
		MaxIdleBlocks: 1 << (8 + rng.IntN(12)),
		FlushTimeout:  simTimeUnit << rng.IntN(8),
		LingerTimeout: simTimeUnit << rng.IntN(8),
	}
	if rng.IntN(3) == 0 && o.without&simLoops == 0 {
		cfg.Loops = 2 + rng.IntN(2)
	}
	if rng.IntN(4) == 0 {
		cfg.MaxConns = 1 + rng.IntN(o.places())
	}
	if rng.IntN(4) == 0 && o.without&simRushes == 0 {
		cfg.MaxTasks = 1 << (8 + rng.IntN(2)) // a turn takes less
	}
	if rng.IntN(8) == 0 && o.without&simRushes == 0 {
		cfg.MaxPending = 2 * sendBudget
	}
	if rng.IntN(4) == 0 && o.without&simSpins == 0 {
		cfg.Spin = simTimeUnit / 8
	}
	return cfg
}

// places is how many connections the run has at a time, at most.
func (o simOptions) places() int {
	if o.rng(6).IntN(6) == 0 {
		return simMaxLinks
	}
	return simFewLinks
}

// drawn returns the run with the kinds left out that its seed leaves out: a run in
// which everything happens shows less than many that differ.
func (o simOptions) drawn() simOptions {
	if o.exact {
		return o
	}
	o.exact = true
	o.links &= 1<<o.places() - 1
	rng := o.rng(5)
	for kind := simKinds(1); kind < simAll; kind <<= 1 {
		if rng.IntN(3) == 0 {
			o.without |= kind
		}
	}
	return o
}

// balance draws how the listener spreads its connections.
func (o simOptions) balance() Balance {
	choices := []Balance{RoundRobin, LeastConns, ReusePort}
	if !simRepeats || o.config().Loops == 1 {
		choices = append(choices, SourceHash) // whose choice of loops is the process's own
	}
	return choices[o.rng(2).IntN(len(choices))]
}

// simPattern is what the streams consist of: position k of the stream with number
// n is at (k+n*step)%len, so that neither a shift nor a mix-up goes unnoticed.
var simPattern = func() []byte {
	const prime = 65521 // no block size divides it
	rng := rand.New(rand.NewPCG(1, 1))
	p := make([]byte, prime)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}()

// simAt returns the bytes of a stream from a position on, as many as lie together.
func simAt(stream, position int) []byte {
	return simPattern[(position+stream*7919)%len(simPattern):]
}

// simFill writes the bytes of a stream from a position on to p.
func simFill(p []byte, stream, position int) {
	for n := 0; n < len(p); {
		n += copy(p[n:], simAt(stream, position+n))
	}
}

// simMatch returns how many of the first bytes of p are those of the stream.
func simMatch(p []byte, stream, position int) int {
	for n := 0; n < len(p); {
		want := simAt(stream, position+n)
		want = want[:min(len(want), len(p)-n)]
		if string(want) != string(p[n:n+len(want)]) {
			for want[0] == p[n] {
				n, want = n+1, want[1:]
			}
			return n
		}
		n += len(want)
	}
	return len(p)
}
