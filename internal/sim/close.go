package sim

// How connections end: shutdown, close and resets.

// The directions of Shutdown.
const (
	ShutRead  = 0
	ShutWrite = 1
	ShutBoth  = 2
)

// Shutdown ends one direction of the connection, or both.
func (k *Kernel) Shutdown(fd, how int) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if how < ShutRead || how > ShutBoth {
		return EINVAL
	}
	recv, send := how != ShutWrite, how != ShutRead
	if s.domain == Unix {
		s.shutUnix(recv, send)
		return 0
	}
	e = s.shutTCP(recv, send)
	k.settle()
	return e
}

func (s *socket) shutUnix(recv, send bool) {
	s.noRecv, s.noSend = s.noRecv || recv, s.noSend || send
	s.wake(0)
	if o := s.other; o != nil {
		o.noRecv, o.noSend = o.noRecv || send, o.noSend || recv
		o.wake(0)
	}
}

func (s *socket) shutTCP(recv, send bool) (e Errno) {
	switch {
	case s.state == listening && recv:
		s.dropQueue()
		s.state = fresh
	case s.state == listening:
	case s.state == connecting:
		s.breaks(ECONNRESET)
		s.reuse()
	default:
		if s.attempt == begun {
			s.attempt = abandoned
			if s.state == connected {
				s.attempt = settled
			}
		}
		if s.state != connected {
			e = ENOTCONN
		}
		if send && s.state == connected {
			s.finish()
		}
		s.noRecv, s.noSend = s.noRecv || recv, s.noSend || send
		s.touch()
	}
	s.wake(0)
	return e
}

// release is the last close.
func (s *socket) release() {
	s.orphan = true
	if s.domain == Unix {
		s.releaseUnix()
		return
	}
	switch s.state {
	case listening:
		s.dropQueue()
		s.state = over
		s.retryWaiting()
	case connecting:
		s.state = over
		s.tcp = link{}
		s.touch()
	case connected:
		s.end()
	}
	s.unbind()
}

// end closes a TCP connection: with a FIN, unless something would be lost by it or
// the user wants a reset.
func (s *socket) end() {
	if s.in.len() > 0 || s.linger == 0 {
		s.reset()
		return
	}
	s.finish()
	if s.linger > 0 && !s.tcp.finAcked {
		s.kernel.lingers++
	}
	s.noRecv, s.noSend = true, true
	s.touch()
}

// finish sends the FIN, once.
func (s *socket) finish() {
	if !s.tcp.finished {
		s.tcp.fin, s.tcp.finished = true, true
	}
}

// reset ends a TCP connection and tells the peer. What is on its way may arrive
// before, as far as the peer has room, or be lost.
func (s *socket) reset() {
	if s.other != nil {
		keep := min(s.tcp.data.len(), s.other.space())
		if !s.kernel.options.Immediate {
			keep = s.kernel.rng.IntN(keep + 1)
		}
		s.tcp.data.cut(keep)
		s.tcp.fin, s.tcp.rst = false, true
	}
	s.die()
	s.touch()
}

// die is the end of a TCP connection: the port that was chosen for it is free.
func (s *socket) die() {
	s.state = over
	s.noRecv, s.noSend = true, true
	if !s.asked {
		s.unbind()
	}
}

// breaks ends a TCP connection on this side alone.
func (s *socket) breaks(e Errno) {
	s.err = e
	s.die()
	s.tcp = link{stalled: s.tcp.stalled}
	s.touch()
	s.wake(0)
}

// dropQueue ends the connections that nobody has accepted, and refuses those who
// wait for it.
func (s *socket) dropQueue() {
	for _, c := range s.queue {
		if c.domain == Unix {
			c.other.err = ECONNRESET
			c.releaseUnix()
		} else if c.state == connected {
			c.reset()
		}
	}
	s.queue = nil
}

func (s *socket) releaseUnix() {
	was := s.state
	s.state = over
	s.noRecv, s.noSend = true, true
	if was == listening {
		s.dropQueue()
	}
	s.forget()
	o := s.other
	if o == nil || was != connected {
		return
	}
	o.noRecv, o.noSend = true, true
	if s.in.len() > 0 {
		o.err = ECONNRESET
	}
	o.wake(0)
	s.in, s.pieces, s.part = buffer{}, nil, 0
	o.wake(Out)
}

// Break ends the connection of fd with e on this side, as the network may. The
// other side hears of it when it sends.
func (k *Kernel) Break(fd int, e Errno) Errno {
	s, bad := k.socket(fd)
	switch {
	case bad != 0:
		return bad
	case s.domain == Unix:
		return EOPNOTSUPP
	case s.state != connected && s.state != connecting:
		return ENOTCONN
	}
	s.breaks(e)
	k.settle()
	return 0
}
