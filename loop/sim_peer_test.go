//go:build linux

package loop

// The peer of a simulated connection: a plain socket that behaves as its nature
// is, and checks every byte that it receives.

import (
	"fmt"
	"math/rand/v2"

	"github.com/eddyline/eddyline/internal/sys"
)

// simNature is how a peer behaves: how often, of 100 steps, it does what.
type simNature struct {
	name                         string
	send, recv, fin, close, kill int
	piece                        int // the most that it sends or receives at a time
}

var simNatures = []simNature{
	{name: "lively", send: 45, recv: 50, fin: 3, close: 1, piece: 8 << 10},
	{name: "chatty", send: 50, recv: 50, piece: 300},
	{name: "bulky", send: 60, recv: 39, fin: 1, piece: 64 << 10},
	{name: "slow reader", send: 50, recv: 8, fin: 1, piece: 200},
	{name: "greedy reader", send: 5, recv: 90, fin: 2, close: 1, piece: 64 << 10},
	{name: "silent", piece: 1},
	{name: "brief", send: 40, recv: 20, fin: 40, piece: 2 << 10},
	{name: "half-closer", send: 30, recv: 40, fin: 20, piece: 4 << 10},
	{name: "resetter", send: 50, recv: 40, fin: 2, kill: 8, piece: 4 << 10},
	{name: "deaf", send: 90, fin: 2, piece: 4 << 10},
	{name: "rude", send: 60, recv: 10, close: 6, piece: 4 << 10}, // closes with unread input, which resets
	{name: "dribbler", send: 80, recv: 18, fin: 1, piece: 2},
}

// simPeer is the other end of a link.
type simPeer struct {
	link   *simLink
	rng    *rand.Rand
	nature simNature
	fd     int  // -1: not yet, or no more
	met    bool // had a descriptor
	quota  int  // to be sent, at most
	sent   int
	fin    bool      // has sent it
	heard  bool      // the engine's FIN
	broke  sys.Errno // of its output
	failed sys.Errno // of the connection
	killed bool      // it, or the network, ended the connection without its consent
	waits  int       // steps towards its end

	// The stream from the engine is made of frames, in lanes.
	header [simHeader]byte
	have   int // of header
	left   int // of the frame's bytes
	lanes  [simLanes]int
	total  int
}

// The lanes: what Conn.Write takes goes the first, what Ref.Write takes the second.
// Their order among each other is nobody's to tell beforehand.
const (
	simDirect = iota
	simReferred
	simLanes
	simHeader = 3 // lane and length
)

func (p *simPeer) String() string {
	return fmt.Sprintf("%s peer fd %d sent %d fin %v, received %d end %v, %v", p.nature.name, p.fd, p.sent, p.fin, p.total, p.heard, p.failed)
}

func (p *simPeer) tell(format string, args ...any) {
	if p.link.w.trace != nil {
		p.link.w.tell("link %d: peer %s", p.link.number, fmt.Sprintf(format, args...))
	}
}

// begin takes a descriptor.
func (p *simPeer) begin(fd int) {
	p.fd, p.met = fd, true
}

// connect begins to connect to the engine.
func (p *simPeer) connect() {
	fd, _, err := simBind(p.link.at())
	if err != nil {
		return // no descriptors, for now
	}
	front := simTCP
	if p.link.unix {
		front = simLocal
	}
	goal := simSockaddr(p.link.w.listeners[front].Addr())
	e := sys.Connect(fd, goal)
	p.tell("%s connects from %v as %d: %v", p.nature.name, p.link.name, fd, e)
	if e != 0 && e != sys.EINPROGRESS {
		sys.Close(fd)
		return
	}
	p.begin(fd)
}

// step is one thing that the peer does.
func (p *simPeer) step() {
	if p.fd < 0 {
		return
	}
	n := p.rng.IntN(100)
	for _, act := range []struct {
		odds int
		do   func()
	}{
		{p.nature.send, p.send},
		{p.nature.recv, func() { p.receive(simSize(p.rng, p.nature.piece)) }},
		{p.nature.fin, p.end},
		{p.nature.close, p.close},
		{p.nature.kill, p.kill},
	} {
		if n < act.odds {
			act.do()
			return
		}
		n -= act.odds
	}
}

// send sends the next of its bytes.
func (p *simPeer) send() {
	n := min(simSize(p.rng, p.nature.piece), p.quota-p.sent)
	if p.fin || p.broke != 0 || n <= 0 {
		return
	}
	buf := p.link.w.space(n)
	simFill(buf, 2*p.link.number, p.sent)
	transmit := sys.Send
	if p.link.unix && p.link.w.may(simRights) && p.rng.IntN(4) == 0 {
		transmit = simSendRights
	}
	n, e := transmit(p.fd, buf)
	p.sent += n
	p.tell("sends %d of %d: %v", n, len(buf), e)
	if e != 0 && e != sys.EAGAIN {
		p.breaks(e)
	}
}

// receive takes some of what the engine has sent, and checks it. It tells whether there
// was anything, the end included.
func (p *simPeer) receive(size int) bool {
	if p.heard || p.failed != 0 {
		return false
	}
	buf := p.link.w.space(size)
	n, e := sys.Recv(p.fd, buf)
	if e == sys.EAGAIN {
		return false
	}
	p.tell("receives %d: %v", n, e)
	switch {
	case e != 0:
		p.fails(e)
	case n == 0 && p.broke != 0:
		p.fails(p.broke) // that send has taken the error away
	case n == 0:
		p.heard = true
		p.checkWhole()
	default:
		p.check(buf[:n])
	}
	return true
}

// breaks notes that its output has failed: what came before can still be read.
func (p *simPeer) breaks(e sys.Errno) {
	p.broke = e
	p.tell("cannot send: %v", e)
}

// fails notes that the connection is broken.
func (p *simPeer) fails(e sys.Errno) {
	p.failed = e
	p.tell("hears %v", e)
	p.link.conn.checkReset(e)
}

// check holds what came against what was written.
func (p *simPeer) check(in []byte) {
	w := p.link.w
	p.total += len(in)
	for len(in) > 0 {
		if p.left == 0 {
			n := copy(p.header[p.have:], in)
			in, p.have = in[n:], p.have+n
			if p.have == simHeader {
				p.have = 0
				p.left = int(p.header[1]) | int(p.header[2])<<8
			}
			if p.header[0] >= simLanes {
				w.fail("C1: link %d: byte %d of the output is %#x, which begins no frame", p.link.number, p.total-len(in), p.header[0])
				return
			}
			continue
		}
		lane := p.header[0]
		part := in[:min(len(in), p.left)]
		if n := simMatch(part, 2*p.link.number+1, simLaneStart(lane)+p.lanes[lane]); n < len(part) {
			w.fail("C1: link %d: lane %d of the output is wrong at %d: %s", p.link.number, lane, p.lanes[lane]+n, simFailed(part[n:]))
			return
		}
		p.lanes[lane] += len(part)
		p.left -= len(part)
		in = in[len(part):]
	}
	if x := &p.link.conn; !x.torn && p.lanes[simDirect] > x.wrote[simDirect] || p.lanes[simReferred] > x.wrote[simReferred] {
		w.fail("C1: link %d: %v bytes of output arrived, %v were written", p.link.number, p.lanes, x.wrote)
	}
}

// checkWhole is called at the engine's FIN: it promises that nothing is missing.
func (p *simPeer) checkWhole() {
	x := &p.link.conn
	if x.torn || p.link.unix && x.over && (x.result != nil || x.refused()) {
		return // on a unix socket a cut output looks like that
	}
	if p.have != 0 || p.left != 0 || p.lanes[simDirect] != x.wrote[simDirect] {
		p.link.w.fail("C1: link %d: the output ends as if complete, with %d of %d bytes, inside a frame: %v",
			p.link.number, p.lanes[simDirect], x.wrote[simDirect], p.have+p.left != 0)
	}
	if p.lanes[simReferred] < x.promised {
		p.link.w.fail("C1: link %d: the output ends as if complete, with %d of the %d bytes that Ref.Write took in time",
			p.link.number, p.lanes[simReferred], x.promised)
	}
}

// simLaneStart is where the bytes of a lane begin in the stream's pattern.
func simLaneStart(lane byte) int { return int(lane) * 30011 }

// end sends FIN.
func (p *simPeer) end() {
	if p.fin || p.broke != 0 {
		return
	}
	e := sys.Shutdown(p.fd, sys.SHUT_WR)
	p.tell("ends its output after %d: %v", p.sent, e)
	if p.fin = e == 0; !p.fin {
		p.breaks(e)
	}
}

// close closes the descriptor, whatever is unread.
func (p *simPeer) close() {
	if p.fd < 0 {
		return
	}
	p.tell("closes")
	if !p.heard || !p.fin {
		p.killed = true
	}
	sys.Close(p.fd)
	p.fd = -1
}

// kill resets the connection.
func (p *simPeer) kill() {
	if !p.link.w.may(simResets) {
		return
	}
	_ = sys.SetLinger(p.fd, true, 0)
	p.killed = true
	p.close()
}

// finish works towards the end: everything is read, and nothing more is sent.
func (p *simPeer) finish() {
	if p.fd < 0 {
		return
	}
	if !p.fin && p.broke == 0 && p.rng.IntN(4) == 0 {
		p.quota = p.sent
		p.end()
	}
	if p.sent < p.quota {
		p.quota = min(p.quota, p.sent+1<<10)
		p.send()
	}
	p.receive(64 << 10)
	p.receive(64 << 10) // the FIN, perhaps
	if p.waits++; p.failed != 0 || p.heard && (p.fin || p.broke != 0) || p.link.deserted() && p.waits > 50 {
		p.close()
	}
}

// simSize draws a size from 1 to most, small ones mostly.
func simSize(rng *rand.Rand, most int) int {
	switch rng.IntN(8) {
	case 0:
		return 1
	case 1:
		return 1 + rng.IntN(most)
	case 2, 3:
		return 1 + rng.IntN(min(most, 2<<10))
	default:
		return 1 + rng.IntN(min(most, 100))
	}
}
