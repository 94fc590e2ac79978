//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// The socket calls that are the same on every Unix.

import "golang.org/x/sys/unix"

// Listen makes the socket take connections, and keep up to backlog of them
// until they are accepted.
func Listen(fd, backlog int) Errno {
	if e := fault(CallListen); e != 0 {
		return e
	}
	return errnoOf(unix.Listen(fd, backlog))
}

// Shutdown ends one direction of the connection, or both.
func Shutdown(fd, how int) Errno {
	if e := fault(CallShutdown); e != 0 {
		return e
	}
	return errnoOf(unix.Shutdown(fd, how))
}

// SocketError takes the error that waits at the socket (SO_ERROR): it is gone
// afterwards. The second result says that the question itself failed.
func SocketError(fd int) (pending, failure Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return 0, e
	}
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	return Errno(n), errnoOf(err)
}

// SetOption sets a numeric option.
func SetOption(fd int, opt Option, value int) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	o := optionNames[opt]
	if o.name == 0 {
		return ENOPROTOOPT
	}
	return errnoOf(unix.SetsockoptInt(fd, o.level, o.name, value))
}

// GetOption reads a numeric option.
func GetOption(fd int, opt Option) (int, Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return 0, e
	}
	o := optionNames[opt]
	if o.name == 0 {
		return 0, ENOPROTOOPT
	}
	n, err := unix.GetsockoptInt(fd, o.level, o.name)
	return n, errnoOf(err)
}

// SetLinger says how long close blocks to send what is left; with 0 seconds it
// drops that and resets the connection.
func SetLinger(fd int, onoff bool, seconds int) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	l := unix.Linger{Linger: int32(seconds)}
	if onoff {
		l.Onoff = 1
	}
	return errnoOf(unix.SetsockoptLinger(fd, unix.SOL_SOCKET, lingerOption, &l))
}

// Linger reads what SetLinger set.
func Linger(fd int) (onoff bool, seconds int, e Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return false, 0, e
	}
	l, err := unix.GetsockoptLinger(fd, unix.SOL_SOCKET, lingerOption)
	if err != nil {
		return false, 0, errnoOf(err)
	}
	return l.Onoff != 0, int(l.Linger), 0
}

func family(d Domain) int {
	switch d {
	case DomainIPv4:
		return unix.AF_INET
	case DomainIPv6:
		return unix.AF_INET6
	case DomainUnix:
		return unix.AF_UNIX
	default:
		return unix.AF_UNSPEC
	}
}

func domainOf(family int) Domain {
	switch family {
	case unix.AF_INET:
		return DomainIPv4
	case unix.AF_INET6:
		return DomainIPv6
	case unix.AF_UNIX:
		return DomainUnix
	default:
		return DomainNone
	}
}

// errnoOf is the errno that x/sys wraps into an error.
func errnoOf(err error) Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(Errno); ok {
		return e
	}
	return EINVAL
}
