//go:build linux

package loop

// What handlers, tasks and timers of a simulated run do: everything that the
// surface allows, at any time, also to connections that are gone.

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// actSome does some things from within a callback of x.
func (x *simConn) actSome() {
	w := x.w
	if w.calm {
		x.calmAct()
		return
	}
	for x.rng.IntN(3) == 0 && w.failure == nil {
		target := x
		if w.may(simOthers) && x.rng.IntN(4) == 0 {
			if other := w.someone(x.site.Loop); other != nil {
				target = other
			}
		}
		target.act(x.rng)
	}
	if w.may(simGaps) && x.rng.IntN(50) == 0 {
		x.dawdle()
	}
}

// dawdle is a callback that takes its time, in which the peer and the network go on.
func (x *simConn) dawdle() {
	w := x.w
	before, faults := w.disturbed, w.restore != nil
	if faults {
		w.undisturb()
	}
	w.pass(time.Duration(x.rng.IntN(int(simTimeUnit))))
	for range x.rng.IntN(8) {
		x.link.peer.step()
		w.stepNetwork(x.rng.IntN(4))
	}
	if x.link.peer.fd >= 0 && x.rng.IntN(4) == 0 {
		x.link.peer.kill()
		w.stepNetwork(8)
	}
	for _, each := range w.conns(x.site.Loop) {
		each.beforeTurn()
	}
	if faults {
		w.disturb()
		w.disturbed = w.disturbed || before // in this turn
	}
	if w.may(simHalves) && x.rng.IntN(4) == 0 {
		x.doCloseWrite()
	}
}

// act does one thing to x, from the goroutine of its loop.
func (x *simConn) act(rng *rand.Rand) {
	w := x.w
	switch n := rng.IntN(100); {
	case n < 50:
		x.write(rng)
	case n < 56 && w.may(simPauses):
		x.pause()
	case n < 66 && w.may(simPauses):
		x.resume()
	case n < 73 && w.may(simLimits):
		x.limit(rng)
	case n < 76 && w.may(simTimers):
		w.timer(x.site, rng)
	case n < 84 && w.may(simTasks):
		x.refer(rng)
	case n < 88 && w.may(simSwaps):
		x.swap(rng)
	case n < 90 && w.may(simHalves):
		x.doCloseWrite()
	case n < 92 && w.may(simCloses):
		x.doClose()
	case n < 93 && w.may(simAborts):
		x.doAbort()
	case n < 94 && w.may(simDetach):
		x.doDetach()
	case n == 94 && w.may(simRelists) && rng.IntN(8) == 0 && !w.ending:
		w.relist(rng.IntN(simFronts))
	case n < 97:
		x.look()
	case n < 99 && w.may(simWatches):
		w.watch(x.site, rng)
	case n == 99 && w.may(simDups):
		x.keep()
	}
}

// dead tells whether nothing that is done to x can reach the kernel any more.
func (x *simConn) dead() bool { return x.over || x.closing }

func (x *simConn) pause() {
	x.tell("Pause")
	x.c.Pause()
	x.paused, x.everQuiet, x.held = true, true, true
}

func (x *simConn) resume() {
	x.tell("Resume")
	x.c.Resume()
	x.paused = false
}

func (x *simConn) swap(rng *rand.Rand) {
	if x.c.is(closed) {
		x.c.SetHandler(HandlerFunc(nil)) // nobody takes it
		return
	}
	if rng.IntN(20) == 0 {
		x.tell("SetHandler nil")
		x.ends(os.ErrInvalid)
		x.closes()
		x.c.SetHandler(nil)
		return
	}
	x.tell("SetHandler")
	x.summoned = false // the new one may not want to hear
	x.drained = x.drained || x.w.draining
	x.c.SetHandler(x.newHandler())
	x.owed = x.received > x.consumed && !x.c.is(closing)
}

// look calls what only tells something.
func (x *simConn) look() {
	gone, w := x.c.is(closed), x.w
	if a := x.c.LocalAddr(); gone && a.IsValid() {
		x.fail("C8: the connection is closed and has the local address %v", a)
	}
	if a := x.c.RemoteAddr(); a != x.remote {
		x.fail("its peer was %v, and is %v", x.remote, a)
	}
	if h := x.c.Handler(); h != x.set {
		x.fail("its handler is %T, and should be %T", h, x.set)
	}
	ref := x.c.Ref()
	if l := x.c.Loop(); l != x.site.Loop || l != ref.Loop() || l != w.engine.Loops()[x.site.Index()] || x.site.Engine() != w.engine {
		x.fail("it is on loop %d, and its handles say otherwise", x.site.index)
	}
	if now := int64(x.site.Now().Sub(w.engine.start)); now < w.began || now > w.now() {
		x.fail("C9: its loop says that %v have passed; the turn began at %v", time.Duration(now), time.Duration(w.began))
	}
	s, err := x.c.Stream()
	if gone {
		if !errors.Is(err, net.ErrClosed) {
			x.fail("C8: Stream of a closed connection: %v", err)
		}
		return
	}
	if err == nil {
		_ = s.SetNoDelay(x.rng.IntN(2) == 0)
	}
	if n := x.c.Buffered(); n > w.cfg.MaxPending {
		x.fail("C4: %d bytes are pending, more than MaxPending", n)
	}
}

// calmAct is what a handler does once it shall come to an end: it takes
// everything, and answers now and then.
func (x *simConn) calmAct() {
	if !x.dead() && !x.half && x.rng.IntN(2) == 0 {
		x.write(x.rng)
	}
}

// finish works towards the end of the connection, between two turns.
func (x *simConn) finish() {
	x.release()
	if !x.made || x.over {
		return
	}
	x.finishing++
	if x.finishing == 1 {
		x.later(x.unlimit)
	}
	if x.paused && x.later(x.resume) {
		return
	}
	// It may have heard of the end before, and hears of none if the network broke
	// the other side.
	if x.told && !x.closing || x.link.broken && x.finishing > 50 {
		x.later(x.doClose)
	}
}

// later runs f on the connection's loop.
func (x *simConn) later(f func()) bool {
	return x.site.Post(func() {
		if !x.over && !x.dead() {
			f()
		}
	}) == nil
}
