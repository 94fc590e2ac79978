//go:build !(simkernel && simkqueue)

package loop

import "github.com/eddyline/eddyline/poller"

// connInterest is what a connection is registered for, once and for good.
// Priority is among it because a receive stops at urgent data: the loop must
// know that a short one did not empty the socket.
const connInterest = poller.Read | poller.Write | poller.Priority | poller.Edge

// initialFlags are those of a new connection.
const initialFlags connFlags = 0
