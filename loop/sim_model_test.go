//go:build linux && simkernel

package loop

// The simulated world on the model kernel: everything that happens, and when,
// follows from the options.

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

const (
	simDefaultRuns  = 1500
	simDefaultTurns = 2000
	// simTimeUnit is the shortest of the configured time limits.
	simTimeUnit = 10 * time.Millisecond
	// simPatience is added to the time in which a run must come to its end.
	simPatience = 0
	// simRepeats tells whether the same options do the same again.
	simRepeats = true
	// simTags is how those of the build begin.
	simTags = "simkernel"
	// simPath is where the engine listens on a unix socket.
	simPath = "/sim"
)

func (w *simWorld) beginKernel() (descriptors int) {
	rng := w.o.rng(4)
	kernel := sys.SimOptions{
		SendBuffer:     64 << rng.IntN(10),
		ReceiveBuffer:  64 << rng.IntN(10),
		ConnectTimeout: simConnectTimeout,
	}
	if rng.IntN(8) == 0 && w.may(simRushes) {
		kernel.SendBuffer = 4 * sendBudget
	}
	sys.SimReset(w.o.seed, kernel)
	sys.SimIdle(w.blocked)
	sys.OnFault(w.struck)
	if w.cfg.Spin > 0 {
		sys.SimPolled(w.polled)
	}
	return simDescriptors()
}

func (w *simWorld) endKernel() {
	w.abandon()
	sys.OnFault(nil)
	sys.SimLive()
}

// allowWaits is a turn's patience with a poller that does not return.
func (w *simWorld) allowWaits() { sys.SimWaits(10_000) }

// calmKernel takes back what was done to the kernel.
func (w *simWorld) calmKernel() {
	sys.SimLimit(1 << 20)
	sys.SimUnstall()
}

// stepNetwork lets the network deliver some things; it tells whether it did.
func (w *simWorld) stepNetwork(n int) bool {
	for i := range n {
		if !sys.SimStep() {
			return i > 0
		}
	}
	return true
}

// pass lets time pass.
func (w *simWorld) pass(d time.Duration) { sys.SimAdvance(d) }

// breakSomething lets the network, or the machine, fail.
func (w *simWorld) breakSomething() {
	i := w.rng.IntN(w.places)
	l := w.links[i]
	if w.rng.IntN(4) == 0 && w.may(simScarce) {
		w.limitDescriptors()
		return
	}
	if l == nil {
		return
	}
	fds := []int{l.peer.fd, -1}
	if l.conn.made && !l.conn.c.is(closed) {
		fds[1] = int(l.conn.c.fd)
	}
	fd := fds[w.rng.IntN(2)]
	if fd < 0 {
		return
	}
	if n := w.rng.IntN(6); n < 4 {
		w.tell("link %d: fd %d stalls: %v", l.number, fd, n < 2)
		sys.SimStall(fd, n < 2)
		return
	}
	errno := []sys.Errno{sys.ECONNRESET, sys.ETIMEDOUT, sys.EHOSTUNREACH}[w.rng.IntN(3)]
	w.tell("link %d: fd %d breaks: %v", l.number, fd, errno)
	if sys.SimBreak(fd, errno) == 0 {
		l.broken, l.peer.killed = true, true
	}
}

// limitDescriptors leaves few descriptors free, or takes that back.
func (w *simWorld) limitDescriptors() {
	limit := 1 << 20
	if w.rng.IntN(2) == 0 {
		limit = simDescriptors() + w.rng.IntN(4)
	}
	w.tell("%d descriptors at most", limit)
	sys.SimLimit(limit)
}

// blocked is called when a loop waits and nothing is ready: the world goes on.
func (w *simWorld) blocked(timeout time.Duration) bool {
	w.waited = true
	w.checkSleep(timeout)
	w.checkAsleep()
	if w.calm {
		return timeout >= 0 && w.stepNetwork(1)
	}
	w.asleep = w.turning
	w.goOn(func() {
		for range 1 + w.rng.IntN(8) {
			w.happen()
		}
	})
	w.asleep = nil
	if l := w.turning; (l.tasks.Len() > 0 || l.control.Load() != 0) && !w.pollerReady(l) {
		w.fail("C7: loop %d is asked for something in its wait, and nothing wakes it", l.index)
	}
	if timeout >= 0 && w.rng.IntN(3) == 0 {
		return false // time passes
	}
	if w.rng.IntN(8) == 0 {
		w.turning.wake()
	}
	return true
}

// struck is told of a call on a descriptor that is made to fail.
func (w *simWorld) struck(c sys.Call, fd int, e sys.Errno) {
	x := w.whose(fd)
	switch {
	case x == nil:
	case e == sys.EAGAIN:
		// Of a socket whose output has failed nothing more is expected then.
		x.faults.misled = x.faults.misled || c == sys.CallRecv && x.c.is(writeFailed)
	case c == sys.ChangeCall:
		x.faults.clung = true
	default:
		x.tell("%s fails with %v", c, e)
		x.faults.errnos = append(x.faults.errnos, e)
	}
}

// whose returns the connection that has a descriptor, nil for none: before others, one
// whose end has not been told, as that of a Protocol without a handler never is.
func (w *simWorld) whose(fd int) (found *simConn) {
	for _, l := range w.everyLink() {
		switch x := &l.conn; {
		case !x.made || int(x.c.fd) != fd:
		case !x.over:
			return x
		case x.refused():
			found = x
		}
	}
	return found
}

// polled is called when a loop that must not block finds nothing: the world goes on while
// it polls, as slowly as time does.
func (w *simWorld) polled() {
	l := w.turning
	if l == nil {
		return
	}
	w.pass(w.cfg.Spin / 4)
	if !w.calm && w.rng.IntN(4) == 0 {
		w.goOn(w.happen)
	}
	// What has come up meanwhile is reason enough not to block.
	w.waited = w.waited || w.pollerReady(l) || !l.mayBlock()
}

// goOn calls f, in a turn, as what happens between turns.
func (w *simWorld) goOn(f func()) {
	w.undisturb()
	w.inWait = true
	f()
	w.inWait = false
	w.disturb()
}

// pollerReady tells whether a loop's poller has something to report. The pollers have the
// first descriptors that the kernel gave out.
func (w *simWorld) pollerReady(l *Loop) bool {
	const first = 3
	return sys.SimLook(first+l.index*w.pollers, sys.POLLIN)&sys.POLLIN != 0
}

// checkSleep wants the turning loop not to sleep beyond what is due (C9).
func (w *simWorld) checkSleep(timeout time.Duration) {
	earliest := int64(math.MaxInt64)
	for _, t := range w.timers {
		if t.site.Loop == w.turning && t.armed && t.latest != 0 {
			earliest = min(earliest, t.latest)
		}
	}
	for _, x := range w.conns(w.turning) {
		// The others depend on what moves: they are looked at when they fire.
		if due := x.due[ReadDeadline]; due != 0 && !x.closing && !x.c.is(closing) {
			earliest = min(earliest, due)
		}
	}
	if earliest == math.MaxInt64 {
		return
	}
	if left := max(0, earliest-w.now()); timeout < 0 || int64(timeout) > left+3*simTick {
		w.fail("C9: loop %d sleeps for %v, and something is due in %v", w.turning.index, timeout, time.Duration(left))
	}
}

// checkAsleep wants a loop that sleeps to have nothing to do: what there is for one of its
// connections would have been reported, and nothing else will tell of it.
func (w *simWorld) checkAsleep() {
	for _, x := range w.conns(w.turning) {
		if readable, writable := x.stuck(); readable || writable {
			x.fail("C1: the loop sleeps, and the socket is readable %v, writable %v", readable, writable)
		}
	}
}

// simDescriptors is how many descriptors are open.
func simDescriptors() int { return sys.SimOpened() }

func simDescriptorList() string {
	var s strings.Builder
	for _, d := range sys.SimOpen() {
		fmt.Fprintf(&s, "\n%d %s", d.FD, d.What)
	}
	return s.String()
}

// silent is an address that never answers.
func (w *simWorld) silent() sys.Sockaddr {
	return sys.Sockaddr{IP: netip.MustParseAddr("192.0.2.1"), Port: 7}
}

// simUnread is how many bytes wait to be received.
func simUnread(fd int) int {
	n, _ := sys.SimUnread(fd)
	return n
}

// checkStrays wants no call to have been made on a descriptor that was not open, and
// no close that waits.
func (w *simWorld) checkStrays() {
	if n := sys.SimStrays(); n > 0 {
		w.fail("C8: %d calls on descriptors that are not open", n)
	}
	if n := sys.SimLingers(); n > 0 {
		w.fail("C5: %d closes wait for the peer, and the loop with them", n)
	}
}

// simReady tells what a socket is ready for.
func simReady(fd int) (readable, writable bool) {
	r := simLook(fd)
	return r&sys.POLLIN != 0, r&sys.POLLOUT != 0
}

// simLook tells what a descriptor is ready for, in the bits of poll(2). To look must
// not make the kernel owe an edge that a defect of the loop did not ask for.
func simLook(fd int) int16 { return sys.SimLook(fd, sys.POLLIN|sys.POLLOUT) }

// simSendRights sends with a descriptor.
func simSendRights(fd int, p []byte) (int, sys.Errno) { return sys.SimSendRights(fd, p) }

// simWatched tells whether a poller watches the socket, by whatever number.
func simWatched(fd int) bool { return sys.SimWatched(fd) }

// simBegin begins a script, and returns what ends it.
func simBegin(seed uint64) (end func()) {
	sys.SimReset(seed, sys.SimOptions{})
	return sys.SimLive
}

// simDeliver lets the network deliver all that is under way.
func simDeliver() { sys.SimSettle() }
