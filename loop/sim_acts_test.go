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
	if w.may(simGaps) && x.rng.IntN(100) == 0 {
		w.pass(time.Duration(x.rng.IntN(int(simTimeUnit)))) // a callback that takes its time
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
	case n < 97:
		x.look()
	case n < 99 && w.may(simWatches):
		w.watch(x.site, rng)
	}
}

// dead tells whether nothing that is done to x can reach the kernel any more.
func (x *simConn) dead() bool { return x.over || x.closing }

// write writes one or more frames.
func (x *simConn) write(rng *rand.Rand) {
	w, c := x.w, x.c
	p := w.frame(x, simDirect, w.length(rng))
	before := c.Buffered()
	n, err := 0, error(nil)
	switch rng.IntN(4) {
	case 0:
		n, err = c.WriteString(string(p))
	case 1:
		a := rng.IntN(len(p) + 1)
		b := a + rng.IntN(len(p)-a+1)
		n, err = c.Writev([][]byte{p[:a], nil, p[a:b], p[b:]})
	default:
		n, err = c.Write(p)
	}
	x.tell("Write %d: %d %v", len(p), n, err)
	room := w.cfg.MaxPending - before
	switch {
	case err == nil:
		x.checkTaken(len(p), n, room)
	case n != 0:
		x.fail("Write took %d bytes and returned %v", n, err)
	case errors.Is(err, ErrBackpressure):
		if len(p) <= room {
			x.fail("Write of %d: %v, with room for %d", len(p), err, room)
		}
		x.rise(before)
	case errors.Is(err, os.ErrInvalid):
		if len(p) <= w.cfg.MaxPending && !c.is(writeFailed) {
			x.fail("Write of %d: %v", len(p), err)
		}
	case errors.Is(err, net.ErrClosed):
		if !x.half && !c.is(closing|closed) {
			x.fail("Write: %v", err)
		}
	case !c.is(writeFailed):
		x.fail("Write: %v, and no send failed", err)
	}
}

// checkTaken notes n bytes that a write has taken.
func (x *simConn) checkTaken(size, n, room int) {
	w := x.w
	if n != size || size > room {
		x.fail("Write took %d of %d bytes, with room for %d", n, size, room)
	}
	if x.dead() || x.half {
		x.fail("C8: Write took %d bytes after the end of the output", n)
	}
	x.wrote[simDirect] += n - (n+simMost+simHeader-1)/(simMost+simHeader)*simHeader
	// The parts of a Writev may rise above the mark, and be sent, one by one.
	if w.cfg.MaxPending-room+n > w.cfg.HighMark {
		x.press(w.cfg.LowMark)
	}
	if pending := x.c.Buffered(); pending > w.cfg.HighMark {
		x.rise(pending)
	}
}

// rise notes that OnDrain must come, if somebody hears of it: pending was too
// much, or a write did not fit beside it.
func (x *simConn) rise(pending int) {
	mark := x.w.cfg.LowMark
	if pending <= mark {
		mark = 0
	}
	x.press(mark)
	x.rose = x.rose || !x.dead() && x.drains()
}

// press notes that OnDrain may come once no more than mark is pending. Whoever handles
// the connection then, a mark that was lower before still holds.
func (x *simConn) press(mark int) {
	if x.above {
		mark = min(mark, x.drainMark)
	}
	x.above, x.drainMark = true, mark
}

// simMost is the most bytes that a frame has.
const simMost = 60_000

// frame returns n bytes of a lane, which have not been written yet, in frames.
func (w *simWorld) frame(x *simConn, lane byte, n int) []byte {
	buf := w.space(n + (n/simMost+1)*simHeader)
	at, position := 0, simLaneStart(lane)+x.wrote[lane]
	for n > 0 {
		size := min(n, simMost)
		buf[at], buf[at+1], buf[at+2] = lane, byte(size), byte(size>>8)
		simFill(buf[at+simHeader:at+simHeader+size], 2*x.link.number+1, position)
		at, position, n = at+simHeader+size, position+size, n-size
	}
	return buf[:at]
}

// space returns n bytes, until it is called again.
func (w *simWorld) space(n int) []byte {
	if n > len(w.scratch) {
		w.scratch = make([]byte, 2*n)
	}
	return w.scratch[:n]
}

// length draws the length of a write.
func (w *simWorld) length(rng *rand.Rand) int {
	if !w.may(simFloods) {
		return 1 + rng.IntN(50)
	}
	switch rng.IntN(16) {
	case 0:
		return max(1, w.cfg.HighMark-8+rng.IntN(16))
	case 1:
		return max(1, w.cfg.MaxPending-8+rng.IntN(16))
	case 2:
		return directSize - 8 + rng.IntN(16)
	default:
		return simSize(rng, 4<<10)
	}
}

func (x *simConn) pause() {
	x.tell("Pause")
	x.c.Pause()
	x.paused, x.everQuiet = true, true
}

func (x *simConn) resume() {
	x.tell("Resume")
	x.c.Resume()
	x.paused = false
}

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
	x.c.SetHandler(x.newHandler())
}

func (x *simConn) doCloseWrite() {
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

// look calls what only tells something.
func (x *simConn) look() {
	gone := x.c.is(closed)
	if a := x.c.LocalAddr(); gone && a.IsValid() {
		x.fail("C8: the connection is closed and has the local address %v", a)
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
	if n := x.c.Buffered(); n > x.w.cfg.MaxPending {
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
