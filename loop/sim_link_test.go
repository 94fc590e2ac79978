//go:build linux

package loop

// One connection of a simulated run with both of its ends, and how the two find
// each other: each has an address of its own, at the end that connects.

import (
	"fmt"
	"strings"

	"github.com/eddyline/eddyline/stream"
)

// simLink is a connection, from its beginning to the end of both of its ends.
type simLink struct {
	w       *simWorld
	place   int // in simWorld.links
	number  int // of all links: the streams' number
	dialled bool
	adopted bool
	unix    bool
	name    string         // of the end that connects, or of the door
	door    int            // where the engine dials a unix address; -1
	knocker int            // is in the door's queue before that; -1
	adoptee int            // to be adopted; -1
	dup     *stream.Stream // of the engine's socket, or of adoptee; nil
	broken  bool           // by the network, perhaps without a word to the engine
	peer    simPeer
	conn    simConn
	dialed  simDial
}

// newLink begins a new connection in a place whose last one is over.
func (w *simWorld) newLink(place int) *simLink {
	old, generation := w.links[place], 0
	if old != nil {
		generation = old.number / simMaxLinks
		generation++
	}
	l := &simLink{w: w, place: place, number: generation*simMaxLinks + place, door: -1, knocker: -1, adoptee: -1}
	rng := w.o.rng(100 + uint64(l.number))
	l.dialled = rng.IntN(3) == 0 && w.may(simDials)
	l.adopted = !l.dialled && rng.IntN(4) == 0 && w.may(simAdopts)
	l.unix = rng.IntN(4) == 0 && w.may(simUnix)
	l.name = fmt.Sprintf("127.%d.%d.%d", byte(1+generation>>8), byte(generation), byte(1+place))
	if l.unix {
		l.name = fmt.Sprintf("@%s-%d", simPath, l.number)
	}
	l.peer = simPeer{link: l, rng: rng, fd: -1, nature: simNatures[rng.IntN(len(simNatures))]}
	l.peer.quota = simSize(rng, 64<<10)
	l.conn = simConn{link: l, w: w, rng: w.o.rng(1_000_000 + uint64(l.number))}
	if old != nil {
		delete(w.waiting, old.name)
	}
	w.waiting[l.name] = l
	switch {
	case l.dialled:
		l.dial()
	case l.adopted:
		l.prepare()
	default:
		l.peer.connect()
	}
	return l
}

func (l *simLink) String() string {
	return fmt.Sprintf("link %d.%d (%s; %s)", l.place, l.number/simMaxLinks, &l.conn, &l.peer)
}

// finished tells whether nothing more will come of the link.
func (l *simLink) finished() bool {
	if l.dialled && !l.dialed.over || l.door >= 0 || l.adoptee >= 0 || l.dup != nil {
		return false
	}
	return l.peer.fd < 0 && (!l.conn.made || l.conn.over && l.conn.released == nil)
}

// deserted tells whether the peer may wait in vain for the end.
func (l *simLink) deserted() bool {
	return l.broken && (l.conn.over || !l.conn.made)
}

// accepted is the listener's Protocol.
func (w *simWorld) accepted(c *Conn) Handler {
	l := w.linkAt(simSockaddr(c.RemoteAddr()))
	if l == nil || l.dialled || l.adopted {
		// Its peer went away before it was accepted, and another took its place.
		return nil
	}
	return l.protocol(c)
}

// protocol makes the handler of the link.
func (l *simLink) protocol(c *Conn) Handler {
	w, x := l.w, &l.conn
	w.called++
	if x.made {
		w.fail("C2: link %d: Protocol is called twice", l.number)
	}
	x.made, x.remote = true, c.RemoteAddr()
	x.nibbles = x.rng.IntN(12) == 0 && w.may(simRushes)
	x.c, x.site = c, w.sites[c.loop.index]
	w.tell("link %d: connection fd %d on loop %d", l.number, c.fd, c.loop.index)
	if x.rng.IntN(50) == 0 && w.may(simErrors) {
		if x.rng.IntN(2) == 0 {
			x.write(x.rng)
		}
		x.over, x.overAt = true, w.now() // nobody is called
		if w.may(simPanics) && x.rng.IntN(2) == 0 {
			c.SetHandler(x.newHandler())
			w.panics++
			x.result = errSimPanic
			panic(errSimPanic)
		}
		return nil
	}
	return x.newHandler()
}

// conns returns the connections of a loop whose handlers are still called.
func (w *simWorld) conns(l *Loop) []*simConn {
	w.alive = w.alive[:0]
	for _, link := range w.everyLink() {
		if x := &link.conn; x.made && !x.over && x.c.loop == l {
			w.alive = append(w.alive, x)
		}
	}
	return w.alive
}

// someone chooses one of the connections that were made, not always one that is
// still there: of a loop, or of all for nil.
func (w *simWorld) someone(l *Loop) *simConn {
	start := w.rng.IntN(w.places)
	for k := range w.places {
		link := w.links[(start+k)%w.places]
		if link != nil && link.conn.made && link.conn.c.handler != nil && (l == nil || link.conn.c.loop == l) {
			return &link.conn
		}
	}
	return nil
}

func simFailed(p []byte) string {
	const most = 12
	return fmt.Sprintf("%x", p[:min(len(p), most)])
}

// simFlags are a connection's flags with their names.
type simFlags connFlags

var simFlagNames = strings.Fields("readReady distrust peerEnded endTold userPaused pressed emptyFirst reoffer writeBlocked writeFailed " +
	"closeWrite finSent closing lingering closed aborting detached shared inBacklog inDirty shutdownTold")

func (f simFlags) String() string {
	var names []string
	for i, name := range simFlagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}
