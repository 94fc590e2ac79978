//go:build linux && simkernel

package loop

// Runs that found a defect, kept: each fails when what mended the defect is taken
// back. A seed means something else once the simulation draws otherwise: then look
// for another that fails so, and put it here.

import "testing"

// simFound are the runs, as small as they were found, and what they found.
var simFound = []struct {
	defect string
	simOptions
}{
	{"a connection that was closed after its send had failed never ended",
		simOptions{seed: 334, turns: 27, links: 0x840, without: simAll &^ (simShort | simExtra | simErrnos | simHarsh | simGaps |
			simTasks | simPanics | simErrors | simPauses | simLimits | simFloods | simWatches)}},
	{"a listener whose deregistration had failed never accepted again",
		simOptions{seed: 22, turns: 86, links: 0x30, without: simAll &^ (simHarsh | simGaps | simLoops | simPanics | simWatches)}},
	{"a connection that ended after CloseWrite and the peer's FIN reported an error",
		simOptions{seed: 28, turns: 198, links: 0x19, without: simAll &^ (simBreaks | simTasks | simPanics | simHalves)}},
	{"a registration that the kernel would not let go kept its loop for ever",
		simOptions{seed: 45, turns: 25, links: 0x2, without: simAll &^ (simErrnos | simHarsh | simGaps | simEnds | simWatches)}},
	{"a registration of which kqueue could put back a part spun for ever",
		simOptions{seed: 235, turns: 1676, links: 0xfff, without: simAgain | simGaps | simLoops | simResets | simOthers | simTimers |
			simLimits | simAborts | simDetach | simAdopts | simUnix | simDups | simRights}},
	{"input was lost where CloseWrite met a reset",
		simOptions{seed: 436, turns: 60, links: 0x5dd, without: simAll &^ (simBreaks | simGaps | simDials | simResets | simOthers |
			simTasks | simErrors | simPauses | simHalves | simFloods)}},
	{"input that was left for want of room was not offered again",
		simOptions{seed: 39, turns: 102, links: 0x98, without: simAll &^ (simGaps | simOthers | simTasks | simPanics | simErrors |
			simPauses | simWatches)}},
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
