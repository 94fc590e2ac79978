//go:build linux

package loop

// What handlers write, and what must become of it.

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
)

// write writes one or more frames.
func (x *simConn) write(rng *rand.Rand) {
	if x.w.may(simRushes) && rng.IntN(100) == 0 {
		x.flood(rng)
		return
	}
	x.writeSome(rng, x.w.length(rng))
}

// flood writes until more than the high mark is pending, as a handler may: it comes to an
// end however fast the peer reads.
func (x *simConn) flood(rng *rand.Rand) {
	w, c := x.w, x.c
	size := min(2*directSize, max(1, w.cfg.MaxPending-w.cfg.HighMark-2*simHeader))
	most := sendBudget + corkSize + w.cfg.HighMark + 2*(size+2*simHeader)
	for total := 0; c.Buffered() <= w.cfg.HighMark; {
		n := x.writeSome(rng, size)
		if total += n; total > most {
			x.fail("C5: a callback has written %d bytes, and %d are pending", total, c.Buffered())
		}
		if n == 0 || w.failure != nil {
			return
		}
	}
}

// writeSome writes size bytes, in frames, and returns how many bytes were taken.
func (x *simConn) writeSome(rng *rand.Rand, size int) (n int) {
	w, c := x.w, x.c
	p := w.frame(x, simDirect, size)
	before := c.Buffered()
	err := error(nil)
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
	return n
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
	x.output.taken += n
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
	x.above, x.drainMark, x.held = true, mark, true
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
