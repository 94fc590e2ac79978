//go:build freebsd || netbsd || openbsd || dragonfly

package sys

import "golang.org/x/sys/unix"

func pipe(p []int) error { return unix.Pipe2(p, unix.O_CLOEXEC|unix.O_NONBLOCK) }
