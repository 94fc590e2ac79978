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
	if s.domain == Unix {
		n = s.beforeRights(n)
	}
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

// piece is what a unix socket keeps as one.
type piece struct {
	size   int
	rights bool // descriptors came with it
}

// beforeRights is how many of the next n bytes one receive gives: none behind those
// that descriptors came with.
func (s *socket) beforeRights(n int) int {
	end := 0
	for _, p := range s.pieces {
		if end += p.size; end >= n || p.rights {
			break
		}
	}
	return min(n, end)
}

// consumed frees what n bytes of input held of a unix sender's buffer: whole
// pieces, and each of them lets it write if there is room enough. Whose first bytes
// are gone has no descriptors any more.
func (s *socket) consumed(n int) {
	for n > 0 {
		first := &s.pieces[0]
		if n < first.size {
			first.size, first.rights = first.size-n, false
			s.part += n
			return
		}
		n -= first.size
		s.pieces, s.part = s.pieces[1:], 0
		if s.other.writable() {
			s.other.wake(Out)
		}
	}
}

// Send sends once from bufs.
func (k *Kernel) Send(fd int, bufs [][]byte) (int, Errno) { return k.send(fd, bufs, false) }

// SendRights is Send with descriptors (SCM_RIGHTS, see unix(7)), which no receiver of
// the model takes: they are gone with the first byte.
func (k *Kernel) SendRights(fd int, p []byte) (int, Errno) { return k.send(fd, [][]byte{p}, true) }

func (k *Kernel) send(fd int, bufs [][]byte, rights bool) (int, Errno) {
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
		return s.sendUnix(bufs, room, rights)
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

// maxPiece is the most that a unix socket keeps as one piece.
const maxPiece = 32 << 10

// sendUnix gives the bytes to the peer at once.
func (s *socket) sendUnix(bufs [][]byte, room int, rights bool) (int, Errno) {
	o := s.other
	if o.noRecv {
		return 0, EPIPE
	}
	n := o.in.addSome(bufs, room)
	for left := n; left > 0; left -= min(left, maxPiece) {
		o.pieces = append(o.pieces, piece{min(left, maxPiece), rights && left == n})
	}
	if n > 0 {
		o.wake(In)
	}
	return n, 0
}
