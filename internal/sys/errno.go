//go:build !plan9

package sys

import "syscall"

// Errno is the kernel's error number; 0 is success.
type Errno = syscall.Errno

// The error numbers that this module tells apart.
const (
	EAGAIN        = syscall.EAGAIN
	EADDRINUSE    = syscall.EADDRINUSE
	EADDRNOTAVAIL = syscall.EADDRNOTAVAIL
	EALREADY      = syscall.EALREADY
	EBADF         = syscall.EBADF
	EBUSY         = syscall.EBUSY
	ECONNABORTED  = syscall.ECONNABORTED
	ECONNREFUSED  = syscall.ECONNREFUSED
	ECONNRESET    = syscall.ECONNRESET
	EEXIST        = syscall.EEXIST
	EHOSTUNREACH  = syscall.EHOSTUNREACH
	EINPROGRESS   = syscall.EINPROGRESS
	EINTR         = syscall.EINTR
	EINVAL        = syscall.EINVAL
	EIO           = syscall.EIO
	EISCONN       = syscall.EISCONN
	EMFILE        = syscall.EMFILE
	ENETDOWN      = syscall.ENETDOWN
	ENETUNREACH   = syscall.ENETUNREACH
	ENFILE        = syscall.ENFILE
	ENOBUFS       = syscall.ENOBUFS
	ENOENT        = syscall.ENOENT
	ENOMEM        = syscall.ENOMEM
	ENOPROTOOPT   = syscall.ENOPROTOOPT
	ENOSPC        = syscall.ENOSPC
	ENOSYS        = syscall.ENOSYS
	ENOTCONN      = syscall.ENOTCONN
	ENOTSOCK      = syscall.ENOTSOCK
	EOPNOTSUPP    = syscall.EOPNOTSUPP
	EPERM         = syscall.EPERM
	EPIPE         = syscall.EPIPE
	EPROTO        = syscall.EPROTO
	ETIMEDOUT     = syscall.ETIMEDOUT
)
