//go:build linux

package loop

// How a simulated run comes to its end: the faults stop, everything finishes, and
// the engine ends.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// beginEnd ends the engine, in one way or the other.
func (w *simWorld) beginEnd() {
	if w.ending {
		return
	}
	if !w.calm {
		w.lastMinute()
	}
	w.ending = true
	for _, s := range w.sites {
		w.chain(s, 3)
	}
	if w.rng.IntN(2) == 0 {
		w.close()
		return
	}
	w.tell("Engine.Shutdown")
	w.draining = true
	go func() { w.shutdown <- w.engine.Shutdown(context.Background()) }()
	for begun := false; !begun; {
		// All that Shutdown does before it waits, it does under the lock.
		w.engine.mu.Lock()
		begun = w.engine.draining
		w.engine.mu.Unlock()
		runtime.Gosched()
	}
}

// lastMinute begins what the engine's end finds on its way.
func (w *simWorld) lastMinute() {
	for range w.places {
		w.stepPeers()
	}
	w.stepNetwork(w.places)
}

func (w *simWorld) close() {
	w.tell("Engine.Close")
	w.closed = true
	if err := w.engine.Close(); err != nil {
		w.fail("Close: %v", err)
	}
}

// endAtOnce ends the engine, and its loops with it, while it takes a connection over.
func (w *simWorld) endAtOnce() {
	if !w.ending {
		w.ending, w.adopting = true, 1
		w.close()
		w.endLoops()
		w.adopting = 0
	}
}

// endLoops turns the loops of an engine that is to end until they have.
func (w *simWorld) endLoops() {
	for n := 0; !w.over() && w.failure == nil; n++ {
		if n > 1000 {
			w.fail("C7: the engine does not end")
		}
		for _, s := range w.sites {
			if !s.over {
				w.turn(s)
			}
		}
	}
}

// liveness lets no more faults happen: every connection must come to its end in
// the time that the limits leave it.
func (w *simWorld) liveness() {
	w.calm = true
	w.calmKernel()
	w.tell("calm")
	begun := w.now()
	limit := begun + int64(2*(w.cfg.FlushTimeout+w.cfg.LingerTimeout)+2*simDialTimeout+4*maxBackoff+simPatience)
	for w.failure == nil && !w.over() {
		if w.settled() && (!w.ending || w.closed) {
			return
		}
		if w.now() > limit {
			w.fail("liveness: after %v without faults there are still %s", time.Duration(w.now()-begun), w.leftovers())
			return
		}
		w.finishAll()
		moved := w.stepNetwork(64)
		for _, s := range w.sites {
			if !s.over {
				w.turn(s)
			}
		}
		if !moved {
			w.pass(simTimeUnit / 8)
		}
	}
}

// settled tells whether every connection is over, at both ends.
func (w *simWorld) settled() bool {
	for _, l := range w.everyLink() {
		if !l.finished() {
			return false
		}
	}
	return w.engine.conns.Load() == 0
}

// leftovers names what should be over.
func (w *simWorld) leftovers() string {
	s := fmt.Sprintf("%d connections of the engine", w.engine.conns.Load())
	for _, ln := range w.sockets {
		s += fmt.Sprintf("; listener on loop %d armed %v over %v backoff %v", ln.loop.index, ln.armed, ln.over, ln.backoff)
	}
	for _, l := range w.everyLink() {
		if !l.finished() {
			s += "; " + l.String()
		}
	}
	return s
}

// finishAll lets every peer and every handler work towards its end.
func (w *simWorld) finishAll() {
	w.takeDialled()
	for _, l := range w.everyLink() {
		l.takeDoor()
		l.offer()
		l.conn.finish()
		if !l.conn.made || l.conn.over {
			l.drop()
		}
		l.peer.finish()
	}
}

// everyLink returns the links that have begun, each place's last one.
func (w *simWorld) everyLink() []*simLink {
	w.every = w.every[:0]
	for _, l := range w.links {
		if l != nil {
			w.every = append(w.every, l)
		}
	}
	return w.every
}

// end ends the engine, if it has not ended.
func (w *simWorld) end() {
	w.beginEnd()
	w.endLoops()
	if w.failure != nil {
		return
	}
	w.hearOut()
	for _, l := range w.everyLink() {
		l.shutDoor()
		l.withdraw()
		l.peer.close()
	}
	sys.Close(w.home)
	sys.Close(w.nowhere)
	if !w.closed {
		if err := <-w.shutdown; err != nil {
			w.fail("Shutdown: %v", err)
		}
	}
	if err := w.engine.failure(); err != nil {
		w.fail("C6: the engine failed: %v", err)
	}
	if _, err := w.engine.Listen(ListenConfig{}, "tcp", "127.0.0.1:0", w.accepted); !errors.Is(err, net.ErrClosed) {
		w.fail("Listen after the end: %v", err)
	}
	if err := w.engine.Dial(context.Background(), DialConfig{}, "tcp", simAddr(w.homeAddr).String(), w.accepted, nil); !errors.Is(err, net.ErrClosed) {
		w.fail("Dial after the end: %v", err)
	}
}

// hearOut lets every peer hear how its connection has ended: what the engine's end has cut
// off must not look complete.
func (w *simWorld) hearOut() {
	for _, l := range w.everyLink() {
		l.conn.release()
		l.drop()
	}
	for moved := true; moved && w.failure == nil; {
		moved = w.stepNetwork(64)
		for _, l := range w.everyLink() {
			if l.peer.fd >= 0 {
				moved = l.peer.receive(64<<10) || moved
			}
		}
	}
	for _, l := range w.everyLink() {
		if p := &l.peer; simRepeats && p.fd >= 0 && l.conn.made && !l.broken && !p.heard && p.failed == 0 {
			w.fail("C7: %v: the engine has ended, and the peer does not hear of it", l)
		}
	}
}

// abandon ends a run that failed, in whatever state the engine is: it leaves no
// goroutine behind, and nothing that the collector would close later.
func (w *simWorld) abandon() {
	if w.engine == nil || w.over() {
		return
	}
	for _, l := range w.everyLink() {
		l.conn.release()
		l.drop()
	}
	for _, s := range w.sockets {
		_ = s.socket.Close()
	}
	for _, s := range w.sites {
		s.over = true
		s.slots.all(func(src source) {
			if a, ok := src.(*attempt); ok {
				_ = a.stream.Close()
			}
			if c, ok := src.(*Conn); ok && c.stream != nil {
				c.closeDescriptor()
			}
		})
	}
	close(w.engine.ended)
	if w.ending && !w.closed {
		<-w.shutdown
	}
}
