package loop

// The deadlines of a connection. One timer serves them all: it is armed for
// the earliest, and moving one later costs a store.

import (
	"os"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/internal/wheel"
)

// closeLimit is the deadline that Close runs under, beside the public ones.
const closeLimit = IdleTimeout + 1

// deadlines is what a connection owns once it has set a deadline.
type deadlines struct {
	timer  wheel.Timer
	conn   *Conn
	at     [closeLimit + 1]int64 // when each passes, in the engine's time; 0 is never
	idle   int64                 // the idle timeout in nanoseconds; 0 is none
	active int64                 // when bytes last moved, before this turn
	moved  bool                  // member of Loop.moved
}

// SetReadDeadline lets [TimeoutHandler] hear of ReadDeadline at t, whatever is
// received until then, and whether or not the connection is paused: it bounds a
// phase of a protocol, such as a request's arrival. Setting it again replaces it; the zero Time clears it. It never
// fires early; a time that has passed fires in this turn or the next.
func (c *Conn) SetReadDeadline(t time.Time) { c.setDeadline(ReadDeadline, t) }

// SetWriteDeadline lets [TimeoutHandler] hear of WriteDeadline at t, if the
// kernel has not taken all pending output by then. Setting it again replaces
// it; the zero Time clears it.
func (c *Conn) SetWriteDeadline(t time.Time) { c.setDeadline(WriteDeadline, t) }

// SetIdleTimeout lets [TimeoutHandler] hear of IdleTimeout when no byte was
// received or sent for d. 0 or less clears it.
func (c *Conn) SetIdleTimeout(d time.Duration) {
	if c.is(closed) || (d <= 0 && c.limits == nil) {
		return
	}
	l := c.getLimits()
	l.idle = int64(max(d, 0))
	l.active = c.loop.engine.clock()
	if d <= 0 {
		l.at[IdleTimeout] = 0
		return
	}
	c.setLimit(IdleTimeout, later(l.active, d))
}

func (c *Conn) setDeadline(d Deadline, t time.Time) {
	if c.is(closed) {
		return
	}
	if !t.IsZero() {
		// The clock is read after the remaining time was, so the sum is not
		// earlier than t.
		left := sys.Until(t)
		c.setLimit(d, later(c.loop.engine.clock(), left))
	} else if c.limits != nil {
		c.limits.at[d] = 0
	}
}

// limit sets a deadline that is d from now.
func (c *Conn) limit(which Deadline, d time.Duration) {
	c.setLimit(which, later(c.loop.engine.clock(), d))
}

// later returns the time d after now, at least 1 so that it is not "never".
func later(now int64, d time.Duration) int64 {
	t := now + int64(d)
	if d > 0 && t < now {
		t = 1<<63 - 1
	}
	return max(t, 1)
}

func (c *Conn) setLimit(which Deadline, when int64) {
	l := c.getLimits()
	l.at[which] = when
	if !l.timer.Armed() || when < l.timer.When() {
		c.loop.wheel.Set(&l.timer, when)
	}
}

func (c *Conn) getLimits() *deadlines {
	if c.limits == nil {
		c.limits = &deadlines{conn: c}
		c.limits.timer.Expire = c.limits.expire
	}
	return c.limits
}

// stopLimits forgets all deadlines.
func (c *Conn) stopLimits() {
	if c.limits != nil {
		c.loop.wheel.Stop(&c.limits.timer)
		c.limits = nil
	}
}

// touch notes that bytes have moved.
func (c *Conn) touch() {
	if l := c.limits; l != nil && l.idle > 0 && !l.moved {
		l.moved = true
		c.loop.moved = append(c.loop.moved, l)
	}
}

// settleMoved reads the clock once for all connections whose bytes moved in this
// turn. The time at which the turn began would be too old, and the timeout early.
func (l *Loop) settleMoved() {
	if len(l.moved) == 0 {
		return
	}
	now := l.engine.clock()
	for _, d := range l.moved {
		d.active, d.moved = now, false
	}
	clear(l.moved)
	l.moved = l.moved[:0]
}

// expire is the wheel's word that the earliest deadline may have passed.
func (l *deadlines) expire() {
	c := l.conn
	now := c.loop.clock()
	if l.idle > 0 {
		if l.moved {
			l.active = now
		}
		l.at[IdleTimeout] = later(l.active, time.Duration(l.idle))
	}
	for which := ReadDeadline; which <= closeLimit; which++ {
		if at := l.at[which]; at != 0 && at <= now && !c.is(closed) {
			l.at[which] = 0
			c.expire(which)
		}
	}
	l.rearm()
}

// rearm sets the timer for the earliest deadline that is left.
func (l *deadlines) rearm() {
	if l.conn.is(closed) {
		return
	}
	var first int64
	for _, at := range l.at {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	if first != 0 {
		l.conn.loop.wheel.Set(&l.timer, first)
	}
}

// expire acts on one deadline that has passed.
func (c *Conn) expire(which Deadline) {
	if which == closeLimit {
		c.expireClose()
		return
	}
	if c.is(closing) || (which == WriteDeadline && c.Buffered() == 0) {
		return
	}
	if which == IdleTimeout {
		c.limits.active = c.loop.engine.clock()
		c.limits.at[IdleTimeout] = later(c.limits.active, time.Duration(c.limits.idle))
	}
	h, ok := c.handler.(TimeoutHandler)
	if !ok {
		c.fail(c.opError(which.String(), os.ErrDeadlineExceeded))
		return
	}
	c.begin()
	err := h.OnTimeout(c, which)
	if err != nil {
		c.closeWith(err)
	}
	c.end()
}
