//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

// Close is not available here.
func Close(int) Errno { return ENOSYS }
