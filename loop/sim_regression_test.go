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
		simOptions{seed: 79, turns: 64, links: 0xf4d, without: simAll &^ (simExtra | simErrnos | simHarsh | simGaps | simBlocks |
			simTasks | simPanics | simErrors | simLimits | simCloses | simEnds | simAdopts | simUnix)}},
	{"a listener whose deregistration had failed never accepted again",
		simOptions{seed: 22, turns: 86, links: 0x30, without: simAll &^ (simHarsh | simGaps | simLoops | simPanics | simWatches)}},
	{"a connection that ended after CloseWrite and the peer's FIN reported an error",
		simOptions{seed: 28, turns: 198, links: 0x19, without: simAll &^ (simBreaks | simTasks | simPanics | simHalves)}},
	{"a registration that the kernel would not let go kept its loop for ever",
		simOptions{seed: 3, turns: 46, links: 0x876, without: simAll &^ (simErrnos | simHarsh | simBreaks | simGaps | simBlocks |
			simAborts | simFloods | simEnds | simWatches)}},
	{"a registration of which kqueue could put back a part spun for ever",
		simOptions{seed: 1403, turns: 260, links: 0xffd, without: simExtra | simErrnos | simLoops | simResets | simTimers | simPanics |
			simErrors | simSwaps | simPauses | simCloses | simAborts | simFloods | simAdopts | simDups | simRights}},
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
