//go:build netbsd || openbsd

package sys

import "golang.org/x/sys/unix"

// prepare makes a new socket what every socket here is.
func prepare(fd int) error {
	unix.CloseOnExec(fd)
	return unix.SetNonblock(fd, true)
}
