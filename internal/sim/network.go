package sim

// The network between TCP sockets: what is on its way, and its delivery.

import "slices"

// link is what a TCP socket has sent, in the order in which it arrives.
type link struct {
	syn    bool // asks a listener for a connection
	synAck bool // says that there is one
	ack    bool // brings it into the listener's queue
	data   buffer
	fin    bool
	rst    bool

	transit    int  // bytes that have arrived; the acknowledgement is on its way
	finTransit bool // the same of the FIN
	finAcked   bool
	finished   bool // the FIN was sent at some time

	refused bool    // the answer is a reset, until which nothing more is of use
	waits   bool    // the listener's queue was full
	stalled bool    // nothing of this arrives for now
	at      *socket // the listener that has not handed out the socket yet
}

// deliverable tells whether something that s sent can arrive.
func (s *socket) deliverable() bool {
	l := &s.tcp
	if l.stalled || l.waits || l.refused {
		return false
	}
	switch {
	case l.syn:
		return here(s.peer.IP)
	case l.synAck, l.ack:
		return true
	case l.data.len() > 0:
		return s.other.space() > 0
	default:
		return l.fin || l.rst
	}
}

// acknowledgeable tells whether an acknowledgement is on its way to s.
func (s *socket) acknowledgeable() bool {
	return (s.tcp.transit > 0 || s.tcp.finTransit) && !s.other.tcp.stalled
}

// space is how much more can arrive at s. What arrives where nobody takes it makes
// a reset.
func (s *socket) space() int {
	if s.state != connected || s.orphan && !s.hidden() {
		return maxSpace
	}
	return s.kernel.options.ReceiveBuffer - s.in.len()
}

const maxSpace = 1 << 30

// hidden tells whether s waits to be accepted.
func (s *socket) hidden() bool { return s.tcp.at != nil }

// touch puts s on the list of those for whom there is something to deliver, or
// takes it off.
func (s *socket) touch() {
	k := s.kernel
	wanted := s.domain != Unix && (s.deliverable() || s.acknowledgeable())
	switch {
	case wanted && s.active == 0:
		k.active = append(k.active, s)
		s.active = len(k.active)
	case !wanted && s.active != 0:
		last := k.active[len(k.active)-1]
		k.active[s.active-1], last.active = last, s.active
		k.active[len(k.active)-1] = nil
		k.active = k.active[:len(k.active)-1]
		s.active = 0
	}
}

// InFlight returns for how many sockets there is something to deliver.
func (k *Kernel) InFlight() int { return len(k.active) }

// Step makes one delivery and reports whether there was one to make.
func (k *Kernel) Step() bool {
	if len(k.active) == 0 {
		return false
	}
	s := k.active[0]
	if !k.options.Immediate {
		s = k.active[k.rng.IntN(len(k.active))]
	}
	s.step()
	s.touch()
	return true
}

// settle makes the deliveries that are not left to Step.
func (k *Kernel) settle() {
	for k.options.Immediate && k.Step() {
	}
}

// Stall holds back what the socket sends, acknowledgements included, or lets it go.
func (k *Kernel) Stall(fd int, on bool) Errno {
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	s.stall(on)
	k.settle()
	return 0
}

// Unstall lets everything go that Stall holds back.
func (k *Kernel) Unstall() {
	for _, s := range slices.Clone(k.stalled) {
		s.stall(false)
	}
	k.settle()
}

func (s *socket) stall(on bool) {
	if s.tcp.stalled == on {
		return
	}
	s.tcp.stalled = on
	k := s.kernel
	if on {
		k.stalled = append(k.stalled, s)
	} else {
		k.stalled = slices.DeleteFunc(k.stalled, func(o *socket) bool { return o == s })
	}
	s.touch()
	if s.other != nil {
		s.other.touch()
	}
}

// some chooses how many of n bytes arrive together: often all, often one.
func (k *Kernel) some(n int) int {
	if k.options.Immediate {
		return n
	}
	switch k.rng.IntN(8) {
	case 0:
		return 1
	case 1, 2:
		return 1 + k.rng.IntN(n)
	default:
		return n
	}
}

// step delivers one thing of s, or an acknowledgement to it.
func (s *socket) step() {
	forward, back := s.deliverable(), s.acknowledgeable()
	if back && (!forward || !s.kernel.options.Immediate && s.kernel.rng.IntN(2) == 0) {
		s.acknowledged()
		return
	}
	if !forward {
		return
	}
	l := &s.tcp
	switch {
	case l.syn:
		s.arriveSyn()
	case l.synAck:
		l.synAck = false
		s.other.established()
	case l.ack:
		s.arriveAck()
	case l.data.len() > 0:
		s.arriveData(s.kernel.some(min(l.data.len(), s.other.space())))
	case l.fin:
		s.arriveFin()
	case l.rst:
		l.rst = false
		s.other.hear()
	}
}

// arriveSyn finds the listener.
func (s *socket) arriveSyn() {
	k := s.kernel
	if s.peer == s.local {
		// Both ends meet: the connection is to the socket itself.
		s.tcp.syn = false
		s.other = s
		s.state = connected
		s.wake(0)
		return
	}
	at := k.listener(s.peer)
	if at == nil {
		s.breaks(ECONNREFUSED)
		return
	}
	if at.full() {
		s.wait(at)
		return
	}
	s.tcp.syn = false
	c := k.newSocket(at.domain)
	c.values, c.linger = at.values, at.linger
	c.local, c.peer = s.peer, s.local
	c.state, c.orphan = connected, true
	c.other, s.other = s, c
	c.tcp = link{synAck: true, at: at}
	c.touch()
}

// wait is for a place in the queue of a listener.
func (s *socket) wait(at *socket) {
	s.tcp.waits = true
	at.waiting = append(at.waiting, s)
}

// established tells the client that it is connected.
func (s *socket) established() {
	if s.state != connecting {
		return
	}
	s.state = connected
	s.tcp.ack = true
	s.touch()
	s.wake(0)
}

// arriveAck puts the connection into the queue of its listener.
func (s *socket) arriveAck() {
	c := s.other
	at := c.tcp.at
	if at != nil && at.state == listening && at.full() {
		s.wait(at)
		return
	}
	s.tcp.ack = false
	switch {
	case at == nil || c.state != connected:
	case at.state != listening:
		c.reset()
	default:
		at.enqueue(c)
	}
}

func (s *socket) arriveData(n int) {
	l, o := &s.tcp, s.other
	if o.refuses() {
		l.refused = true
		o.reject()
		return
	}
	o.in.add(l.data.first(n))
	l.data.drop(n)
	l.transit += n
	o.wake(In | Pri)
}

// refuses tells whether data can only be answered by a reset.
func (s *socket) refuses() bool {
	return s.state != connected || s.orphan && !s.hidden() || s.noRecv && s.tcp.finished && !s.ended
}

// reject answers what arrives at a connection that is gone, or whose user is.
func (s *socket) reject() {
	if s.state == connected {
		s.tcp = link{stalled: s.tcp.stalled}
		s.hear()
	}
	s.tcp.rst = true
	s.touch()
}

func (s *socket) arriveFin() {
	o := s.other
	if o.state != connected {
		s.tcp.refused = true
		o.reject()
		return
	}
	s.tcp.fin, s.tcp.finTransit = false, true
	o.ended, o.noRecv = true, true
	o.wake(0)
	o.conclude()
}

// acknowledged frees what has arrived.
func (s *socket) acknowledged() {
	l := &s.tcp
	l.transit = 0
	if l.finTransit {
		l.finTransit, l.finAcked = false, true
		s.wake(0)
	}
	if s.nospace && s.state == connected && s.writable() {
		s.nospace = false
		s.wake(Out)
	}
	s.conclude()
}

// conclude ends the connection when both directions have.
func (s *socket) conclude() {
	if s.state != connected || !s.ended || !s.tcp.finAcked {
		return
	}
	s.die()
	s.wake(0)
}

// hear is the arrival of a reset.
func (s *socket) hear() {
	switch {
	case s.state == connecting:
		s.breaks(ECONNREFUSED)
	case s.state != connected:
	case s.ended && !s.tcp.finished:
		s.breaks(EPIPE)
	default:
		s.breaks(ECONNRESET)
	}
}
