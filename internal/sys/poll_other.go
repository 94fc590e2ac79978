//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

import "time"

// PollFd is one descriptor of a Poll: what is asked and what was found.
type PollFd struct {
	Fd      int32
	Events  int16
	Revents int16
}

// The bits of PollFd.
const (
	POLLIN   = 0x1
	POLLPRI  = 0x2
	POLLOUT  = 0x4
	POLLERR  = 0x8
	POLLHUP  = 0x10
	POLLNVAL = 0x20
)

// Poll is not available here.
func Poll([]PollFd, time.Duration) (int, Errno) { return 0, ENOSYS }
