//go:build freebsd || netbsd || openbsd || dragonfly

package sys

// Making sockets where the kernel sets both flags at once.

import "golang.org/x/sys/unix"

const flags = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC

func socket(family int) (int, error) { return unix.Socket(family, flags, 0) }

func socketpair() ([2]int, error) { return unix.Socketpair(unix.AF_UNIX, flags, 0) }

// noSignal keeps a send from raising SIGPIPE.
const noSignal = unix.MSG_NOSIGNAL

// lingerOption counts in seconds.
const lingerOption = unix.SO_LINGER
