//go:build linux && simkernel

package loop

// Whose the descriptors of a simulated run are.

import "github.com/eddyline/eddyline/stream"

// checkDescriptors wants no descriptor to be open but those that somebody has.
func (w *simWorld) checkDescriptors() {
	if now, want := simDescriptors(), w.engineDescriptors()+w.ownDescriptors(); now != want {
		w.fail("C7: %d descriptors are open, and should be %d: %s", now, want, simDescriptorList())
	}
}

// engineDescriptors is how many descriptors the engine must have open: its pollers, its
// listeners, its connections, those on their way to their loops included, and what its
// dials have begun.
func (w *simWorld) engineDescriptors() int {
	n := int(w.engine.conns.Load()) - w.dialsUnderWay()
	for _, s := range w.sites {
		if !s.over {
			n += w.pollers
		}
		for d := range s.dials {
			n += len(d.attempts)
		}
	}
	for _, s := range w.sockets {
		if !s.over {
			n++
		}
	}
	return n
}

// dialsUnderWay is how many places under MaxConns are those of dials.
func (w *simWorld) dialsUnderWay() (n int) {
	for _, l := range w.everyLink() {
		if d := &l.dialed; d.begun && !d.over {
			n++
		}
	}
	return n
}

// ownDescriptors is how many descriptors the world itself has open.
func (w *simWorld) ownDescriptors() int {
	n := simOpened(w.home, w.nowhere) + simOpened(w.kept...)
	for _, l := range w.everyLink() {
		n += simOpened(l.peer.fd, l.door, l.knocker, l.adoptee)
		for _, s := range [...]*stream.Stream{l.conn.released, l.dup} {
			if s != nil {
				n++
			}
		}
	}
	for i := range w.watches {
		n += simOpened(w.watches[i].fd, w.watches[i].other)
	}
	return n
}

// simOpened is how many of the descriptors are some.
func simOpened(fds ...int) (n int) {
	for _, fd := range fds {
		if fd >= 0 {
			n++
		}
	}
	return n
}
