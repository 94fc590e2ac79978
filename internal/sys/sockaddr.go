package sys

// Addresses as the kernel interface takes and gives them.

import "net/netip"

// Domain tells the kinds of sockets apart.
type Domain uint8

// The domains of stream sockets.
const (
	DomainNone Domain = iota // unknown, or none that this package handles
	DomainIPv4
	DomainIPv6
	DomainUnix
)

// Sockaddr is a socket address; the zero value is none at all. It is comparable:
// an IPv4 address is always in its own form, never mapped into IPv6, and a zone
// that came from the kernel is its number in decimal.
type Sockaddr struct {
	IP   netip.Addr // invalid unless this is an IP address
	Path string     // of a unix socket, "" when it has none; "@name" is a Linux abstract name
	Port uint16
	Unix bool
}

// Domain is the kind of socket that can use the address.
func (sa Sockaddr) Domain() Domain {
	switch {
	case sa.Unix:
		return DomainUnix
	case sa.IP.Is4():
		return DomainIPv4
	case sa.IP.Is6():
		return DomainIPv6
	default:
		return DomainNone
	}
}
