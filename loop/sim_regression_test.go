//go:build linux && simkernel

package loop

// Runs that found a defect, kept: each fails when what mended the defect is taken
// back, which package sharpness of the benchmarks tests. A seed means something else
// once the simulation draws otherwise: then look for another that fails so, by the
// breakage of that name, and put it here.

import "testing"

// simFound are the runs, as small as they were found, and what they found.
var simFound = []struct {
	defect string
	simOptions
}{
	{"a connection that was closed after its send had failed never ended",
		simOptions{seed: 57, turns: 443, links: 0xddf, without: simAll &^ (simShort | simErrnos | simHarsh | simBreaks | simBlocks | simResets | simOthers |
			simTimers | simPanics | simLimits | simHalves | simAborts | simFloods | simEnds |
			simRaces | simRushes)}},
	{"a listener whose deregistration had failed never accepted again",
		simOptions{seed: 3, turns: 405, links: 0xefc, without: simAll &^ (simErrnos | simHarsh | simGaps | simBlocks | simLimits | simAborts | simEnds |
			simWatches | simUnix)}},
	{"a connection that ended after CloseWrite and the peer's FIN reported an error",
		simOptions{seed: 9, turns: 163, links: 0x20, without: simAll &^ (simHalves)}},
	{"a registration that the kernel would not let go kept its loop for ever", // so a run that shows it does not end
		simOptions{seed: 3, turns: 155, links: 0x30, without: simAll &^ (simHarsh | simBreaks | simWatches)}},
	{"a registration of which kqueue could put back a part spun for ever",
		simOptions{seed: 586, turns: 1412, links: 0xfff, without: simAll &^ (simShort | simAgain | simHarsh | simScarce | simBreaks | simGaps | simBlocks | simLoops |
			simDials | simTimers | simTasks | simPanics | simSwaps | simPauses | simAborts |
			simDetach | simWatches | simAdopts | simRelists | simRaces | simRushes)}},
	{"input was lost where CloseWrite met a reset",
		simOptions{seed: 13, turns: 1624, links: 0xfff, without: simAll &^ (simAgain | simExtra | simHarsh | simGaps | simBlocks | simResets | simOthers | simTimers |
			simTasks | simPanics | simErrors | simPauses | simLimits | simHalves | simAborts | simDetach |
			simFloods | simEnds | simAdopts | simUnix | simDups | simRelists | simRaces | simRushes)}},
	{"input that was left for want of room was not offered again",
		simOptions{seed: 13, turns: 6, links: 0x40, without: simAll &^ (simGaps | simOthers | simPanics | simErrors | simPauses | simEnds)}},
	{"a half-closed connection whose stalled answer failed never ended",
		simOptions{seed: 5, turns: 222, links: 0xfbf, without: simAll &^ (simShort | simAgain | simGaps | simBlocks | simResets | simOthers | simTimers | simTasks |
			simPanics | simErrors | simSwaps | simPauses | simHalves | simFloods | simWatches | simAdopts |
			simDups | simRushes)}},
	{"what a Protocol had written before it refused was lost",
		simOptions{seed: 13, turns: 177, links: 0xfff, without: simAll &^ (simAgain | simExtra | simHarsh | simGaps | simBlocks | simTimers | simTasks | simPanics |
			simErrors | simPauses | simLimits | simHalves | simAborts | simFloods | simEnds |
			simAdopts | simUnix | simDups | simRelists | simRaces | simRushes)}},
}

func TestSimulatedRunsThatFoundDefects(t *testing.T) {
	for _, found := range simFound {
		t.Run(found.defect, func(t *testing.T) {
			o := found.simOptions
			o.exact = true
			checkSim(t, o, nil)
		})
	}
}
