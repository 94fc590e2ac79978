//go:build linux

package loop

// What OnClose may hear in a simulated run, and what a peer may hear of an end that was
// orderly.

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// peerMade tells whether an end is one before which all input must be offered.
func (x *simConn) peerMade(err error) bool {
	if x.everQuiet || x.drained || x.site.stopping || x.hurt(0) || x.misled() {
		return false
	}
	for _, due := range x.due {
		if due != 0 && x.w.now() >= due {
			return false // it may have come first
		}
	}
	var errno sys.Errno
	return err == nil || errors.As(err, &errno)
}

// objects says why the connection cannot have ended with err.
func (x *simConn) objects(err error, why string, args ...any) {
	x.fail("OnClose hears %v, but "+why, append([]any{err}, args...)...)
}

// checkCause wants the end to have a licence.
func (x *simConn) checkCause(err error) {
	p := &x.link.peer
	var errno sys.Errno
	switch {
	case err == nil:
		x.checkOrder()
	case x.cause != nil: // it is that
	case errors.Is(err, net.ErrClosed):
		if !x.w.closed || !x.site.stopping {
			x.objects(err, "the engine was not closed")
		}
	case errors.Is(err, ErrBackpressure):
		if !x.referred {
			x.objects(err, "there was no Ref.Write")
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.checkOver(err)
	case errors.As(err, &errno):
		if !p.killed && !x.hurt(errno) {
			x.objects(err, "the peer is alive and no call of its own failed so")
		}
	default:
		x.objects(err, "nothing was done that ends so")
	}
}

// checkOrder wants an end without an error to be an orderly one.
func (x *simConn) checkOrder() {
	p := &x.link.peer
	switch {
	case x.cause != nil:
		x.objects(nil, "the cause was %v", x.cause)
	case x.closing, x.refClosed, x.drained:
	case !p.fin && !p.killed:
		x.objects(nil, "neither end has ended its output")
	case p.fin && x.received != p.sent:
		x.objects(nil, "C3: %d of %d bytes were offered", x.received, p.sent)
	}
}

// checkOver wants the time limit that err names to have passed.
func (x *simConn) checkOver(err error) {
	var op *net.OpError
	if !errors.As(err, &op) {
		x.objects(err, "that names no deadline")
		return
	}
	now := x.w.now()
	if op.Op == "close" {
		if passed := now - x.closedAt; x.closing && !x.refClosed && passed < int64(x.w.cfg.FlushTimeout) {
			x.objects(err, "C9: the flush had %v only", time.Duration(passed))
		}
		return
	}
	for d := range x.due {
		if Deadline(d).String() == op.Op && x.due[d] != 0 && now >= x.due[d] {
			return
		}
	}
	x.objects(err, "C9: that deadline is not set, or not over")
}

// refused tells whether its Protocol made no handler: nobody hears how it ends.
func (x *simConn) refused() bool { return x.over && x.c.handler == nil }

// checkReset is called when the peer hears of an error: an orderly end has lost
// none of the output, unless the peer took longer than the limits.
func (x *simConn) checkReset(e sys.Errno) {
	p := &x.link.peer
	if !x.over || x.result != nil || x.hurt(0) || x.link.broken {
		return
	}
	if x.refused() && x.c.err != nil {
		return // its flush took too long, or the engine's end came first
	}
	if x.c.is(lingering) && (!x.closing || x.overAt-x.closedAt >= int64(x.w.cfg.LingerTimeout)) {
		return
	}
	if p.lanes[simDirect] != x.wrote[simDirect] {
		x.fail("C1: the end was orderly, but the peer hears %v after %d of %d bytes", e, p.lanes[simDirect], x.wrote[simDirect])
	}
	if p.lanes[simReferred] < x.promised {
		x.fail("C1: the end was orderly, but the peer hears %v after %d of the %d bytes that Ref.Write took in time",
			e, p.lanes[simReferred], x.promised)
	}
}
