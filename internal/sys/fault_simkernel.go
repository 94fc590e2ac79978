//go:build linux && simkernel

package sys

// What the fault seam does to calls on descriptors, on the model kernel.

import "github.com/eddyline/eddyline/internal/sim"

// faultOf is fault of a call on a descriptor.
func faultOf(c Call, fd int) Errno {
	e := fault(c)
	if e != 0 {
		strike(c, fd, e)
	}
	return e
}

// signalAgain makes what watches fd look at it again.
func signalAgain(fd int) {
	machine.Lock()
	defer machine.Unlock()
	machine.kernel.Signal(fd)
}

// falseEvents says of all registrations that they are readable and writable, as
// far as they want to know.
func falseEvents(list []sim.Event) []sim.Event {
	for i := range list {
		list[i].Events &= sim.In | sim.Out
	}
	return list
}

// descriptors is how many are open.
func descriptors() int { return SimOpened() }
