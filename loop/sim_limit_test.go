//go:build linux

package loop

// The deadlines that handlers set.

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
	now := x.w.now()
	at := x.w.engine.start.Add(time.Duration(now - 1)).Add(d)
	x.due[which], x.limited = max(now+int64(d), 1), now
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
