//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// Numbers and types of the socket calls that are the system's.

import "golang.org/x/sys/unix"

// PollFd is one descriptor of a Poll: what is asked and what was found.
type PollFd = unix.PollFd

// The bits of PollFd.
const (
	POLLIN   = unix.POLLIN
	POLLPRI  = unix.POLLPRI
	POLLOUT  = unix.POLLOUT
	POLLERR  = unix.POLLERR
	POLLHUP  = unix.POLLHUP
	POLLNVAL = unix.POLLNVAL
)

// The directions of Shutdown.
const (
	SHUT_RD   = unix.SHUT_RD
	SHUT_WR   = unix.SHUT_WR
	SHUT_RDWR = unix.SHUT_RDWR
)

// SOCK_STREAM is the value of OptType that this module can use.
const SOCK_STREAM = unix.SOCK_STREAM
