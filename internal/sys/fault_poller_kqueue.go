//go:build (faultinject && !linux) || (linux && simkernel && simkqueue)

package sys

// The calls of the poller that is under test: kqueue's.

const (
	WaitCall   = CallKeventWait
	ChangeCall = CallKevent
)

// changeErrnos are what a change of a registration may fail with.
var changeErrnos = []Errno{ENOMEM}
