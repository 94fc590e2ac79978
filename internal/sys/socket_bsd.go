//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package sys

// Sockets on the BSDs and macOS, through the portable wrappers.

import (
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// Recv receives once into p. 0 bytes without an error is the end of the stream,
// unless p is empty. fd must be nonblocking.
func Recv(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallRecv, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return again(func() (int, error) { return unix.Read(fd, p[:size]) })
}

// Peek is Recv that leaves the bytes in the socket.
func Peek(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallRecv, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return again(func() (int, error) {
		n, _, err := unix.Recvfrom(fd, p[:size], unix.MSG_PEEK)
		return n, err
	})
}

// RecvVec receives once into the first MaxVec slices of bufs that are not empty,
// and at most MaxTransfer bytes. 0 bytes without an error is the end of the
// stream, unless there was no room. fd must be nonblocking.
func RecvVec(fd int, bufs [][]byte) (int, Errno) {
	limit, e := disturb(CallRecv, fd, MaxTransfer)
	if e != 0 {
		return 0, e
	}
	if bufs = bounded(bufs, limit); len(bufs) == 0 {
		return 0, 0
	}
	return again(func() (int, error) {
		n, _, _, _, err := unix.RecvmsgBuffers(fd, bufs, nil, 0)
		return n, err
	})
}

// Send sends once from p and raises no SIGPIPE. fd must be nonblocking.
func Send(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallSend, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	return again(func() (int, error) {
		return unix.SendmsgN(fd, p[:size], nil, nil, noSignal)
	})
}

// SendVec sends once from the first MaxVec slices of bufs that are not empty,
// and at most MaxTransfer bytes. Nothing to send is no error. fd must be
// nonblocking.
func SendVec(fd int, bufs [][]byte) (int, Errno) {
	limit, e := disturb(CallSend, fd, MaxTransfer)
	if e != 0 {
		return 0, e
	}
	if bufs = bounded(bufs, limit); len(bufs) == 0 {
		return 0, 0
	}
	return again(func() (int, error) { return unix.SendmsgBuffers(fd, bufs, nil, nil, noSignal) })
}

// again repeats a transfer that a signal interrupted.
func again(transfer func() (int, error)) (int, Errno) {
	for {
		if interrupted() {
			continue
		}
		n, err := transfer()
		if err == nil {
			return n, 0
		}
		if e := errnoOf(err); e != EINTR {
			return 0, e
		}
	}
}

// bounded is what one vectored call may take of bufs, and at most limit bytes.
func bounded(bufs [][]byte, limit int) [][]byte {
	taken := make([][]byte, 0, min(len(bufs), MaxVec))
	for _, b := range bufs {
		if len(taken) == MaxVec || limit == 0 {
			break
		}
		if b = b[:min(len(b), limit)]; len(b) > 0 {
			taken = append(taken, b)
			limit -= len(b)
		}
	}
	return taken
}

// Accept takes one connection from the queue of a nonblocking listener. The new
// descriptor is nonblocking and closed on exec.
func Accept(fd int) (int, Sockaddr, Errno) {
	if e := fault(CallAccept); e != 0 {
		return -1, Sockaddr{}, e
	}
	for {
		if interrupted() {
			continue
		}
		n, sa, err := accept(fd)
		if err == nil {
			opened(n)
			return n, decode(sa), 0
		}
		if e := errnoOf(err); e != EINTR {
			return -1, Sockaddr{}, e
		}
	}
}

// Socket returns a new stream socket, nonblocking and closed on exec.
func Socket(d Domain) (int, Errno) {
	if e := fault(CallSocket); e != 0 {
		return -1, e
	}
	fd, err := socket(family(d))
	if err != nil {
		return -1, errnoOf(err)
	}
	opened(fd)
	return fd, 0
}

// Socketpair returns two unix stream sockets that are connected to each other,
// nonblocking and closed on exec.
func Socketpair() ([2]int, Errno) {
	if e := fault(CallSocketpair); e != 0 {
		return [2]int{-1, -1}, e
	}
	fds, err := socketpair()
	if err != nil {
		return fds, errnoOf(err)
	}
	opened(fds[0])
	opened(fds[1])
	return fds, 0
}

// SocketDomain is the domain that fd was made with: unlike its addresses it
// tells an IPv6 socket that carries IPv4 from an IPv4 one.
func SocketDomain(fd int) (Domain, Errno) {
	if e := fault(CallGetsockname); e != 0 {
		return DomainNone, e
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return DomainNone, errnoOf(err)
	}
	switch sa.(type) {
	case *unix.SockaddrInet4:
		return DomainIPv4, 0
	case *unix.SockaddrInet6:
		return DomainIPv6, 0
	case *unix.SockaddrUnix:
		return DomainUnix, 0
	default:
		return DomainNone, 0
	}
}

// Bind gives the socket its local address.
func Bind(fd int, sa Sockaddr) Errno {
	if e := fault(CallBind); e != 0 {
		return e
	}
	usa, e := encode(sa)
	if e != 0 {
		return e
	}
	return errnoOf(unix.Bind(fd, usa))
}

// Connect starts to connect; EINPROGRESS says that it goes on by itself. EINTR
// is not retried: an interrupted connect goes on as well (connect(2)).
func Connect(fd int, sa Sockaddr) Errno {
	if e := fault(CallConnect); e != 0 {
		return e
	}
	usa, e := encode(sa)
	if e != 0 {
		return e
	}
	return errnoOf(unix.Connect(fd, usa))
}

// Getsockname is the local address of the socket.
func Getsockname(fd int) (Sockaddr, Errno) {
	if e := fault(CallGetsockname); e != 0 {
		return Sockaddr{}, e
	}
	sa, err := unix.Getsockname(fd)
	return decode(sa), errnoOf(err)
}

// Getpeername is the peer's address, or ENOTCONN once the connection is gone.
func Getpeername(fd int) (Sockaddr, Errno) {
	if e := fault(CallGetpeername); e != 0 {
		return Sockaddr{}, e
	}
	sa, err := unix.Getpeername(fd)
	return decode(sa), errnoOf(err)
}

// BindToDevice is Linux's alone.
func BindToDevice(int, string) Errno { return EOPNOTSUPP }

// MaxBacklog is the longest queue of connections that listen(2) grants.
func MaxBacklog() int { return somaxconn() }

// somaxconn asks the system once; 128 is what all of them grant.
var somaxconn = sync.OnceValue(func() int {
	n, err := unix.SysctlUint32(somaxconnName)
	if err != nil || n == 0 || n > 1<<16-1 { // some keep it in 16 bits
		return 128
	}
	return int(n)
})

// decode reads an address of x/sys.
func decode(sa unix.Sockaddr) Sockaddr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return Sockaddr{IP: netip.AddrFrom4(sa.Addr), Port: uint16(sa.Port)}
	case *unix.SockaddrInet6:
		return Sockaddr{IP: unmap(sa.Addr, sa.ZoneId), Port: uint16(sa.Port)}
	case *unix.SockaddrUnix:
		return Sockaddr{Path: sa.Name, Unix: true}
	default:
		return Sockaddr{}
	}
}

// encode makes an address of x/sys. Abstract names are Linux's alone.
func encode(sa Sockaddr) (unix.Sockaddr, Errno) {
	switch sa.Domain() {
	case DomainIPv4:
		return &unix.SockaddrInet4{Addr: sa.IP.As4(), Port: int(sa.Port)}, 0
	case DomainIPv6:
		zone, e := zoneNumber(sa.IP)
		return &unix.SockaddrInet6{Addr: sa.IP.As16(), Port: int(sa.Port), ZoneId: zone}, e
	case DomainUnix:
		return encodeUnix(sa.Path)
	default:
		return nil, EINVAL
	}
}

func encodeUnix(path string) (unix.Sockaddr, Errno) {
	switch {
	case path == "":
		return nil, EINVAL
	case path[0] == '@':
		return nil, EOPNOTSUPP
	case len(path) >= len(unix.RawSockaddrUnix{}.Path):
		return nil, unix.ENAMETOOLONG
	}
	return &unix.SockaddrUnix{Name: path}, 0
}

var optionNames = [options]struct{ level, name int }{
	OptReuseAddr: {unix.SOL_SOCKET, unix.SO_REUSEADDR},
	OptReusePort: {unix.SOL_SOCKET, reusePort},
	OptIPv6Only:  {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
	OptNoDelay:   {unix.IPPROTO_TCP, unix.TCP_NODELAY},
	OptTTL:       {unix.IPPROTO_IP, unix.IP_TTL},
	OptHopLimit:  {unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS},
	OptType:      {unix.SOL_SOCKET, unix.SO_TYPE},
	OptListening: {unix.SOL_SOCKET, unix.SO_ACCEPTCONN},
}
