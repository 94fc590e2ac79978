//go:build linux

package loop

// The deadlines that handlers set, and that none is late.

import (
	"math/rand/v2"
	"time"
)

// limit sets one of the deadlines.
func (x *simConn) limit(rng *rand.Rand) {
	if x.c.is(closed) {
		x.c.SetReadDeadline(time.Time{}) // which changes nothing any more
		return
	}
	d := time.Duration(rng.IntN(int(20*simTimeUnit))) - simTimeUnit
	if rng.IntN(4) == 0 {
		d = 0
	}
	which := Deadline(rng.IntN(3))
	if rng.IntN(4) == 0 {
		x.tell("no %v", which)
		x.clear(which)
		return
	}
	x.tell("%v in %v", which, d)
	x.limited = x.w.turns
	now := x.w.now()
	at := x.w.engine.start.Add(time.Duration(now - 1)).Add(d)
	x.due[which] = max(now+int64(d), 1)
	switch which {
	case ReadDeadline:
		x.c.SetReadDeadline(at)
	case WriteDeadline:
		x.c.SetWriteDeadline(at)
	case IdleTimeout:
		x.c.SetIdleTimeout(d)
		x.idle = int64(max(d, 0))
		if d <= 0 {
			x.due[which] = 0
		}
	}
	x.latest[which] = x.w.now() + int64(max(d, 0))
}

// clear takes a deadline back.
func (x *simConn) clear(which Deadline) {
	x.due[which] = 0
	switch which {
	case ReadDeadline:
		x.c.SetReadDeadline(time.Time{})
	case WriteDeadline:
		x.c.SetWriteDeadline(time.Time{})
	case IdleTimeout:
		x.c.SetIdleTimeout(0)
		x.idle = 0
	}
}

// unlimit clears the deadlines: they could end what should end by itself.
func (x *simConn) unlimit() {
	for which := ReadDeadline; which <= IdleTimeout; which++ {
		x.clear(which)
	}
}

// simOutput is what is known of the movement of a connection's output.
type simOutput struct {
	queued  int    // at the end of the last turn
	taken   int    // by writes since then, at least
	since   int64  // output has been queued without a break from then on
	seen    [2]int // what was offered and what was written, at the end of the last turn
	stirred int64  // no byte has moved, either way, after this
}

// moved notes that bytes have moved at a time, or after it: an idle timeout that was to
// pass before is put off.
func (x *simConn) moved(at int64) {
	if x.idle > 0 {
		x.due[IdleTimeout] = max(x.due[IdleTimeout], at+x.idle)
	}
}

// followOutput brings what is known up to the end of a turn: what has moved for certain
// puts the idle timeout off, what may have moved lets it be late.
func (x *simConn) followOutput() {
	o, now, queued := &x.output, x.w.now(), x.c.queuedOut()
	if queued < o.queued+o.taken && !x.c.is(writeFailed) {
		x.moved(x.w.began)
	}
	sent := x.site.stats.BytesOut - x.site.sent
	seen := [2]int{x.received, x.wrote[simDirect]}
	if seen != o.seen || x.c.is(endTold) || sent > 0 && (o.queued > 0 || x.referred) {
		o.stirred = now
	}
	if sent >= uint64(o.queued) {
		o.since = now // all of it may have gone
	}
	o.queued, o.taken, o.seen = queued, 0, seen
}

// checkLimits wants deadlines to have passed in time.
func (x *simConn) checkLimits() {
	x.followOutput()
	if x.closing || x.c.is(closing) || x.limited == x.w.turns {
		return // a deadline set by another's timer takes the ones that are due along, to the next turn
	}
	x.checkLate(ReadDeadline, x.latest[ReadDeadline])
	// Where nothing is pending it passes without a word.
	if o := &x.output; o.queued > 0 && o.since < x.due[WriteDeadline] {
		x.checkLate(WriteDeadline, x.latest[WriteDeadline])
	}
	x.checkLate(IdleTimeout, max(x.latest[IdleTimeout], x.output.stirred+x.idle))
}

// checkLate wants a deadline to have passed if the turn began after its time.
func (x *simConn) checkLate(d Deadline, at int64) {
	if x.due[d] != 0 && x.w.began > at+simTick {
		x.fail("C9: the %v is over for %v", d, time.Duration(x.w.began-at))
	}
}
