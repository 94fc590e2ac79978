//go:build linux

package loop

// How handlers end a connection, and what they do with one that they took out of the
// engine.

import (
	"errors"
	"math/rand/v2"
	"net"
)

func (x *simConn) doCloseWrite() {
	x.keepPromises()
	err := x.c.CloseWrite()
	x.tell("CloseWrite: %v", err)
	if err == nil {
		if x.dead() || x.half {
			x.fail("C8: CloseWrite after the end of the output")
		}
		x.half = true
	}
}

func (x *simConn) doClose() {
	x.keepPromises()
	err := x.c.Close()
	x.tell("Close: %v", err)
	switch {
	case err == nil && x.dead():
		x.fail("C8: Close after Close")
	case err != nil && !errors.Is(err, net.ErrClosed):
		x.fail("Close: %v", err)
	case err != nil && !x.dead() && !x.c.is(closing|closed):
		x.fail("Close: %v", err)
	}
	x.everQuiet = true
	if err == nil {
		x.closes()
	}
}

func (x *simConn) doAbort() {
	x.tell("Abort")
	x.ends(ErrAborted)
	x.closes()
	x.c.Abort()
}

// doDetach takes the connection out of the engine. The world closes it later.
func (x *simConn) doDetach() {
	s, unread, err := x.c.Detach()
	x.tell("Detach: %d unread, %v", len(unread), err)
	if err != nil {
		return // whether rightly so the rest will show
	}
	if x.dead() {
		x.fail("C8: Detach after Close")
	}
	if n := simMatch(unread, 2*x.link.number, x.consumed); n < len(unread) {
		x.fail("C1: what Detach returns is wrong at %d", n)
	}
	if x.consumed+len(unread) < x.received {
		x.fail("C1: Detach returns %d bytes, %d were offered and not consumed", len(unread), x.received-x.consumed)
	}
	x.cause, x.released = ErrDetached, s
	x.closes()
}

// useReleased goes on with what Detach returned: the streams continue.
func (x *simConn) useReleased(rng *rand.Rand) {
	switch rng.IntN(8) {
	case 0:
		x.release()
	case 1, 2, 3:
		buf := x.w.space(simSize(rng, 2<<10))
		n, _ := x.released.Read(buf)
		if good := simMatch(buf[:n], 2*x.link.number, x.received); good < n {
			x.fail("C1: the input after Detach is wrong at %d", x.received+good)
		}
		x.received += n
	case 4, 5, 6, 7:
		if x.torn {
			return // what came next would be taken for the rest of the frame
		}
		// As little as the kernel takes in whole, mostly.
		p := x.w.frame(x, simDirect, 1)
		if n, _ := x.released.Write(p); n == len(p) {
			x.wrote[simDirect]++
		} else if n > 0 {
			x.torn = true
		}
	}
}

// release closes what Detach returned.
func (x *simConn) release() {
	if x.released != nil && x.over {
		x.tell("the detached socket is closed")
		x.released.Close()
		x.released = nil
	}
}
