//go:build freebsd || netbsd

package sys

import "golang.org/x/sys/unix"

// OutQueue is the number of bytes sent that the peer has not acknowledged, see
// FIONWRITE in ioctl(2).
func OutQueue(fd int) (int, Errno) {
	if e := fault(CallIoctl); e != 0 {
		return 0, e
	}
	n, err := unix.IoctlGetInt(fd, fionwrite)
	return n, errnoOf(err)
}
