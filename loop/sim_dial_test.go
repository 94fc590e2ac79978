//go:build linux

package loop

// The engine's dials in a simulated run: to one address or several, of which some
// refuse and some never answer.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// simDialTimeout is the longest Timeout of dials.
const simDialTimeout = 40 * simTimeUnit

// simConnectTimeout is how long the kernel waits for an answer.
const simConnectTimeout = 30 * simTimeUnit

// simDial is the engine's dial of a link.
type simDial struct {
	begun, over bool
	at          int64 // when it began
	timeout     time.Duration
	latest      int64 // it is over in a turn that begins after this; 0: not under way
	untried     int   // addresses, at the last turn's end
	triedAt     int64 // when that changed, or the way became free
	hopes       bool  // one of the addresses answers, sooner or later
	ctx         context.Context
	cancel      context.CancelFunc
	canceled    bool
}

// dial lets the engine make the connection. Some of the addresses are in vain.
func (l *simLink) dial() {
	w, d, rng := l.w, &l.dialed, l.peer.rng
	goal, network := w.homeAddr, "tcp"
	if rng.IntN(6) == 0 {
		goal = w.nobody
	}
	d.at, d.timeout = w.now(), simDialTimeout
	if w.may(simRaces) && rng.IntN(2) == 0 {
		d.timeout = time.Duration(rng.IntN(int(simDialTimeout))) + 1
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	cfg := DialConfig{Timeout: d.timeout, AttemptDelay: simTimeUnit, KeepDelay: rng.IntN(2) == 0}
	address := simAddr(goal).String()
	if l.unix {
		network, address = "unix", l.name
		l.openDoor()
	} else {
		cfg.LocalAddr = l.from()
	}
	err := error(nil)
	switch {
	case !l.unix && w.may(simRaces) && rng.IntN(2) == 0:
		err = l.race(cfg, goal)
	case !l.unix && rng.IntN(2) == 0:
		s := w.sites[rng.IntN(len(w.sites))]
		err = s.Dial(d.ctx, cfg, network, address, l.protocol, l.outcome)
	default:
		err = w.engine.Dial(d.ctx, cfg, network, address, l.protocol, l.outcome)
	}
	w.tell("link %d: dial of %v, %v: %v", l.number, address, l.name, err)
	if err == nil {
		d.begun = true
		return
	}
	d.over = true
	l.shutDoor()
	atBound := errors.Is(err, ErrMaxConns) && w.engine.conns.Load() >= int64(w.cfg.MaxConns)
	if !atBound && !(errors.Is(err, net.ErrClosed) && w.ending) {
		w.fail("link %d: Dial: %v", l.number, err)
	}
}

// from is the address that a TCP dial of the link comes from.
func (l *simLink) from() stream.Addr {
	return stream.AddrFrom(netip.AddrPortFrom(l.at().IP, 0))
}

func simAddr(sa sys.Sockaddr) stream.Addr {
	return stream.AddrFrom(netip.AddrPortFrom(sa.IP, sa.Port))
}

// race dials a name that has goal among its addresses.
func (l *simLink) race(cfg DialConfig, goal sys.Sockaddr) error {
	w, rng := l.w, l.peer.rng
	list := []stream.Addr{simAddr(goal)}
	other := sys.Sockaddr{IP: netip.IPv6Loopback(), Port: 7} // than cfg.LocalAddr can connect to
	for range 1 + rng.IntN(3) {
		list = append(list, simAddr([]sys.Sockaddr{w.nobody, w.silent(), other}[rng.IntN(3)]))
	}
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	w.tell("link %d: race of %v", l.number, list)
	l.dialed.hopes = goal == w.homeAddr
	return (&dial{loop: w.engine.pick(), ctx: l.dialed.ctx, cfg: cfg, network: "tcp", address: "name:1",
		protocol: l.protocol, done: l.outcome}).race(list)
}

// underWay finds the engine's side of the dial, nil before it is launched and after it.
func (d *simDial) underWay(sites ...*simSite) *dial {
	for _, s := range sites {
		for each := range s.dials {
			if each.ctx == d.ctx {
				return each
			}
		}
	}
	return nil
}

// cancelDial ends the context of a dial, from which another goroutine takes the news.
func (w *simWorld) cancelDial() {
	l := w.links[w.rng.IntN(w.places)]
	if l == nil || !l.dialed.begun || l.dialed.over || l.dialed.canceled {
		return
	}
	l.dialed.canceled = true
	w.tell("link %d: the context of its dial ends", l.number)
	d := l.dialed.underWay(w.sites...)
	if d == nil {
		l.dialed.cancel()
		return
	}
	before := d.loop.tasks.Len()
	l.dialed.cancel()
	// The task comes first, then what wakes a loop that sleeps.
	for d.loop.tasks.Len() == before || d.loop == w.asleep && !w.pollerReady(d.loop) {
		runtime.Gosched()
	}
}

// checkDials wants the dials of a loop to be over in time.
func (w *simWorld) checkDials(s *simSite) {
	if s.drained() && len(s.dials) > 0 {
		w.fail("C7: Shutdown has begun, and %d dials of loop %d go on", len(s.dials), s.index)
	}
	for _, l := range w.everyLink() {
		d := &l.dialed
		if !d.begun || d.over || len(s.dials) == 0 {
			continue
		}
		mine := d.underWay(s)
		if mine == nil {
			continue
		}
		if d.latest == 0 {
			d.latest = w.now() + int64(d.timeout) + simTick
		}
		if d.untried != len(mine.addrs) || l.knocker >= 0 {
			d.untried, d.triedAt = len(mine.addrs), w.now()
		}
		if d.untried > 0 && w.began > d.triedAt+int64(simTimeUnit)+simTick {
			w.fail("C9: link %d: the next address is not tried %v after the last", l.number, time.Duration(w.began-d.triedAt))
		}
		if d.canceled && s.tasks.Empty() {
			w.fail("C7: link %d: the dial goes on, and its context has ended", l.number)
		}
		if w.began > d.latest {
			w.fail("C9: link %d: the dial is not over %v after its time-out", l.number, time.Duration(w.began-d.latest))
		}
	}
}

// outcome is done of the dial.
func (l *simLink) outcome(c *Conn, err error) {
	w, d := l.w, &l.dialed
	w.called++
	w.tell("link %d: dialled: %v", l.number, err)
	if d.over || !d.begun {
		w.fail("link %d: a second outcome of its dial", l.number)
	}
	d.over = true
	if (c == nil) != (err != nil) || (c != nil && c != l.conn.c) {
		w.fail("link %d: the dial's outcome is %p and %v", l.number, c, err)
	}
	if err == nil {
		return
	}
	if !l.conn.made {
		l.shutDoor() // nobody comes
	}
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrPanic) {
		return // the handler's doing
	}
	if l.conn.made {
		w.fail("link %d: the dial failed with %v, but the Protocol was called", l.number, err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && w.now() < d.at+int64(d.timeout) {
		w.fail("C9: link %d: the dial timed out after %v", l.number, time.Duration(w.now()-d.at))
	}
	if errors.Is(err, context.Canceled) && !d.canceled {
		w.fail("link %d: the dial ended with its context, which has not", l.number)
	}
	given := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) ||
		l.peer.killed && errors.Is(err, sys.ECONNRESET) // it had answered, and then reset
	const faults = simErrnos | simHarsh | simScarce
	if d.hopes && !given && w.o.without&faults == faults && w.now() < d.at+int64(simConnectTimeout) {
		w.fail("C7: link %d: the dial ended with %v, and one of its addresses answers", l.number, err)
	}
	if errors.Is(err, net.ErrClosed) && !w.ending {
		w.fail("link %d: the dial ended with the engine, which has not", l.number)
	}
}

// takeDialled accepts what the engine has connected to, for the peers.
func (w *simWorld) takeDialled() {
	fd, from, e := sys.Accept(w.home)
	if e != 0 {
		return
	}
	l := w.linkAt(from)
	if l == nil || !l.dialled && !l.adopted || l.peer.fd >= 0 || l.peer.met {
		sys.Close(fd)
		return
	}
	w.tell("link %d: the peer accepts it as %d", l.number, fd)
	l.peer.begin(fd)
}
