//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

// Calls on descriptors are not available here.

// FileID tells one file from all others of the machine, while it exists.
type FileID struct{}

// Dup is not available here.
func Dup(int) (int, Errno) { return -1, ENOSYS }

// SetNonblock is not available here.
func SetNonblock(int) Errno { return ENOSYS }

// CloseOnExec is not available here.
func CloseOnExec(int) Errno { return ENOSYS }

// SocketFile is not available here.
func SocketFile(string) (id FileID, socket bool, e Errno) { return FileID{}, false, ENOSYS }

// Unlink is not available here.
func Unlink(string) Errno { return ENOSYS }

// Chmod is not available here.
func Chmod(string, uint32) Errno { return ENOSYS }
