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
		simOptions{seed: 342, turns: 21, links: 0xbb9, without: simAll &^ (simExtra | simErrnos | simHarsh | simGaps | simBlocks | simLoops | simDials | simOthers |
			simTasks | simPauses | simHalves | simFloods | simEnds | simAdopts | simRelists |
			simRushes)}},
	{"a listener whose deregistration had failed never accepted again",
		simOptions{seed: 24, turns: 181, links: 0xf80, without: simAll &^ (simHarsh | simScarce | simBreaks | simBlocks | simTimers | simTasks | simPauses |
			simLimits | simCloses | simDetach | simWatches | simRaces)}},
	{"a connection that ended after CloseWrite and the peer's FIN reported an error",
		simOptions{seed: 9, turns: 301, links: 0x900, without: simAll &^ (simTasks | simPanics | simPauses | simHalves | simFloods | simRaces)}},
	{"a registration that the kernel would not let go kept its loop for ever", // so a run that shows it does not end
		simOptions{seed: 3, turns: 583, links: 0x240, without: simAll &^ (simHarsh | simGaps | simLimits | simEnds | simWatches)}},
	{"a registration of which kqueue could put back a part spun for ever",
		simOptions{seed: 235, turns: 88, links: 0xffb, without: simAll &^ (simShort | simErrnos | simHarsh | simBreaks | simBlocks | simDials | simTasks |
			simPanics | simErrors | simSwaps | simPauses | simFloods | simEnds | simWatches)}},
	{"input was lost where CloseWrite met a reset",
		simOptions{seed: 18, turns: 1184, links: 0x791, without: simAll &^ (simAgain | simExtra | simErrnos | simHarsh | simGaps | simResets | simOthers | simTimers |
			simErrors | simHalves | simCloses | simWatches)}},
	{"input that was left for want of room was not offered again",
		simOptions{seed: 13, turns: 27, links: 0xea, without: simAll &^ (simGaps | simBlocks | simTimers | simPanics | simPauses | simLimits | simFloods |
			simRaces | simRushes)}},
	{"what a Protocol had written before it refused was lost",
		simOptions{seed: 25, turns: 1831, links: 0xfff, without: simAll &^ (simAgain | simExtra | simHarsh | simGaps | simOthers | simTimers | simTasks | simErrors |
			simPauses | simLimits | simHalves | simEnds | simWatches | simAdopts | simDups |
			simRelists | simCrowds | simRaces | simRushes)}},
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
