//go:build (faultinject || simkernel) && linux && !(simkernel && simkqueue)

package sys

// The calls of the poller that is under test: epoll's.
const (
	WaitCall   = CallEpollWait
	ChangeCall = CallEpollCtl
)

// elsewhere tells whether c is one of the other poller.
func (c Call) elsewhere() bool { return c == CallKevent || c == CallKeventWait }
