package sim

// Addresses, ports and the names of unix sockets.

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
)

// Addr is the address of a socket; the zero value is none at all.
type Addr struct {
	IP   netip.Addr // invalid unless this is an IP address
	Path string     // of a unix socket, "" when it has none; "@name" is an abstract name
	Port uint16
	Unix bool
}

func (a Addr) String() string {
	switch {
	case a.Unix && a.Path == "":
		return "unnamed"
	case a.Unix:
		return a.Path
	default:
		return netip.AddrPortFrom(a.IP, a.Port).String()
	}
}

// Domain tells the kinds of sockets apart.
type Domain uint8

// The domains.
const (
	IPv4 Domain = iota + 1
	IPv6
	Unix
)

// any is the address of a socket that is not bound.
func (d Domain) any() Addr {
	switch d {
	case IPv4:
		return Addr{IP: netip.IPv4Unspecified()}
	case IPv6:
		return Addr{IP: netip.IPv6Unspecified()}
	default:
		return Addr{Unix: true}
	}
}

// takes checks that a socket of the domain can use a.
func (d Domain) takes(a Addr) Errno {
	switch {
	case d == Unix && !a.Unix, !a.Unix && !a.IP.IsValid():
		return EINVAL
	case d != Unix && a.Unix:
		return EAFNOSUPPORT // a short name would be EINVAL
	case d == IPv6 && a.IP.Is4():
		return EINVAL // shorter than an IPv6 address
	case d == IPv4 && !a.IP.Is4():
		return EAFNOSUPPORT
	case d == Unix:
		return checkPath(a.Path)
	}
	return 0
}

// maxPath is the size of sun_path.
const maxPath = 108

func checkPath(path string) Errno {
	switch {
	case path == "":
		return EINVAL
	case len(path) > maxPath, len(path) == maxPath && path[0] != '@':
		return ENAMETOOLONG
	}
	return 0
}

// here tells whether ip is the machine's own.
func here(ip netip.Addr) bool { return ip.IsLoopback() || ip.IsUnspecified() }

// The ports that are chosen for sockets that ask for none.
const (
	firstPort = 32768
	ports     = 28232
)

// freePort chooses a port that nobody has, 0 if there is none.
func (k *Kernel) freePort() uint16 {
	for range ports {
		k.port++
		if k.port < firstPort || k.port >= firstPort+ports {
			k.port = firstPort
		}
		if len(k.ports[k.port]) == 0 {
			return k.port
		}
	}
	return 0
}

// Bind gives the socket its local address.
func (k *Kernel) Bind(fd int, a Addr) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if e := s.domain.takes(a); e != 0 {
		return e
	}
	if s.domain == Unix {
		return s.bindName(a)
	}
	a.IP = a.IP.Unmap()
	if !here(a.IP) {
		return EADDRNOTAVAIL
	}
	if s.state != fresh || s.bound {
		return EINVAL
	}
	if a.IP.Is6() && !a.IP.IsUnspecified() {
		s.values[OptIPv6Only] = 1
	}
	if a.Port == 0 && s.values[OptLatePort] != 0 {
		s.local, s.asked = a, true
		return 0
	}
	if a.Port == 0 {
		if a.Port = k.freePort(); a.Port == 0 {
			return EADDRINUSE
		}
	}
	if s.conflicts(a, false) {
		return EADDRINUSE
	}
	s.take(a)
	s.asked = true
	return 0
}

// take makes a the local address, and its port the socket's.
func (s *socket) take(a Addr) {
	s.local, s.bound = a, true
	s.kernel.ports[a.Port] = append(s.kernel.ports[a.Port], s)
}

// conflicts tells whether another socket keeps s from being bound to a, or from
// listening there.
func (s *socket) conflicts(a Addr, listens bool) bool {
	return slices.ContainsFunc(s.kernel.ports[a.Port], func(o *socket) bool {
		if o == s || !overlap(s, a.IP, o) {
			return false
		}
		if s.values[OptReusePort] != 0 && o.values[OptReusePort] != 0 {
			return false
		}
		if listens {
			return o.state == listening
		}
		reuse := s.values[OptReuseAddr] != 0 && o.values[OptReuseAddr] != 0
		return !reuse || o.state == listening
	})
}

// overlap tells whether s at ip and o could be meant by the same address.
func overlap(s *socket, ip netip.Addr, o *socket) bool {
	other := o.local.IP
	if ip.Is4() == other.Is4() {
		return ip == other || ip.IsUnspecified() || other.IsUnspecified()
	}
	return ip.Is6() && s.dual(ip) || other.Is6() && o.dual(other)
}

// dual tells whether the socket at ip stands for IPv4 addresses too.
func (s *socket) dual(ip netip.Addr) bool {
	return s.domain == IPv6 && ip.IsUnspecified() && s.values[OptIPv6Only] == 0
}

// autobind gives a socket that is about to connect an address to be found at.
func (s *socket) autobind(ip netip.Addr) Errno {
	if s.bound {
		if s.local.IP.IsUnspecified() {
			s.local.IP = ip
		}
		return 0
	}
	port := s.kernel.freePort()
	if port == 0 {
		return EADDRNOTAVAIL
	}
	if !s.local.IP.IsUnspecified() {
		ip = s.local.IP
	}
	s.take(Addr{IP: ip, Port: port})
	return 0
}

// unbind gives the port up.
func (s *socket) unbind() {
	if !s.bound || s.domain == Unix {
		return
	}
	s.bound = false
	list := s.kernel.ports[s.local.Port]
	if i := slices.Index(list, s); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(s.kernel.ports, s.local.Port)
		return
	}
	s.kernel.ports[s.local.Port] = list
}

// listener returns who listens at a, nil if nobody does. Of several that share the
// port it is one or the other.
func (k *Kernel) listener(a Addr) *socket {
	var exact, wild []*socket
	for _, s := range k.ports[a.Port] {
		switch {
		case s.state != listening:
		case s.local.IP == a.IP:
			exact = append(exact, s)
		case s.local.IP.IsUnspecified() && (s.local.IP.Is4() == a.IP.Is4() || s.dual(s.local.IP)):
			wild = append(wild, s)
		}
	}
	if len(exact) == 0 {
		exact = wild
	}
	if len(exact) == 0 {
		return nil
	}
	return exact[k.rng.IntN(len(exact))]
}

// name is what a unix socket was bound to. A path stays when its socket is closed.
type name struct {
	socket *socket
	inode  uint64
}

func nameKey(path string) string {
	if path[0] == '@' {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (s *socket) bindName(a Addr) Errno {
	k := s.kernel
	if s.bound {
		return EINVAL
	}
	key := nameKey(a.Path)
	if k.names[key] != nil {
		return EADDRINUSE
	}
	k.inode++
	k.names[key] = &name{socket: s, inode: k.inode}
	s.local, s.bound = a, true
	return 0
}

// forget makes the name of a socket that is closed lead nowhere.
func (s *socket) forget() {
	if !s.bound || s.local.Path == "" {
		return
	}
	key := nameKey(s.local.Path)
	n := s.kernel.names[key]
	switch {
	case n == nil || n.socket != s:
	case s.local.Path[0] == '@':
		delete(s.kernel.names, key)
	default:
		n.socket = nil
	}
}

// Lookup returns the number of the file at path. All files are sockets.
func (k *Kernel) Lookup(path string) (inode uint64, e Errno) {
	if path == "" || path[0] == '@' {
		return 0, ENOENT
	}
	n := k.names[nameKey(path)]
	if n == nil {
		return 0, ENOENT
	}
	return n.inode, 0
}

// Unlink removes the file at path; its socket stays.
func (k *Kernel) Unlink(path string) Errno {
	if _, e := k.Lookup(path); e != 0 {
		return e
	}
	delete(k.names, nameKey(path))
	return 0
}

// Getsockname is the local address of the socket.
func (k *Kernel) Getsockname(fd int) (Addr, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return Addr{}, e
	}
	return s.local, 0
}

// Getpeername is the peer's address. A TCP socket forgets it when the connection is
// over, a unix socket does not.
func (k *Kernel) Getpeername(fd int) (Addr, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return Addr{}, e
	}
	if s.state == connected || s.domain == Unix && s.other != nil {
		return s.peer, 0
	}
	return Addr{}, ENOTCONN
}

func (d Domain) String() string {
	switch d {
	case IPv4, IPv6:
		return "tcp"
	case Unix:
		return "unix"
	default:
		return "domain " + strconv.Itoa(int(d))
	}
}
