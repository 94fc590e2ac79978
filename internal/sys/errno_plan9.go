package sys

import "errors"

// Errno stands in for the error number that Plan 9 does not have, so that the
// packages above compile; every call returns ENOSYS there.
type Errno uintptr

func (e Errno) Error() string { return "not supported by plan9" }

// Is reports that every such error means errors.ErrUnsupported.
func (e Errno) Is(target error) bool { return target == errors.ErrUnsupported }

// The error numbers that this module tells apart.
const (
	EAGAIN Errno = iota + 1
	EADDRINUSE
	EADDRNOTAVAIL
	EALREADY
	EBADF
	EBUSY
	ECONNABORTED
	ECONNREFUSED
	ECONNRESET
	EEXIST
	EHOSTDOWN
	EHOSTUNREACH
	EINPROGRESS
	EINTR
	EINVAL
	EIO
	EISCONN
	EMFILE
	ENETDOWN
	ENETUNREACH
	ENFILE
	ENOBUFS
	ENOENT
	ENOMEM
	ENOPROTOOPT
	ENOSPC
	ENOSYS
	ENOTCONN
	ENOTSOCK
	EOPNOTSUPP
	EPERM
	EPIPE
	EPROTO
	ETIMEDOUT
)
