//go:build linux && simkernel

package sys

// Readiness that the fault seam makes up, on the model kernel.

import "github.com/eddyline/eddyline/internal/sim"

// signalAgain makes what watches fd look at it again.
func signalAgain(fd int) {
	machine.Lock()
	defer machine.Unlock()
	machine.kernel.Signal(fd)
}

// embellish adds to the n events that a wait found some of them once more, and some
// of those that may not be ready, of which others is the list.
func embellish[E any](events []E, n int, e sim.Errno, others func() []E) int {
	d := injected.Load()
	if d == nil || e != 0 {
		return n
	}
	again, spurious := (*d).extra(n)
	for range min(again, len(events)-n) {
		events[n] = events[(*d).choose(n)]
		n++
	}
	if spurious == 0 || n == len(events) {
		return n
	}
	list := others()
	for range min(spurious, len(events)-n, len(list)) {
		events[n] = list[(*d).choose(len(list))]
		n++
	}
	return n
}

// falseEvents says of all registrations that they are readable and writable, as
// far as they want to know.
func falseEvents(list []sim.Event) []sim.Event {
	for i := range list {
		list[i].Events &= sim.In | sim.Out
	}
	return list
}
