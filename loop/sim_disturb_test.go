//go:build linux && (faultinject || simkernel)

package loop

// The faults of a simulated run.

import (
	"syscall"

	"github.com/eddyline/eddyline/internal/sys"
)

// disturb makes system calls fail until undisturb. The peers' calls are made
// outside of turns, and do not fail.
func (w *simWorld) disturb() {
	w.disturbed = !w.calm && w.rng.IntN(3) > 0
	if !w.disturbed {
		return
	}
	r := sys.Rules{Seed: w.rng.Uint64(), Fail: 0.05, Errnos: map[sys.Call][]sys.Errno{}}
	if w.may(simShort) {
		r.Short = 0.3
	}
	if w.may(simAgain) {
		r.Again = 0.1
	}
	if w.may(simExtra) {
		r.Extra, w.doubtful = 0.2, true
	}
	if w.may(simErrnos) {
		r.Errnos[sys.CallEpollWait] = []sys.Errno{sys.EINTR}
		r.Errnos[sys.CallAccept] = []sys.Errno{sys.EMFILE, sys.ENFILE, sys.ENOBUFS, sys.ENOMEM, sys.ECONNABORTED, sys.EPROTO}
		r.Errnos[sys.CallSocket] = []sys.Errno{sys.EMFILE}
		r.Errnos[sys.CallConnect] = []sys.Errno{sys.ENETUNREACH, sys.EADDRNOTAVAIL}
	}
	if w.may(simHarsh) {
		r.Errnos[sys.CallRecv] = []sys.Errno{sys.ECONNRESET, sys.ETIMEDOUT, sys.ENOMEM}
		r.Errnos[sys.CallSend] = []sys.Errno{sys.EPIPE, sys.ECONNRESET, sys.ENOBUFS}
		r.Errnos[sys.CallEpollCtl] = []sys.Errno{sys.ENOMEM, syscall.ENOSPC}
		r.Errnos[sys.CallShutdown] = []sys.Errno{sys.ENOTCONN}
	}
	w.restore = sys.InjectRules(r)
}

func (w *simWorld) undisturb() {
	if w.restore != nil {
		w.restore()
		w.restore = nil
	}
}
