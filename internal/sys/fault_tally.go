//go:build faultinject || (linux && simkernel)

package sys

// What was done to the calls of a test build, by call and kind.

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Fault is one way to disturb a call.
type Fault struct {
	Call Call
	Kind string // one of the constants, or the text of the errno it failed with
}

// The kinds of faults that are no errno.
const (
	Short       = "short"          // it moved fewer bytes
	Interrupted = "interrupted"    // a signal ended a try of a transfer or an accept, which the caller does not see
	Late        = "late"           // it took longer, whichever call it was
	Twice       = "event twice"    // a wait reported an event once more
	Spurious    = "spurious event" // a wait reported what may not be ready
)

// Faults are the kinds of faults that r brings about under a load of connections, in
// order. Who meets Exhaust depends on the load; what an engine reads and writes
// besides is too small to be short.
func (r Rules) Faults() []Fault {
	all := map[Fault]bool{
		{CallRecv, EAGAIN.Error()}: r.Again > 0,
		{CallSend, EAGAIN.Error()}: r.Again > 0,
		{CallRecv, Short}:          r.Short > 0,
		{CallSend, Short}:          r.Short > 0,
		{"", Interrupted}:          r.Interrupt > 0,
		{"", Late}:                 r.Slow > 0 && r.Delay > 0,
		{WaitCall, Twice}:          r.Extra > 0,
		{WaitCall, Spurious}:       r.Extra > 0,
	}
	for call, errnos := range r.Errnos {
		for _, e := range errnos {
			all[Fault{call, e.Error()}] = r.Fail > 0
		}
	}
	maps.DeleteFunc(all, func(_ Fault, named bool) bool { return !named })
	return slices.SortedFunc(maps.Keys(all), func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Kind, b.Kind))
	})
}

// Tally counts the faults that took place. The zero Tally is ready, and may be
// used by several goroutines and for several injections.
type Tally struct {
	mu sync.Mutex
	of map[Fault]int
}

// Count is how often f took place.
func (t *Tally) Count(f Fault) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[f]
}

// note counts f.
func (t *Tally) note(f Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[Fault]int{}
	}
	t.of[f]++
}
