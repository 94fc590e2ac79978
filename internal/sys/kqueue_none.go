//go:build !(linux && simkernel) && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

import "time"

// Kqueue is not available here.
func Kqueue() (int, Errno) { return -1, ENOSYS }

// KeventApply is not available here.
func KeventApply(int, []Kevent) Errno { return ENOSYS }

// KeventWait is not available here.
func KeventWait(int, []Kevent, time.Duration) (int, Errno) { return 0, ENOSYS }
