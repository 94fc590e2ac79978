//go:build linux && (faultinject || simkernel)

package loop

// The faults of a simulated run.

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// simTally counts the faults of all runs.
var simTally = new(sys.Tally)

// simRules are the faults of a turn in which kinds of things may happen.
func simRules(may func(simKinds) bool) sys.Rules {
	r := sys.Rules{Fail: 0.05, Tally: simTally}
	if may(simShort) {
		r.Short = 0.3
	}
	if may(simAgain) {
		r.Again = 0.1
	}
	if may(simExtra) {
		r.Extra = 0.2
	}
	var classes sys.Class
	if may(simErrnos) {
		classes |= sys.Mild | sys.Starting
	}
	if may(simHarsh) {
		classes |= sys.Steering | sys.Moving
	}
	r.Errnos = sys.Errnos(classes)
	return r
}

// disturb makes system calls fail until undisturb. The peers' calls are made
// outside of turns, and do not fail.
func (w *simWorld) disturb() {
	w.disturbed = !w.calm && w.rng.IntN(3) > 0
	if !w.disturbed {
		return
	}
	seed := w.rng.Uint64()
	r := simRules(w.may)
	r.Seed = seed
	w.doubtful = w.doubtful || r.Extra > 0
	w.restore = sys.InjectRules(r)
}

func (w *simWorld) undisturb() {
	if w.restore != nil {
		w.restore()
		w.restore = nil
	}
}

// checkSimFaults wants every kind of fault to have taken place that there are rules for.
func checkSimFaults(t *testing.T) {
	t.Helper()
	for _, f := range simRules(func(simKinds) bool { return true }).Faults() {
		if simTally.Count(f) == 0 {
			t.Errorf("no fault of this kind took place: %s %s", f.Call, f.Kind)
		}
	}
}
