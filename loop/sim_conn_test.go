//go:build linux

package loop

// The engine's end of a simulated connection: a handler that does anything at any
// time, and holds every callback against what the contract says of it.

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// simConn is one connection as its handlers see it.
type simConn struct {
	link *simLink
	w    *simWorld
	rng  *rand.Rand
	site *simSite
	c    *Conn
	made bool // Protocol was called
	over bool // OnClose was

	handler  *simHandler // the one that is called now
	set      Handler     // as the engine has it
	remote   stream.Addr // of its peer
	opened   bool
	told     bool // of the peer's FIN
	asked    bool // OnShutdown
	summoned bool // OnShutdown is owed
	drained  bool // Shutdown may have closed it
	inside   bool // a callback
	panicked bool

	// The input.
	received int // offered up to here
	consumed int
	begun    int    // received, when the turn began
	sips     int    // how many calls more take a byte each
	calls    int    // of OnData in this turn, since the loop received something
	receives uint64 // of the loop, until then
	nibbles  bool   // it takes a byte a call
	floor    int    // what must have been offered before an end that the peer makes
	owed     bool   // what was left must be offered again, though no more comes
	// The output.
	wrote [simLanes]int
	above bool // it was above the high mark: OnDrain may come
	rose  bool // while its handler hears of that: OnDrain must come
	// drainMark is at how much pending output it must have come.
	drainMark int

	// What was done to it.
	paused    bool
	everQuiet bool       // it has not always wanted input
	closing   bool       // Close, or an error
	closedAt  int64      // when it was
	phase     connFlags  // of its end
	phaseAt   int64      // when that began
	wasDirty  bool       // when the last turn ended: its end begins with the next one's
	moves     [4]int     // what had been received and consumed, what was queued to be sent, and what Ref.Write had
	leftInput bool       // there was more to receive at the end of the last turn
	leftRoom  bool       // and to send
	held      bool       // it was held back at some time of the turn
	late      int        // turns that ended although the phase should be over
	half      bool       // CloseWrite
	cause     error      // what OnClose must hear
	referred  bool       // Ref.Write was called
	refClosed bool       // Ref.Close was
	writes    []simGiven // of Ref.Write, that have not run
	promised  int        // bytes of those that ran in time
	faults    simFaults  // of calls on its descriptor
	result    error      // what it heard
	overAt    int64
	due       [IdleTimeout + 1]int64 // when the deadlines pass; 0 is never
	latest    [IdleTimeout + 1]int64 // when they have passed, as they were set
	idle      int64                  // the idle timeout
	limited   int                    // the turn in which a deadline was set last
	output    simOutput
	released  *stream.Stream // by Detach
	torn      bool           // the kernel took a part of a frame after that
	finishing int            // steps towards the end
}

func (x *simConn) String() string {
	if !x.made {
		return "no connection"
	}
	return fmt.Sprintf("fd %d flags %v over %v closing %v told %v consumed %d of %d, wrote %v, queued %d/%d",
		x.c.fd, simFlags(x.c.flags), x.over, x.closing, x.told, x.consumed, x.received, x.wrote, x.c.queuedIn(), x.c.queuedOut())
}

func (x *simConn) tell(format string, args ...any) {
	if x.w.trace != nil {
		x.w.tell("link %d: %s", x.link.number, fmt.Sprintf(format, args...))
	}
}

func (x *simConn) fail(format string, args ...any) {
	if x.w.failure == nil {
		x.w.failAs(format, fmt.Sprintf(format, args...)+", on "+x.link.String())
	}
}

// enter begins a callback of a handler.
func (x *simConn) enter(h *simHandler, name string) {
	x.w.called++
	x.tell("%s", name)
	switch {
	case x.inside:
		x.fail("C2: %s within a callback", name)
	case x.over:
		x.fail("C2: %s after OnClose", name)
	case h != x.handler:
		x.fail("C2: %s of a handler that was replaced", name)
	case (x.closing || x.c.is(closing)) && name != "OnClose":
		x.fail("C2: %s after Close", name)
	}
	x.inside = true
}

// leave ends a callback, after some acts.
func (x *simConn) leave(name string) {
	x.actSome()
	x.inside = false
	if x.w.may(simPanics) && x.rng.IntN(150) == 0 {
		x.panics(name)
	}
}

// errSimPanic is what callbacks panic with.
var errSimPanic = errors.New("simulated panic")

func (x *simConn) panics(name string) {
	x.tell("%s panics", name)
	x.w.panics++
	x.ends(ErrPanic)
	x.panicked = true
	x.closes()
	panic(errSimPanic)
}

// ends notes a cause that OnClose must hear, unless there is one before it.
func (x *simConn) ends(cause error) {
	if x.c.err == nil && x.cause == nil && !x.c.is(closed) {
		x.cause = cause
	}
}

// closes notes that no more callbacks come but OnClose.
func (x *simConn) closes() {
	if !x.closing && !x.over {
		x.closing, x.closedAt = true, x.w.now()
		if x.c.is(closing | closed) {
			x.closedAt = math.MinInt64 / 2 // the engine had, nobody knows when
		}
	}
	x.everQuiet = true
}

func (x *simConn) onOpen() {
	if x.opened || x.received > 0 {
		x.fail("C2: OnOpen is not the first callback")
	}
	x.opened = true
}

// errSim is what callbacks return.
var errSim = errors.New("simulated error")

func (x *simConn) maybeError() error {
	if !x.w.may(simErrors) || x.rng.IntN(100) > 0 {
		return nil
	}
	x.tell("returns an error")
	x.ends(errSim)
	x.closes()
	return errSim
}

func (x *simConn) onData(in []byte) {
	left := x.received - x.consumed
	x.owed = false
	if n := x.site.stats.Receives; n != x.receives {
		x.receives, x.calls = n, 0
	}
	if x.calls++; x.calls > x.goes()*simFair && !x.w.doubtful {
		x.fail("C5: OnData is called %d times in a row", x.calls)
	}
	switch {
	case x.paused:
		x.fail("C3: OnData while it is paused")
	case x.told && len(in) > left:
		x.fail("C3: input after OnEOF")
	case len(in) < left:
		x.fail("C1: %d bytes are offered, %d were not consumed", len(in), left)
	case len(in) == 0:
		x.fail("C1: nothing is offered")
	case x.c.queuedOut() > x.w.cfg.HighMark:
		x.fail("C4: input is offered with %d bytes pending, above the high mark %d", x.c.queuedOut(), x.w.cfg.HighMark)
	}
	if n := simMatch(in, 2*x.link.number, x.consumed); n < len(in) {
		x.fail("C1: the input is wrong at %d: %s", x.consumed+n, simFailed(in[n:]))
	}
	if end := x.consumed + len(in); end > x.received {
		x.received = end
		x.moved(x.w.now())
	}
	if sent := x.link.peer.sent; x.received > sent {
		x.fail("C1: %d bytes are offered, %d were sent", x.received, sent)
	}
}

// consume decides how much of the input is used, and with what outcome.
func (x *simConn) consume(n int) (int, error) {
	if x.w.may(simErrors) && x.rng.IntN(300) == 0 {
		x.tell("consumes an impossible count")
		x.ends(ErrCount)
		x.closes()
		return n + 1, nil
	}
	switch {
	case x.sips > 0:
		x.sips--
		n = min(n, 1)
	case x.w.may(simPauses):
		switch x.rng.IntN(8) {
		case 0:
			n = 0
		case 1, 2:
			n = x.rng.IntN(n + 1)
		case 3:
			n = min(n, 1)
			if x.rng.IntN(16) == 0 {
				x.sips = x.rng.IntN(3 * simFair)
			}
		}
	}
	err := x.maybeError()
	if err == nil && n == 0 && x.received-x.consumed >= x.w.cfg.MaxInbound && !x.c.is(reoffer|pressed) {
		x.ends(ErrMaxInbound)
		x.closes()
	}
	x.consumed += n
	x.owed = x.owed && x.received > x.consumed || err == nil && n == 0 && x.c.is(pressed)
	x.tell("consumes %d, %d left", n, x.received-x.consumed)
	return n, err
}

func (x *simConn) onEOF() {
	p := &x.link.peer
	switch {
	case x.told:
		x.fail("C2: OnEOF twice")
	case x.paused:
		x.fail("C3: OnEOF while it is paused")
	case !p.fin && !p.killed:
		x.fail("C3: OnEOF, and the peer has not ended its output")
	case x.received != p.sent:
		x.fail("C3: OnEOF after %d of %d bytes", x.received, p.sent)
	}
	x.told = true
	if !x.w.may(simHalves) || x.rng.IntN(3) == 0 {
		x.doClose()
	}
}

func (x *simConn) onDrain() {
	if n := x.c.Buffered(); n > x.w.cfg.LowMark {
		x.fail("C4: OnDrain with %d bytes pending, above the low mark %d", n, x.w.cfg.LowMark)
	}
	if !x.above && x.wrote[simReferred] == 0 {
		x.fail("OnDrain, and it never was above the high mark")
	}
	x.above, x.rose = false, false
}

func (x *simConn) onTimeout(d Deadline) {
	now := x.w.now()
	due := x.due[d]
	if d == IdleTimeout && x.idle == 0 {
		due = 0
	}
	switch {
	case due == 0:
		x.fail("C9: OnTimeout of the %v, which is not set", d)
	case now < due:
		x.fail("C9: the %v fires %v early", d, time.Duration(due-now))
	case d == WriteDeadline && x.c.Buffered() == 0:
		x.fail("C9: the write deadline fires, and nothing is pending")
	}
	x.due[d] = 0
	if d == IdleTimeout {
		x.due[d], x.output.stirred = now+x.idle, now
	}
}

func (x *simConn) onShutdown() {
	if x.asked {
		x.fail("C2: OnShutdown twice")
	}
	if !x.w.ending {
		x.fail("OnShutdown, and nobody called Shutdown")
	}
	x.asked = true
	if x.rng.IntN(2) == 0 {
		x.doClose()
	}
}

func (x *simConn) onClose(err error) {
	x.tell("ends with %v", err)
	x.over, x.result, x.overAt = true, err, x.w.now()
	if !x.c.is(closed) {
		x.fail("C2: OnClose of a connection that is open")
	}
	if x.cause != nil && !errors.Is(err, x.cause) {
		x.fail("C2: OnClose hears %v, the first cause was %v", err, x.cause)
		return
	}
	x.checkCause(err)
	if x.owed && x.peerMade(err) {
		x.fail("C3: OnClose hears %v before %d bytes are offered again", err, x.received-x.consumed)
	}
	if x.received < x.floor && x.peerMade(err) {
		x.fail("C3: OnClose hears %v after %d of %d bytes that were there", err, x.received, x.floor)
	}
}
