package sim

// How connections begin: listening, connecting, accepting.

import (
	"net/netip"
	"slices"
	"time"
)

// Listen makes the socket take connections, and keep up to backlog of them, and
// one more, until they are accepted.
func (k *Kernel) Listen(fd, backlog int) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	switch {
	case s.state != fresh && s.state != listening:
		return EINVAL
	case s.domain == Unix && !s.bound:
		return EINVAL
	case s.domain != Unix && !s.bound:
		port := k.freePort()
		if port == 0 {
			return EADDRINUSE
		}
		s.take(Addr{IP: s.domain.any().IP, Port: port})
	case s.domain != Unix && s.state == fresh && s.conflicts(s.local, true):
		return EADDRINUSE
	}
	s.state, s.backlog = listening, backlog
	s.retryWaiting()
	return 0
}

// full tells whether no connection can be added to the queue of a listener.
func (s *socket) full() bool { return len(s.queue) > s.backlog }

// enqueue adds a connection to the queue.
func (s *socket) enqueue(c *socket) {
	s.queue = append(s.queue, c)
	s.wake(In)
}

// retryWaiting lets those who found the queue full try again.
func (s *socket) retryWaiting() {
	for _, w := range s.waiting {
		w.tcp.waits = false
		w.touch()
	}
	s.waiting = nil
}

// Accept takes one connection from the queue.
func (k *Kernel) Accept(fd int) (int, Addr, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return -1, Addr{}, e
	}
	switch {
	case !k.room(1):
		return -1, Addr{}, EMFILE
	case s.state != listening:
		return -1, Addr{}, EINVAL
	case len(s.queue) == 0:
		return -1, Addr{}, EAGAIN
	}
	c := s.queue[0]
	s.queue = slices.Delete(s.queue, 0, 1)
	c.orphan, c.tcp.at = false, nil
	s.retryWaiting()
	n := k.install(c)
	k.settle()
	return n, c.peer, 0
}

// Connect starts to connect. To a TCP address it is always EINPROGRESS at first.
// An address that is not the machine's own never answers.
func (k *Kernel) Connect(fd int, a Addr) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if s.domain == Unix {
		return s.connectUnix(a)
	}
	switch {
	case s.state == connecting:
		return EALREADY
	case s.attempt == abandoned:
		return EINVAL
	case s.attempt == begun && s.state == connected:
		s.attempt = settled
		return 0
	case s.attempt == begun: // it failed
		s.reuse()
		if e := s.takeErr(); e != 0 {
			return e
		}
		return ECONNABORTED
	case s.state != fresh:
		return EISCONN
	}
	e = s.connectTCP(a)
	k.settle()
	return e
}

// reuse makes a socket whose connect failed a new one.
func (s *socket) reuse() {
	if !s.asked {
		s.local.IP = s.domain.any().IP
	}
	s.state, s.attempt = fresh, none
	s.in, s.other, s.ended = buffer{}, nil, false
	s.tcp = link{stalled: s.tcp.stalled}
	s.touch()
	s.noRecv, s.noSend = false, false
	s.wake(0)
}

func (s *socket) connectTCP(a Addr) Errno {
	if e := s.domain.takes(a); e != 0 {
		return e
	}
	k := s.kernel
	a.IP = a.IP.Unmap()
	if a.IP.IsUnspecified() {
		a.IP = loopback(a.IP)
	}
	local := a.IP
	if !here(local) {
		local = loopback(local)
	}
	if e := s.autobind(local); e != 0 {
		return e
	}
	s.peer, s.state, s.attempt = a, connecting, begun
	s.tcp = link{syn: true, stalled: s.tcp.stalled}
	k.dials = append(k.dials, dial{s, k.now + k.options.ConnectTimeout})
	s.touch()
	return EINPROGRESS
}

func loopback(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// dial is a connect under way and when it is given up.
type dial struct {
	s   *socket
	end time.Duration
}

// Pending returns how long it is until time alone changes something, -1 if it
// never does.
func (k *Kernel) Pending() time.Duration {
	k.expireDials()
	if len(k.dials) == 0 {
		return -1
	}
	return k.dials[0].end - k.now
}

// expireDials gives up the connects whose time is over.
func (k *Kernel) expireDials() {
	for len(k.dials) > 0 && (k.dials[0].end <= k.now || k.dials[0].s.state != connecting) {
		s := k.dials[0].s
		k.dials = k.dials[1:]
		if s.state == connecting {
			s.breaks(ETIMEDOUT)
		}
	}
}

func (s *socket) connectUnix(a Addr) Errno {
	if e := s.domain.takes(a); e != 0 {
		return e
	}
	k := s.kernel
	n := k.names[nameKey(a.Path)]
	switch {
	case n == nil && a.Path[0] != '@':
		return ENOENT
	case n == nil || n.socket == nil || n.socket.state != listening:
		return ECONNREFUSED
	case n.socket.noRecv:
		return ECONNREFUSED
	case n.socket.full():
		return EAGAIN
	case s.state == connected || s.state == over:
		return EISCONN
	case s.state != fresh:
		return EINVAL
	}
	c := k.newSocket(Unix)
	c.local = n.socket.local
	c.orphan = true
	join(s, c)
	n.socket.enqueue(c)
	return 0
}
