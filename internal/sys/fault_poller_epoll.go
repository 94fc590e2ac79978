//go:build (faultinject || simkernel) && linux && !(simkernel && simkqueue)

package sys

// The calls of the poller that is under test: epoll's.

import "syscall"

const (
	WaitCall   = CallEpollWait
	ChangeCall = CallEpollCtl
)

// changeErrnos are what a change of a registration may fail with.
var changeErrnos = []Errno{ENOMEM, syscall.ENOSPC}
