//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// poll(2): readiness of a few descriptors, without a queue.

import (
	"time"

	"golang.org/x/sys/unix"
)

// Poll waits until one of fds is ready and returns how many are. A timeout
// below 0 waits without limit, 0 does not wait, others are rounded up to
// milliseconds and end after 24 days at the latest. EINTR is the caller's to
// handle, since only the caller knows the time left.
func Poll(fds []PollFd, timeout time.Duration) (int, Errno) {
	if e := fault(CallPoll); e != 0 {
		return 0, e
	}
	n, err := unix.Poll(fds, milliseconds(timeout))
	if err != nil {
		return 0, err.(Errno)
	}
	return n, 0
}
