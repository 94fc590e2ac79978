//go:build faultinject && linux && !simkernel

package poller

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// A wake-up that failed must not count as rung.
func TestWakeAfterAFailedWake(t *testing.T) {
	p := newPoller(t)
	reached := failing(1, sys.ENOMEM)
	err := p.Wake()
	reached()
	wantError(t, err, "wake", -1, sys.ENOMEM)
	must(t, p.Wake())
	wantWoken(t, p)
	wantNoWake(t, p)
}
