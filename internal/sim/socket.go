package sim

// Stream sockets: what they are, and their options.

import (
	"fmt"
	"math"
)

// state is what a socket can be.
type state uint8

const (
	fresh state = iota
	listening
	connecting
	connected
	over // both sides have ended, or the connection broke
)

func (s state) String() string {
	return [...]string{"new", "listening", "connecting", "connected", "over"}[s]
}

// attempt is what the socket layer knows of a connect, which is not where the
// protocol is: it learns of the outcome from the next call.
type attempt uint8

const (
	none attempt = iota
	begun
	settled
	abandoned // by a shutdown
)

type socket struct {
	base
	domain      Domain
	state       state
	local, peer Addr
	bound       bool
	asked       bool // for its local address, by Bind
	orphan      bool // nobody has a descriptor any more

	err            Errno // pending, told once
	noRecv, noSend bool  // RCV_SHUTDOWN and SEND_SHUTDOWN
	attempt        attempt
	nospace        bool // a writable edge is owed

	in    buffer
	other *socket // the other end, nil if there is none

	backlog int
	queue   []*socket // connections to be accepted
	waiting []*socket // those that found the queue full

	tcp    link    // what a TCP socket has sent
	ended  bool    // TCP: the peer's FIN came
	pieces []piece // unix: what makes up in
	part   int     // unix: what is gone of the first of those, and still takes its sender's room
	active int     // place in Kernel.active, from 1
	values values  // of options
	linger int     // seconds, negative for off
}

// Option names a socket option whose value is one number.
type Option uint8

// The options.
const (
	OptReuseAddr Option = iota
	OptReusePort
	OptIPv6Only
	OptNoDelay
	OptTTL
	OptHopLimit
	OptType
	OptListening
	OptLatePort
	options
)

type values [options]int

// streamType is SOCK_STREAM.
const streamType = 1

func (k *Kernel) newSocket(d Domain) *socket {
	s := &socket{base: base{kernel: k}, domain: d, local: d.any(), linger: -1}
	s.values[OptTTL], s.values[OptHopLimit] = 64, 64
	s.values[OptType] = streamType
	return s
}

// Socket returns a new socket.
func (k *Kernel) Socket(d Domain) (int, Errno) {
	if d < IPv4 || d > Unix {
		return -1, EAFNOSUPPORT
	}
	if !k.room(1) {
		return -1, EMFILE
	}
	return k.install(k.newSocket(d)), 0
}

// Socketpair returns two unix sockets that are connected to each other.
func (k *Kernel) Socketpair() ([2]int, Errno) {
	if !k.room(2) {
		return [2]int{-1, -1}, EMFILE
	}
	a, b := k.newSocket(Unix), k.newSocket(Unix)
	join(a, b)
	return [2]int{k.install(a), k.install(b)}, 0
}

// join connects two unix sockets.
func join(a, b *socket) {
	a.other, b.other = b, a
	a.peer, b.peer = b.local, a.local
	a.state, b.state = connected, connected
}

func (s *socket) String() string {
	switch s.state {
	case fresh, listening:
		return fmt.Sprintf("%v %v %v", s.domain, s.local, s.state)
	default:
		return fmt.Sprintf("%v %v > %v %v", s.domain, s.local, s.peer, s.state)
	}
}

func (s *socket) poll() Events {
	var r Events
	if len(s.queue) > 0 {
		r |= In
	}
	if s.state == listening && s.domain != Unix {
		return r
	}
	if s.err != 0 {
		r |= Err
	}
	if s.noRecv && s.noSend || s.state == fresh || s.state == over {
		r |= Hup
	}
	if s.noRecv {
		r |= In | RdHup
	}
	if s.state == connecting || s.state == listening {
		return r
	}
	if s.in.len() > 0 {
		r |= In
	}
	if s.writable() {
		r |= Out
	}
	return r
}

// writable tells whether poll says so. A send may still find room when it does
// not: only a good share of free room is worth waking somebody.
func (s *socket) writable() bool {
	size := s.kernel.options.SendBuffer
	if s.domain == Unix {
		return s.used()*4 <= size
	}
	if s.noSend || s.used()*3 <= size*2 {
		return true
	}
	s.nospace = true
	return false
}

// used is how much of the send buffer is.
func (s *socket) used() int {
	if s.domain != Unix {
		return s.tcp.data.len() + s.tcp.transit
	}
	if s.other == nil {
		return 0
	}
	return s.other.in.len() + s.other.part
}

// takeErr returns the pending error, which is gone then.
func (s *socket) takeErr() Errno {
	e := s.err
	s.err = 0
	return e
}

// SocketError takes the error that waits at the socket.
func (k *Kernel) SocketError(fd int) (pending, failure Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	return s.takeErr(), 0
}

// SocketDomain is the domain that fd was made with.
func (k *Kernel) SocketDomain(fd int) (Domain, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	return s.domain, 0
}

// has checks that a socket has an option.
func (s *socket) has(opt Option) Errno {
	switch opt {
	case OptReuseAddr, OptReusePort, OptType, OptListening:
		return 0
	case OptNoDelay, OptTTL, OptLatePort:
		if s.domain == Unix {
			return EOPNOTSUPP
		}
		return 0
	case OptIPv6Only, OptHopLimit:
		switch s.domain {
		case IPv4:
			return ENOPROTOOPT
		case Unix:
			return EOPNOTSUPP
		}
		return 0
	default:
		return ENOPROTOOPT
	}
}

// SetOption sets a numeric option.
func (k *Kernel) SetOption(fd int, opt Option, value int) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if e := s.has(opt); e != 0 {
		return e
	}
	switch opt {
	case OptType, OptListening:
		return ENOPROTOOPT
	case OptTTL, OptHopLimit:
		if value == -1 {
			value = 64
		}
		if value < 0 || value > math.MaxUint8 || value == 0 && opt == OptTTL {
			return EINVAL
		}
	case OptReusePort:
		if value != 0 && s.domain == Unix {
			return EOPNOTSUPP
		}
		value = min(value, 1)
	default:
		if opt == OptIPv6Only && (s.bound || s.state == connected) {
			return EINVAL
		}
		value = min(value, 1)
	}
	s.values[opt] = value
	return 0
}

// GetOption reads a numeric option.
func (k *Kernel) GetOption(fd int, opt Option) (int, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	switch e := s.has(opt); {
	case e != 0 && opt < options:
		return 0, EOPNOTSUPP
	case e != 0:
		return 0, e
	}
	if opt == OptListening && s.state == listening {
		return 1, 0
	}
	return s.values[opt], 0
}

// SetLinger sets SO_LINGER. With 0 seconds a close resets the connection; a close
// never waits here.
func (k *Kernel) SetLinger(fd int, onoff bool, seconds int) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	s.linger = seconds
	if !onoff {
		s.linger = -1
	}
	return 0
}

// Linger reads what SetLinger set.
func (k *Kernel) Linger(fd int) (onoff bool, seconds int, e Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return false, 0, e
	}
	return s.linger >= 0, max(s.linger, 0), 0
}

// Unread is how many bytes wait to be received.
func (k *Kernel) Unread(fd int) (int, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	return s.in.len(), 0
}

// OutQueue is how much the peer has not acknowledged, or on a unix socket not read.
func (k *Kernel) OutQueue(fd int) (int, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	if s.state == listening {
		return 0, EINVAL
	}
	if s.state == connecting {
		return 0, 0
	}
	n := s.used()
	if s.tcp.fin || s.tcp.finTransit {
		n++
	}
	return n, 0
}
