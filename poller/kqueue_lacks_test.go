//go:build linux && simkernel && simkqueue

package poller

// The suite on a kqueue that lacks what some systems lack: go test takes the flags.

import (
	"flag"

	"github.com/eddyline/eddyline/internal/sys"
)

func init() {
	flag.BoolFunc("sim.netbsd", "kevent gives no receipts", func(string) error {
		sys.SimKqueue(false, true)
		return nil
	})
	flag.BoolFunc("sim.openbsd", "kevent has no user events", func(string) error {
		sys.SimKqueue(true, false)
		return nil
	})
}
