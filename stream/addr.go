package stream

// Addr, the address of one end of a stream.

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/eddyline/eddyline/internal/sys"
)

// Addr is the address of a socket: an IP address with a port, or the name of a
// unix socket. It is a small value to be copied, compared with == and used as a
// map key, and it implements [net.Addr]. The zero Addr means that the address
// is not known.
//
// An IPv4 address is always plain: the form mapped into IPv6 (RFC 4291, section
// 2.5.5.2) is taken apart on the way in, also in addresses that the kernel
// reports for the IPv4 peers of an IPv6 socket, so that two Addrs of one host
// are equal. The zone of an address that came from the kernel is the
// interface's number.
type Addr struct{ sa sys.Sockaddr }

// AddrFrom returns the address of an IP address and a port. An invalid ap gives
// the zero Addr.
func AddrFrom(ap netip.AddrPort) Addr {
	if !ap.IsValid() {
		return Addr{}
	}
	return Addr{sys.Sockaddr{IP: ap.Addr().Unmap(), Port: ap.Port()}}
}

// UnixAddr returns the address of the unix stream socket at path. On Linux a
// path that begins with "@" is a name in the abstract namespace (unix(7)) and
// not a file; "./@name" is one. An empty path is the address of a socket that
// has no name, such as most clients': nobody can connect to it.
func UnixAddr(path string) Addr {
	return Addr{sys.Sockaddr{Path: path, Unix: true}}
}

// ParseAddr reads what [Addr.String] writes: "127.0.0.1:80", "[::1]:80",
// "[fe80::1%eth0]:80", "unix:/path" or, on Linux, "unix:@name". It looks nothing
// up, for which see [Resolve]. The error is a [*net.ParseError].
func ParseAddr(s string) (Addr, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || !pathFits(path) {
			return Addr{}, &net.ParseError{Type: "unix socket address", Text: s}
		}
		return UnixAddr(path), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return Addr{}, &net.ParseError{Type: "socket address", Text: s}
	}
	return AddrFrom(ap), nil
}

// AddrPort is the IP address and the port, or the invalid zero AddrPort if a
// is not that kind of address.
func (a Addr) AddrPort() netip.AddrPort {
	if !a.sa.IP.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.sa.IP, a.sa.Port)
}

// Path is the name of a unix socket, or "" if a is not the address of one that
// has a name.
func (a Addr) Path() string { return a.sa.Path }

// IsUnix reports whether a is the address of a unix socket, with a name or without.
func (a Addr) IsUnix() bool { return a.sa.Unix }

// IsValid reports whether a is any address: it is false for the zero Addr only.
func (a Addr) IsValid() bool { return a != Addr{} }

// Network is "tcp", "unix", or "" for the zero Addr. It is part of [net.Addr].
func (a Addr) Network() string {
	switch a.sa.Domain() {
	case sys.DomainUnix:
		return "unix"
	case sys.DomainNone:
		return ""
	default:
		return "tcp"
	}
}

// String is the address as [ParseAddr] reads it, "unix:" for a unix socket
// without a name and "?" for the zero Addr. It is part of [net.Addr].
func (a Addr) String() string {
	switch a.sa.Domain() {
	case sys.DomainUnix:
		return "unix:" + a.sa.Path
	case sys.DomainNone:
		return "?"
	default:
		return a.AddrPort().String()
	}
}

// named reports whether a can be listened on or connected to.
func (a Addr) named() bool { return a.sa.IP.IsValid() || a.sa.Path != "" }

// kernel is the address in the form that the kernel takes: with the zone as a
// number, and for a connect an unspecified address turned into the loopback
// one, which it means (and which the peer's address will be).
func (a Addr) kernel(connect bool) (sys.Sockaddr, error) {
	sa := a.sa
	if !a.named() {
		return sa, fmt.Errorf("no address: %w", os.ErrInvalid)
	}
	if sa.Unix && !pathFits(sa.Path) {
		return sa, fmt.Errorf("NUL byte in the path: %w", os.ErrInvalid)
	}
	if connect && sa.IP.IsUnspecified() {
		sa.IP = loopback(sa.IP)
	}
	zone, err := zoneNumber(sa.IP.Zone())
	if err != nil {
		return sa, err
	}
	sa.IP = sa.IP.WithZone(zone)
	return sa, nil
}

// pathFits tells whether a path that is not empty can be a unix socket's name: only
// abstract ones may hold a NUL byte.
func pathFits(path string) bool { return isAbstract(path) || !strings.ContainsRune(path, 0) }

func loopback(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// zoneNumber turns the name of an interface into its number.
func zoneNumber(zone string) (string, error) {
	if zone == "" || strings.Trim(zone, "0123456789") == "" {
		return zone, nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return "", fmt.Errorf("zone %q: %w", zone, err)
	}
	return fmt.Sprint(ifi.Index), nil
}
