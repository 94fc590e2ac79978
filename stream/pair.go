package stream

import "github.com/eddyline/eddyline/internal/sys"

// Pair makes two Streams that are connected to each other: unix sockets without
// names, see socketpair(2).
func Pair() (*Stream, *Stream, error) {
	fds, e := sys.Socketpair()
	if e != 0 {
		return nil, nil, callError("pair", UnixAddr(""), sys.CallSocketpair, e)
	}
	a := newSocket(fds[0], sys.DomainUnix, UnixAddr(""))
	b := newSocket(fds[1], sys.DomainUnix, UnixAddr(""))
	return newStream(a), newStream(b), nil
}
