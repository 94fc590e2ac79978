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
		simOptions{seed: 24, turns: 1317, links: simAllLinks, without: simLoops | simOthers | simPanics | simHalves |
			simAborts | simEnds | simAdopts | simDups | simRights}},
	{"a listener whose deregistration had failed never accepted again",
		simOptions{seed: 8, turns: 79, links: 0x800, without: simAll &^ (simExtra | simErrnos | simHarsh | simGaps |
			simBlocks | simLoops | simTasks | simPanics | simPauses | simAborts | simAdopts)}},
	{"a connection that ended after CloseWrite and the peer's FIN reported an error",
		simOptions{seed: 21, turns: 82, links: 0x800, without: simAll &^ (simOthers | simPanics | simHalves)}},
	{"a registration that the kernel would not let go kept its loop for ever", // so a run that shows it does not end
		simOptions{seed: 45, turns: 25, links: 0x2, without: simAll &^ (simErrnos | simHarsh | simGaps | simEnds |
			simWatches)}},
	{"a registration of which kqueue could put back a part spun for ever",
		simOptions{seed: 3, turns: 881, links: simAllLinks, without: simShort | simAgain | simExtra | simScarce |
			simLoops | simDials | simResets | simTimers | simTasks | simPanics | simErrors | simSwaps | simPauses |
			simHalves | simCloses | simDetach | simAdopts | simRights}},
	{"input was lost where CloseWrite met a reset",
		simOptions{seed: 150, turns: 234, links: 0x10, without: simAll &^ (simBreaks | simGaps | simResets |
			simTasks | simHalves | simWatches)}},
	{"input that was left for want of room was not offered again",
		simOptions{seed: 18, turns: 262, links: 0x5ff, without: simScarce | simBreaks | simBlocks | simLoops |
			simDials | simResets | simTimers | simTasks | simLimits | simCloses | simAborts | simDetach | simEnds |
			simUnix | simDups | simRights}},
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
