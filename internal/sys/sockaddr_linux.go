//go:build !simkernel

package sys

// Linux's own form of addresses. It is decoded here and not by x/sys, which
// allocates, ends abstract names at their first NUL byte and mistakes a path
// that begins with "@" for one.

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const pathOffset = int(unsafe.Offsetof(unix.RawSockaddrUnix{}.Path))

// decode reads the address that the kernel left in raw, size bytes long.
func decode(raw *unix.RawSockaddrAny, size uint32) Sockaddr {
	if size < 2 { // the family; an address-less socket gives nothing at all
		return Sockaddr{}
	}
	switch raw.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return Sockaddr{IP: netip.AddrFrom4(in.Addr), Port: swap(in.Port)}
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		return Sockaddr{IP: unmap(in.Addr, in.Scope_id), Port: swap(in.Port)}
	case unix.AF_UNIX:
		un := (*[unsafe.Sizeof(*raw)]byte)(unsafe.Pointer(raw))
		return Sockaddr{Path: path(un[pathOffset:max(int(size), pathOffset)]), Unix: true}
	default:
		return Sockaddr{}
	}
}

// path reads the name of a unix socket, see "Address format" in unix(7).
func path(name []byte) string {
	if len(name) == 0 {
		return ""
	}
	if name[0] == 0 {
		return "@" + string(name[1:])
	}
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	if name[0] == '@' {
		return "./" + string(name) // a file, not an abstract name
	}
	return string(name)
}

// encode writes sa to raw and returns its size.
func encode(sa Sockaddr, raw *unix.RawSockaddrAny) (size uintptr, e Errno) {
	switch sa.Domain() {
	case DomainIPv4:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		in.Family, in.Port, in.Addr = unix.AF_INET, swap(sa.Port), sa.IP.As4()
		return unsafe.Sizeof(*in), 0
	case DomainIPv6:
		zone, e := zoneNumber(sa.IP)
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		in.Family, in.Port, in.Addr, in.Scope_id = unix.AF_INET6, swap(sa.Port), sa.IP.As16(), zone
		return unsafe.Sizeof(*in), e
	case DomainUnix:
		return encodeUnix(sa.Path, (*unix.RawSockaddrUnix)(unsafe.Pointer(raw)))
	default:
		return 0, EINVAL
	}
}

func encodeUnix(path string, un *unix.RawSockaddrUnix) (size uintptr, e Errno) {
	name := (*[len(un.Path)]byte)(unsafe.Pointer(&un.Path))
	if len(path) == 0 {
		return 0, EINVAL
	}
	abstract := path[0] == '@'
	// A path needs room for a NUL behind it, an abstract name does not.
	if len(path) > len(name) || !abstract && len(path) == len(name) {
		return 0, syscall.ENAMETOOLONG
	}
	un.Family = unix.AF_UNIX
	n := copy(name[:], path)
	if abstract {
		name[0] = 0
		return uintptr(pathOffset + n), 0
	}
	return uintptr(pathOffset + n + 1), 0
}

// swap turns a port from the machine's byte order into the network's, and back.
func swap(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}

// Bind gives the socket its local address.
func Bind(fd int, sa Sockaddr) Errno {
	if e := fault(CallBind); e != 0 {
		return e
	}
	return withAddr(unix.SYS_BIND, fd, sa)
}

// Connect starts to connect; EINPROGRESS says that it goes on by itself. EINTR
// is not retried: an interrupted connect goes on as well (connect(2)).
func Connect(fd int, sa Sockaddr) Errno {
	if e := fault(CallConnect); e != 0 {
		return e
	}
	return withAddr(unix.SYS_CONNECT, fd, sa)
}

func withAddr(trap uintptr, fd int, sa Sockaddr) Errno {
	var raw unix.RawSockaddrAny
	size, e := encode(sa, &raw)
	if e != 0 {
		return e
	}
	// Not a raw call: looking up a path may wait for a disk.
	_, _, e = syscall.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&raw)), size)
	return e
}

// Getsockname is the local address of the socket.
func Getsockname(fd int) (Sockaddr, Errno) {
	if seam {
		if e := fault(CallGetsockname); e != 0 {
			return Sockaddr{}, e
		}
	}
	return name(unix.SYS_GETSOCKNAME, fd)
}

// Getpeername is the peer's address, or ENOTCONN once the connection is gone.
func Getpeername(fd int) (Sockaddr, Errno) {
	if seam {
		if e := fault(CallGetpeername); e != 0 {
			return Sockaddr{}, e
		}
	}
	return name(unix.SYS_GETPEERNAME, fd)
}

func name(trap uintptr, fd int) (Sockaddr, Errno) {
	var raw unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(raw))
	_, _, e := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return Sockaddr{}, e
	}
	return decode(&raw, size), 0
}
