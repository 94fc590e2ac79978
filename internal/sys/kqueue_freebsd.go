package sys

import "golang.org/x/sys/unix"

// What of kqueue differs between systems.
const (
	EVFILT_USER   = unix.EVFILT_USER
	EVFILT_EXCEPT = NoFilter
	NOTE_OOB      = 0
	EV_RECEIPT    = unix.EV_RECEIPT
	EV_DISPATCH   = unix.EV_DISPATCH
)
