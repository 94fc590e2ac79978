//go:build !linux || (simkernel && simkqueue)

package loop

import "github.com/eddyline/eddyline/poller"

// connInterest is what a connection is registered for, once and for good.
const connInterest = poller.Read | poller.Write | poller.Edge

// initialFlags are those of a new connection. Not every kqueue tells of urgent
// data, at which a receive stops: read until there is nothing.
const initialFlags = distrust
