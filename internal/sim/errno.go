package sim

// The errors of the model, by the numbers of Linux.

import "strconv"

// Errno is an error number; 0 is success.
type Errno uintptr

// The errors that the model gives.
const (
	ENOENT        Errno = 2
	EBADF         Errno = 9
	EAGAIN        Errno = 11
	EEXIST        Errno = 17
	EINVAL        Errno = 22
	EMFILE        Errno = 24
	EPIPE         Errno = 32
	EDEADLK       Errno = 35
	ENAMETOOLONG  Errno = 36
	ENOTSOCK      Errno = 88
	ENOPROTOOPT   Errno = 92
	EOPNOTSUPP    Errno = 95
	EAFNOSUPPORT  Errno = 97
	EADDRINUSE    Errno = 98
	EADDRNOTAVAIL Errno = 99
	ECONNABORTED  Errno = 103
	ECONNRESET    Errno = 104
	EISCONN       Errno = 106
	ENOTCONN      Errno = 107
	ETIMEDOUT     Errno = 110
	ECONNREFUSED  Errno = 111
	EHOSTUNREACH  Errno = 113
	EALREADY      Errno = 114
	EINPROGRESS   Errno = 115
)

// Error returns the number, so that an Errno can be given as an error.
func (e Errno) Error() string { return "errno " + strconv.Itoa(int(e)) }
