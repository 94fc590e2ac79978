//go:build faultinject

package soak

// Faults of system calls that nobody may hear of.

import (
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// inject lets system calls be short, late, repeated, interrupted and fail until it
// is mended. The odds are small: a soak is about many connections, not slow ones.
func inject(seed uint64) (mend func(), err error) {
	return sys.InjectRules(sys.Rules{
		Seed:      seed,
		Fail:      0.02,
		Again:     0.02,
		Short:     0.05,
		Interrupt: 0.02,
		Extra:     0.05,
		Slow:      0.0005,
		Delay:     time.Millisecond,
		Errnos:    sys.Errnos(sys.WaitCall, sys.CallPoll, sys.CallClose, sys.CallAccept),
	}), nil
}
