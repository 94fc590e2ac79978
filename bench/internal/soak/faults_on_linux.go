//go:build faultinject

package soak

// Faults of system calls that nobody may hear of.

import (
	"strings"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// injections counts the faults of this process.
var injections sys.Tally

// rules let system calls be short, late, repeated, interrupted and fail. The odds are
// small: a soak is about many connections, not slow ones.
func rules(seed uint64) sys.Rules {
	return sys.Rules{
		Seed:      seed,
		Fail:      0.02,
		Again:     0.02,
		Short:     0.05,
		Interrupt: 0.02,
		Extra:     0.05,
		Slow:      0.0005,
		Delay:     time.Millisecond,
		Errnos:    sys.Errnos(sys.Mild),
		Tally:     &injections,
	}
}

// inject disturbs calls by the rules until it is mended.
func inject(seed uint64) (mend func(), err error) { return sys.InjectRules(rules(seed)), nil }

// injected is how often each kind of fault took place.
func injected() (list []Count) {
	for _, f := range rules(0).Faults() {
		list = append(list, Count{strings.TrimSpace(string(f.Call) + " " + f.Kind), int64(injections.Count(f))})
	}
	return list
}
