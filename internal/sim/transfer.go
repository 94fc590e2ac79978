package sim

// Sending and receiving.

// Recv receives once into bufs, or with peek looks at what it would receive. No
// bytes without an error are the end of the stream, unless there was no room.
func (k *Kernel) Recv(fd int, bufs [][]byte, peek bool) (int, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	if s.in.len() == 0 {
		return 0, s.nothingToRecv()
	}
	n := s.in.copyTo(bufs)
	if peek || n == 0 {
		return n, 0
	}
	s.in.drop(n)
	if s.domain == Unix {
		s.consumed(n)
	} else if s.other != nil {
		s.other.touch() // the window has opened
	}
	k.settle()
	return n, 0
}

// nothingToRecv is why there is no input, 0 for its end.
func (s *socket) nothingToRecv() Errno {
	switch {
	case s.domain == Unix && s.state != connected && s.state != over:
		return EINVAL
	case s.state == listening:
		return ENOTCONN
	case s.ended: // the FIN was first
		return 0
	case s.err != 0:
		return s.takeErr()
	case s.noRecv:
		return 0
	case s.state == fresh:
		return ENOTCONN
	default:
		return EAGAIN
	}
}

// consumed frees what n bytes of input held of a unix sender's buffer: whole
// messages, and each of them lets it write if there is room enough.
func (s *socket) consumed(n int) {
	for n > 0 {
		if n < s.sizes[0] {
			s.sizes[0] -= n
			s.part += n
			return
		}
		n -= s.sizes[0]
		s.sizes, s.part = s.sizes[1:], 0
		if s.other.writable() {
			s.other.wake(Out)
		}
	}
}

// Send sends once from bufs.
func (k *Kernel) Send(fd int, bufs [][]byte) (int, Errno) {
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	if e := s.maySend(); e != 0 {
		return 0, e
	}
	room := k.options.SendBuffer - s.used()
	if room <= 0 && size(bufs) > 0 {
		s.nospace = true
		return 0, EAGAIN
	}
	if s.domain == Unix {
		return s.sendUnix(bufs, room)
	}
	n := s.tcp.data.addSome(bufs, room)
	s.touch()
	k.settle()
	return n, 0
}

func (s *socket) maySend() Errno {
	switch {
	case s.domain == Unix && s.other == nil:
		return ENOTCONN
	case s.domain == Unix && s.noSend:
		return EPIPE
	case s.err != 0:
		return s.takeErr()
	case s.state == connecting:
		return EAGAIN
	case s.state != connected || s.noSend:
		return EPIPE
	default:
		return 0
	}
}

// maxMessage is the most that a unix socket keeps as one piece.
const maxMessage = 32 << 10

// sendUnix gives the bytes to the peer at once.
func (s *socket) sendUnix(bufs [][]byte, room int) (int, Errno) {
	o := s.other
	if o.noRecv {
		return 0, EPIPE
	}
	n := o.in.addSome(bufs, room)
	for left := n; left > 0; left -= min(left, maxMessage) {
		o.sizes = append(o.sizes, min(left, maxMessage))
	}
	if n > 0 {
		o.wake(In)
	}
	return n, 0
}
