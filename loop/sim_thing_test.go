//go:build linux

package loop

// What the registrations of a simulated run watch, and what happens to it.

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/poller"
)

// simThing is what a registration watches.
type simThing uint8

const (
	simCounter simThing = iota
	simPipeReader
	simPipeWriter
	simSocket
	simThings
)

// interests are those that the thing can meet.
func (t simThing) interests() poller.Interest {
	switch t {
	case simPipeReader:
		return poller.Read
	case simPipeWriter:
		return poller.Write
	default:
		return poller.Read | poller.Write
	}
}

// makeThing tells whether there were descriptors for the thing.
func (x *simWatch) makeThing() bool {
	var e sys.Errno
	var pair [2]int
	switch x.thing {
	case simCounter:
		x.fd, e = sys.Eventfd()
		x.other = -1
	case simPipeReader:
		x.fd, x.other, e = sys.Pipe()
	case simPipeWriter:
		x.other, x.fd, e = sys.Pipe()
	case simSocket:
		pair, e = sys.Socketpair()
		x.fd, x.other = pair[0], pair[1]
	}
	if e != 0 {
		x.fd, x.other = -1, -1
	}
	return e == 0
}

// poke lets the other side do something.
func (x *simWatch) poke(rng *rand.Rand) {
	n := simSize(rng, 8<<10)
	switch {
	case x.thing == simCounter:
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], uint64(n))
		x.sent(sys.Write(x.fd, one[:]))
	case x.other < 0:
	case rng.IntN(30) == 0:
		sys.Close(x.other)
		x.other, x.edge = -1, simBothWays
	case x.thing == simPipeWriter:
		_, _ = sys.Read(x.other, x.w.space(8*n)) // it was no edge, unless it was full
	case x.thing == simSocket:
		x.sent(sys.Send(x.other, x.w.space(n)))
	default:
		x.sent(sys.Write(x.other, x.w.space(n)))
	}
}

// sent notes that there is something new to be read.
func (x *simWatch) sent(n int, e sys.Errno) {
	if n > 0 && e == 0 {
		x.edge |= poller.Readable
	}
}

// drain takes what there is, and fills what can be filled.
func (x *simWatch) drain(n int) {
	buf := x.w.space(max(n, 8))
	switch x.thing {
	case simSocket:
		_, _ = sys.Recv(x.fd, buf)
		if x.rng.IntN(2) == 0 {
			_, _ = sys.Send(x.fd, buf)
		}
	case simPipeWriter:
		_, _ = sys.Write(x.fd, buf)
	default:
		_, _ = sys.Read(x.fd, buf)
	}
}

// simPolled tells what a descriptor is ready for.
func simPolled(fd int) (readable, writable bool) {
	const folded = sys.POLLERR | sys.POLLHUP
	r := simLook(fd)
	return r&(sys.POLLIN|folded) != 0, r&(sys.POLLOUT|folded) != 0
}
