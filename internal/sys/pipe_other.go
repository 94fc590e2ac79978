//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

// Pipe is not available here.
func Pipe() (r, w int, e Errno) { return -1, -1, ENOSYS }

// Read is not available here.
func Read(int, []byte) (int, Errno) { return 0, ENOSYS }

// Write is not available here.
func Write(int, []byte) (int, Errno) { return 0, ENOSYS }
