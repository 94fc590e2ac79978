//go:build linux

package loop

// Duplicates of the engine's sockets in a simulated run, which somebody keeps: the
// user of a connection's Stream, or who had the socket before the engine. As long as
// there is one, closing a descriptor neither ends the connection nor takes it out of
// a poller (epoll(7), question 6).

import (
	"errors"
	"math/rand/v2"
	"net"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// keep makes a duplicate by the connection's Stream.
func (x *simConn) keep() {
	s, err := x.c.Stream()
	x.tell("Stream: %v", err)
	switch {
	case err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, sys.EMFILE):
		x.fail("Stream: %v", err)
	case err == nil && x.over:
		x.fail("C8: there is a Stream after OnClose")
	case err == nil && x.link.dup == nil:
		x.link.dup, err = s.TryClone()
		x.tell("a duplicate: %v", err)
	}
}

// keepAdoptee makes a duplicate of what the engine is to adopt.
func (l *simLink) keepAdoptee(rng *rand.Rand) {
	if !l.w.may(simDups) || l.dup != nil || rng.IntN(2) == 0 {
		return
	}
	fd, e := sys.Dup(l.adoptee)
	if e != 0 {
		return // no descriptors, for now
	}
	dup, err := stream.FromFD(fd)
	if err != nil {
		sys.Close(fd)
		return
	}
	l.w.tell("link %d: fd %d is a duplicate of %d", l.number, fd, l.adoptee)
	l.dup = dup
}

// maybeDrop closes the duplicate, or not yet.
func (l *simLink) maybeDrop() {
	if l.dup != nil && l.peer.rng.IntN(20) == 0 {
		l.drop()
	}
}

func (l *simLink) drop() {
	if l.dup != nil {
		l.w.tell("link %d: the duplicate is closed", l.number)
		l.dup.Close()
		l.dup = nil
	}
}

// checkDups wants no poller to watch what the engine has closed or given away.
func (w *simWorld) checkDups() {
	for _, l := range w.everyLink() {
		x := &l.conn
		if !x.made || !x.over || !x.c.is(closed) || x.faults.clung {
			continue // a refused one may be closing
		}
		for _, s := range [...]*stream.Stream{l.dup, x.released} {
			if s != nil && simWatched(s.FD()) {
				x.fail("C8: a poller still watches its socket")
			}
		}
	}
}
