//go:build linux && simkernel

package loop

// Runs that found a defect, kept: each fails when what mended the defect is taken
// back. A seed means something else once the simulation draws otherwise: then look
// for another that fails so, and put it here.

import "testing"

// simFound are the runs, and what they found.
var simFound = []struct {
	defect string
	simOptions
}{
	{"a connection that was closed after its send had failed never ended",
		simOptions{seed: 79, turns: 2000}},
	{"a listener whose deregistration had failed never accepted again",
		simOptions{seed: 22, turns: 2000}},
	{"Close after CloseWrite and the peer's FIN reported an error",
		simOptions{seed: 28, turns: 2000}},
	{"a registration that the kernel would not let go kept its loop for ever",
		simOptions{seed: 3, turns: 2000}},
}

func TestSimulatedRunsThatFoundDefects(t *testing.T) {
	for _, found := range simFound {
		t.Run(found.defect, func(t *testing.T) {
			o := found.simOptions
			o.links = 1<<simMaxLinks - 1
			checkSim(t, o, nil)
		})
	}
}
