//go:build linux && simkernel

package sys

// Sockets of the model kernel.

import (
	"syscall"

	"github.com/eddyline/eddyline/internal/sim"
)

// Recv receives once into p. 0 bytes without an error is the end of the stream,
// unless p is empty.
func Recv(fd int, p []byte) (int, Errno) { return recv(fd, [][]byte{p}, len(p), false) }

// Peek is Recv that leaves the bytes in the socket.
func Peek(fd int, p []byte) (int, Errno) { return recv(fd, [][]byte{p}, len(p), true) }

// RecvVec receives once into the first MaxVec slices of bufs that are not empty.
func RecvVec(fd int, bufs [][]byte) (int, Errno) {
	if len(bounded(bufs, MaxTransfer)) == 0 {
		return 0, 0
	}
	return recv(fd, bufs, MaxTransfer, false)
}

func recv(fd int, bufs [][]byte, size int, peek bool) (int, Errno) {
	limit, e := disturb(CallRecv, fd, min(size, MaxTransfer))
	if e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, failure := machine.kernel.Recv(fd, bounded(bufs, limit), peek)
	return n, Errno(failure)
}

// Send sends once from p.
func Send(fd int, p []byte) (int, Errno) { return send(fd, [][]byte{p}, len(p)) }

// SendVec sends once from the first MaxVec slices of bufs that are not empty.
// Nothing to send is no error.
func SendVec(fd int, bufs [][]byte) (int, Errno) {
	if len(bounded(bufs, MaxTransfer)) == 0 {
		return 0, 0
	}
	return send(fd, bufs, MaxTransfer)
}

func send(fd int, bufs [][]byte, size int) (int, Errno) {
	limit, e := disturb(CallSend, fd, min(size, MaxTransfer))
	if e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, failure := machine.kernel.Send(fd, bounded(bufs, limit))
	return n, Errno(failure)
}

// bounded is what one call may take of bufs, and at most limit bytes.
func bounded(bufs [][]byte, limit int) [][]byte {
	taken := make([][]byte, 0, MaxVec)
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

// Accept takes one connection from the queue of a listener.
func Accept(fd int) (int, Sockaddr, Errno) {
	if e := fault(CallAccept); e != 0 {
		return -1, Sockaddr{}, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, peer, e := machine.kernel.Accept(fd)
	return n, Sockaddr(peer), Errno(e)
}

// domains are those of the model.
var domains = [...]sim.Domain{DomainIPv4: sim.IPv4, DomainIPv6: sim.IPv6, DomainUnix: sim.Unix}

// Socket returns a new stream socket.
func Socket(d Domain) (int, Errno) {
	if e := fault(CallSocket); e != 0 {
		return -1, e
	}
	machine.Lock()
	defer machine.Unlock()
	fd, e := machine.kernel.Socket(domains[d])
	return fd, Errno(e)
}

// Socketpair returns two unix stream sockets that are connected to each other.
func Socketpair() ([2]int, Errno) {
	if e := fault(CallSocketpair); e != 0 {
		return [2]int{-1, -1}, e
	}
	machine.Lock()
	defer machine.Unlock()
	fds, e := machine.kernel.Socketpair()
	return fds, Errno(e)
}

// SocketDomain is the domain that fd was made with.
func SocketDomain(fd int) (Domain, Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return DomainNone, e
	}
	machine.Lock()
	defer machine.Unlock()
	of, e := machine.kernel.SocketDomain(fd)
	for d, o := range domains {
		if o == of && e == 0 {
			return Domain(d), 0
		}
	}
	return DomainNone, Errno(e)
}

// Bind gives the socket its local address.
func Bind(fd int, sa Sockaddr) Errno {
	if e := fault(CallBind); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Bind(fd, sim.Addr(sa))) })
}

// Connect starts to connect; EINPROGRESS says that it goes on by itself.
func Connect(fd int, sa Sockaddr) Errno {
	if e := fault(CallConnect); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Connect(fd, sim.Addr(sa))) })
}

// Getsockname is the local address of the socket.
func Getsockname(fd int) (Sockaddr, Errno) {
	if e := fault(CallGetsockname); e != 0 {
		return Sockaddr{}, e
	}
	machine.Lock()
	defer machine.Unlock()
	a, e := machine.kernel.Getsockname(fd)
	return Sockaddr(a), Errno(e)
}

// Getpeername is the peer's address, or ENOTCONN once the connection is gone.
func Getpeername(fd int) (Sockaddr, Errno) {
	if e := fault(CallGetpeername); e != 0 {
		return Sockaddr{}, e
	}
	machine.Lock()
	defer machine.Unlock()
	a, e := machine.kernel.Getpeername(fd)
	return Sockaddr(a), Errno(e)
}

// Listen makes the socket take connections.
func Listen(fd, backlog int) Errno {
	if e := fault(CallListen); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Listen(fd, backlog)) })
}

// Shutdown ends one direction of the connection, or both.
func Shutdown(fd, how int) Errno {
	if e := faultOf(CallShutdown, fd); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Shutdown(fd, how)) })
}

// SocketError takes the error that waits at the socket.
func SocketError(fd int) (pending, failure Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	p, e := machine.kernel.SocketError(fd)
	return Errno(p), Errno(e)
}

// BindToDevice knows one network interface.
func BindToDevice(fd int, name string) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	if name != "lo" {
		return syscall.ENODEV
	}
	return check(fd)
}

// OutQueue is the number of bytes sent that the peer has not acknowledged, or
// on a unix socket not read.
func OutQueue(fd int) (int, Errno) {
	if e := fault(CallIoctl); e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, e := machine.kernel.OutQueue(fd)
	return n, Errno(e)
}

// MaxBacklog is the longest queue of connections that listen(2) grants.
func MaxBacklog() int { return 4096 }

// optionNames are the options of the model.
var optionNames = [options]sim.Option{
	OptReuseAddr: sim.OptReuseAddr,
	OptReusePort: sim.OptReusePort,
	OptIPv6Only:  sim.OptIPv6Only,
	OptNoDelay:   sim.OptNoDelay,
	OptTTL:       sim.OptTTL,
	OptHopLimit:  sim.OptHopLimit,
	OptType:      sim.OptType,
	OptListening: sim.OptListening,
	OptLatePort:  sim.OptLatePort,
}

// SetOption sets a numeric option.
func SetOption(fd int, opt Option, value int) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.SetOption(fd, optionNames[opt], value)) })
}

// GetOption reads a numeric option.
func GetOption(fd int, opt Option) (int, Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, e := machine.kernel.GetOption(fd, optionNames[opt])
	return n, Errno(e)
}

// SetLinger sets SO_LINGER. A close with seconds left does not block here.
func SetLinger(fd int, onoff bool, seconds int) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.SetLinger(fd, onoff, seconds)) })
}

// Linger reads what SetLinger set.
func Linger(fd int) (onoff bool, seconds int, e Errno) {
	if e := fault(CallGetsockopt); e != 0 {
		return false, 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	onoff, seconds, failure := machine.kernel.Linger(fd)
	return onoff, seconds, Errno(failure)
}
