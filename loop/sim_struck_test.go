//go:build linux

package loop

// Which faults of a simulated run have hit a connection: what ends with an error must have
// been given one. Only the model kernel tells whose descriptor a call was on; elsewhere
// any connection may have been hit.

import (
	"slices"

	"github.com/eddyline/eddyline/internal/sys"
)

// simFaults are the calls on a connection's descriptor that were made to fail.
type simFaults struct {
	errnos []sys.Errno // of receives, sends and shutdowns
	misled bool        // one said would-block that was none, after a send had failed
	clung  bool        // a poller was kept from letting go of it
}

// hurt tells whether a call on the connection's socket was made to fail, with e unless
// that is 0.
func (x *simConn) hurt(e sys.Errno) bool {
	if !simRepeats {
		return x.w.o.without&simHarsh == 0
	}
	return e == 0 && len(x.faults.errnos) > 0 || slices.Contains(x.faults.errnos, e)
}

// misled tells whether a receive may have ended the connection before all was read.
func (x *simConn) misled() bool {
	return x.faults.misled || !simRepeats && x.w.o.without&simAgain == 0
}
