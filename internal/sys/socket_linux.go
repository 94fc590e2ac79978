//go:build !simkernel

package sys

// Sockets on Linux: the calls that cannot block enter the kernel directly, see
// the package comment. Transfers say so themselves with MSG_DONTWAIT: O_NONBLOCK
// belongs to the open file description (open(2)), which others may share.

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv receives once into p. 0 bytes without an error is the end of the stream,
// unless p is empty. fd must be nonblocking.
func Recv(fd int, p []byte) (int, Errno) { return recv(fd, p, unix.MSG_DONTWAIT) }

// Peek is Recv that leaves the bytes in the socket.
func Peek(fd int, p []byte) (int, Errno) { return recv(fd, p, unix.MSG_DONTWAIT|unix.MSG_PEEK) }

func recv(fd int, p []byte, flags uintptr) (int, Errno) {
	size, e := disturb(CallRecv, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	for {
		if interrupted() {
			continue
		}
		n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(size), flags, 0, 0)
		if e == 0 {
			raceReceived(p[:n])
			return int(n), 0
		}
		if e != EINTR {
			return 0, e
		}
	}
}

// Send sends once from p and raises no SIGPIPE. fd must be nonblocking.
func Send(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallSend, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	raceSent(p[:size])
	for {
		if interrupted() {
			continue
		}
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(size), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if e == 0 {
			return int(n), 0
		}
		if e != EINTR {
			return 0, e
		}
	}
}

// transferVec makes one sendmsg(2) or recvmsg(2) with the slices of bufs that are
// not empty, as many as one call may take, and at most limit bytes. The vector
// is filled here and not by a function of its own, because then it and the
// callers' buffers would be allocated on the heap.
func transferVec(trap uintptr, fd int, bufs [][]byte, flags uintptr, limit int) (int, Errno) {
	var iov [MaxVec]unix.Iovec
	count, left := 0, limit
	for _, b := range bufs {
		if count == MaxVec || left == 0 {
			break
		}
		b = b[:min(len(b), left)]
		if len(b) == 0 {
			continue
		}
		iov[count].Base = unsafe.SliceData(b)
		iov[count].SetLen(len(b))
		count, left = count+1, left-len(b)
	}
	if count == 0 {
		return 0, 0
	}
	hdr := unix.Msghdr{Iov: &iov[0]}
	hdr.SetIovlen(count)
	for {
		if interrupted() {
			continue
		}
		n, _, e := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&hdr)), flags)
		if e == 0 {
			return int(n), 0
		}
		if e != EINTR {
			return 0, e
		}
	}
}

// SendVec sends once from the first MaxVec slices of bufs that are not empty,
// and at most MaxTransfer bytes. Nothing to send is no error. fd must be
// nonblocking.
func SendVec(fd int, bufs [][]byte) (int, Errno) {
	limit, e := disturb(CallSend, fd, MaxTransfer)
	if e != 0 {
		return 0, e
	}
	raceSent(nil)
	return transferVec(unix.SYS_SENDMSG, fd, bufs, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, limit)
}

// RecvVec receives once into the first MaxVec slices of bufs that are not empty,
// and at most MaxTransfer bytes. 0 bytes without an error is the end of the
// stream, unless there was no room. fd must be nonblocking.
func RecvVec(fd int, bufs [][]byte) (int, Errno) {
	limit, e := disturb(CallRecv, fd, MaxTransfer)
	if e != 0 {
		return 0, e
	}
	n, e := transferVec(unix.SYS_RECVMSG, fd, bufs, unix.MSG_DONTWAIT, limit)
	raceReceived(nil)
	return n, e
}

// Accept takes one connection from the queue of a nonblocking listener. The new
// descriptor is nonblocking and closed on exec.
func Accept(fd int) (int, Sockaddr, Errno) {
	if e := fault(CallAccept); e != 0 {
		return -1, Sockaddr{}, e
	}
	var raw unix.RawSockaddrAny
	for {
		if interrupted() {
			continue
		}
		size := uint32(unsafe.Sizeof(raw))
		n, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e == 0 {
			opened(int(n))
			return int(n), decode(&raw, size), 0
		}
		if e != EINTR {
			return -1, Sockaddr{}, e
		}
	}
}

// Socket returns a new stream socket, nonblocking and closed on exec.
func Socket(d Domain) (int, Errno) {
	if e := fault(CallSocket); e != 0 {
		return -1, e
	}
	fd, err := unix.Socket(family(d), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
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
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
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
	if e := fault(CallGetsockopt); e != 0 {
		return DomainNone, e
	}
	af, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	return domainOf(af), errnoOf(err)
}

// BindToDevice binds the socket to a network interface, see SO_BINDTODEVICE in
// socket(7).
func BindToDevice(fd int, name string) Errno {
	if e := fault(CallSetsockopt); e != 0 {
		return e
	}
	return errnoOf(unix.BindToDevice(fd, name))
}

// OutQueue is the number of bytes sent that the peer has not acknowledged, or
// on a unix socket not read.
func OutQueue(fd int) (int, Errno) {
	if seam {
		if e := fault(CallIoctl); e != 0 {
			return 0, e
		}
	}
	var n int32
	_, _, e := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	return int(n), e
}

// MaxBacklog is the longest queue of connections that listen(2) grants.
func MaxBacklog() int { return somaxconn() }

var optionNames = [options]struct{ level, name int }{
	OptReuseAddr: {unix.SOL_SOCKET, unix.SO_REUSEADDR},
	OptReusePort: {unix.SOL_SOCKET, unix.SO_REUSEPORT},
	OptIPv6Only:  {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
	OptNoDelay:   {unix.IPPROTO_TCP, unix.TCP_NODELAY},
	OptTTL:       {unix.IPPROTO_IP, unix.IP_TTL},
	OptHopLimit:  {unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS},
	OptType:      {unix.SOL_SOCKET, unix.SO_TYPE},
	OptListening: {unix.SOL_SOCKET, unix.SO_ACCEPTCONN},
	OptLatePort:  {unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT},
}

// lingerOption counts in seconds.
const lingerOption = unix.SO_LINGER
