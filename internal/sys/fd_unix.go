//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// Calls on descriptors of any kind, and on the paths of unix sockets.

import "golang.org/x/sys/unix"

// Dup duplicates fd; the new descriptor is closed on exec. Status flags, and so
// the nonblocking mode, belong to what both refer to.
func Dup(fd int) (int, Errno) {
	if e := fault(CallDup); e != 0 {
		return -1, e
	}
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, errnoOf(err)
	}
	opened(n)
	return n, 0
}

// SetNonblock makes fd nonblocking.
func SetNonblock(fd int) Errno {
	if e := fault(CallFcntl); e != 0 {
		return e
	}
	return errnoOf(unix.SetNonblock(fd, true))
}

// CloseOnExec makes fd end with this program.
func CloseOnExec(fd int) Errno {
	if e := fault(CallFcntl); e != 0 {
		return e
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return errnoOf(err)
}

// FileID tells one file from all others of the machine, while it exists.
type FileID struct{ dev, inode uint64 }

// SocketFile identifies the file at path, itself if it is a link, and says
// whether it is a socket.
func SocketFile(path string) (id FileID, socket bool, e Errno) {
	if e := fault(CallStat); e != 0 {
		return FileID{}, false, e
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return FileID{}, false, errnoOf(err)
	}
	return FileID{uint64(st.Dev), uint64(st.Ino)}, st.Mode&unix.S_IFMT == unix.S_IFSOCK, 0
}

// Unlink removes the file at path; a directory is an error.
func Unlink(path string) Errno {
	if e := fault(CallUnlink); e != 0 {
		return e
	}
	return errnoOf(unix.Unlink(path))
}

// Chmod sets the permission bits of the file at path.
func Chmod(path string, mode uint32) Errno {
	if e := fault(CallChmod); e != 0 {
		return e
	}
	return errnoOf(unix.Chmod(path, mode))
}
