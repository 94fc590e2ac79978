//go:build (faultinject && !linux) || (linux && simkernel && simkqueue)

package sys

// The calls of the poller that is under test: kqueue's.
const (
	WaitCall   = CallKeventWait
	ChangeCall = CallKevent
)

// elsewhere tells whether c is one of the other poller.
func (c Call) elsewhere() bool { return c == CallEpollCtl || c == CallEpollWait }
