//go:build linux

package loop

// Raw registrations of a simulated run: counters, pipes and sockets that a loop
// watches for a function, and that come and go in the middle of a batch.

import (
	"errors"
	"math/rand/v2"
	"net"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/poller"
)

// simMaxWatches is how many registrations there are at a time, at most.
const simMaxWatches = 6

const simBothWays = poller.Readable | poller.Writable

// simWatch is one registration, and what it watches. Its place is used again.
type simWatch struct {
	w     *simWorld
	rng   *rand.Rand
	site  *simSite
	thing simThing
	fd    int // watched; -1: none
	other int // the other end; -1: closed, or there is none

	reg      *Registration
	number   int // of all that had the place
	interest poller.Interest
	made     uint64       // when it was registered, in turns of the loop
	changed  uint64       // when it got its interest
	spent    bool         // a one-shot that has fired
	certain  bool         // and not for an event that may have been made up
	edge     poller.Ready // what is new since it was called last
	unheard  int          // turns in a row that should have called it
}

func (x *simWatch) fail(format string, args ...any) {
	x.w.fail("registration of fd %d for %v, %v: "+format, append([]any{x.fd, x.interest, x.thing}, args...)...)
}

// open makes a thing and registers it with a loop.
func (x *simWatch) open(s *simSite, rng *rand.Rand) {
	x.site, x.thing = s, simThing(rng.IntN(int(simThings)))
	if x.makeThing() { // or there are no descriptors, for now
		x.register(rng)
	}
}

func (x *simWatch) register(rng *rand.Rand) {
	s := x.site
	x.number++
	number, err := x.number, error(nil)
	x.interest = x.drawInterest(rng)
	x.reg, err = s.Register(x.fd, x.interest, func(ev poller.Event) { x.called(number, ev) })
	x.w.tell("fd %d (other end %d) is registered for %v: %v", x.fd, x.other, x.interest, err)
	if err != nil {
		if !x.w.disturbed && !s.stopping {
			x.fail("Register: %v", err)
		}
		x.discard()
		return
	}
	if s.stopping {
		x.fail("C7: Register succeeds while the loop ends")
	}
	x.made = s.stats.Turns
	x.renew()
	if rng.IntN(2) == 0 {
		x.poke(rng)
	}
}

func (x *simWatch) drawInterest(rng *rand.Rand) poller.Interest {
	i := poller.Interest(rng.IntN(4)) & x.thing.interests()
	if rng.IntN(3) == 0 {
		i |= poller.Edge
	}
	if rng.IntN(4) == 0 {
		i |= poller.OneShot
	}
	return i
}

// renew notes that the interest is new: what is ready is reported again.
func (x *simWatch) renew() {
	x.changed, x.spent, x.edge, x.unheard = x.site.stats.Turns, false, simBothWays, 0
}

// called is the function of the registration with that number.
func (x *simWatch) called(number int, ev poller.Event) {
	w, s := x.w, x.site
	w.called++
	w.tell("fd %d: %v", x.fd, ev.Ready)
	switch {
	case number != x.number || x.reg == nil:
		x.fail("C8: it is called after Close")
		return
	case s.Loop != w.turning || s.over:
		x.fail("it is called on another loop, or after the end")
	case x.made == s.stats.Turns:
		x.fail("C8: it hears %v of a wait that was over when it was made", ev.Ready)
	}
	if x.changed != s.stats.Turns { // or it is what the old interest was ready for
		if !w.doubtful {
			x.checkTrue(ev.Ready)
		}
		x.spent, x.certain = x.interest&poller.OneShot != 0, !w.doubtful
		x.edge, x.unheard = 0, 0
	}
	if w.calm {
		x.drain(64 << 10)
		return
	}
	x.answer()
	if w.may(simPanics) && x.rng.IntN(100) == 0 {
		w.panics++
		w.tell("fd %d: its function panics", x.fd)
		if number == x.number && x.reg != nil {
			x.reg = nil // which closes it
			w.kept = append(w.kept, x.fd, x.other)
			x.fd, x.other = -1, -1
		}
		panic(errSimPanic)
	}
}

// checkTrue wants what is reported to be so, where no event is made up.
func (x *simWatch) checkTrue(r poller.Ready) {
	if x.spent && x.certain {
		x.fail("C10: a one-shot is called again")
	}
	if r&(poller.ReadClosed|poller.WriteClosed|poller.Failed) != 0 || x.interest&poller.Edge != 0 {
		return
	}
	readable, writable := simPolled(x.fd)
	if r&poller.Readable != 0 && (!readable || x.interest&poller.Read == 0) ||
		r&poller.Writable != 0 && (!writable || x.interest&poller.Write == 0) || r == 0 {
		x.fail("C8: it hears %v, and is readable %v, writable %v", r, readable, writable)
	}
}

// answer is what the function does: something with what is watched, and with
// other registrations, whose events may be in the same batch.
func (x *simWatch) answer() {
	w, rng := x.w, x.rng
	switch rng.IntN(4) {
	case 0:
		x.drain(1 + rng.IntN(100))
	case 1, 2:
		x.drain(64 << 10)
	}
	if rng.IntN(3) == 0 {
		w.watch(x.site, rng)
	}
	if rng.IntN(8) == 0 {
		if c := w.someone(x.site.Loop); c != nil && w.may(simOthers) {
			c.act(rng)
		}
	}
}

// watch does something with one of the registrations of a loop, from its goroutine.
func (w *simWorld) watch(s *simSite, rng *rand.Rand) {
	x := &w.watches[rng.IntN(simMaxWatches)]
	switch n := rng.IntN(10); {
	case x.fd < 0:
		x.open(s, rng)
	case x.site != s, s.stopping: // the end closes them, one after the other
	case n < 3:
		x.poke(rng)
	case n < 5:
		x.modify(rng)
	case n < 7:
		x.close()
	case n < 8:
		if x.unregister(); x.fd < 0 {
			x.discard()
			return
		}
		x.register(rng)
	default:
		// The number is free again, and the next one has it.
		x.close()
		x.open(s, rng)
	}
}

// stepWatch is what happens to a registration between two turns, or while the loop
// waits.
func (w *simWorld) stepWatch(i int) {
	x := &w.watches[i]
	switch {
	case w.calm || !w.may(simWatches):
	case w.inWait:
		if x.fd >= 0 {
			x.poke(x.rng)
		}
	case x.fd >= 0 && x.site.over:
		x.outlive()
	case x.fd >= 0 && x.rng.IntN(4) > 0:
		x.poke(x.rng)
	default:
		if s := w.sites[x.rng.IntN(len(w.sites))]; !s.over && !w.ending {
			w.watch(s, x.rng)
		}
	}
}

func (x *simWatch) modify(rng *rand.Rand) {
	interest := x.drawInterest(rng)
	err := x.reg.Modify(interest)
	x.w.tell("fd %d: Modify to %v: %v", x.fd, interest, err)
	switch {
	case err == nil:
		x.interest = interest
		x.renew()
	case !x.w.disturbed:
		x.fail("Modify: %v", err)
	default:
		x.close() // who knows what it is registered for
	}
}

// close closes the registration, and then the descriptors.
func (x *simWatch) close() {
	x.unregister()
	x.discard()
}

// unregister closes the registration. Where that fails, the kernel may know the
// descriptor still, and its number must not come back.
func (x *simWatch) unregister() {
	reg := x.reg
	err := reg.Close()
	x.w.tell("fd %d: Close: %v", x.fd, err)
	if err != nil && !x.w.disturbed {
		x.fail("Close: %v", err)
	}
	if err := reg.Close(); !errors.Is(err, net.ErrClosed) {
		x.fail("C8: a second Close: %v", err)
	}
	if err := reg.Modify(poller.Read); !errors.Is(err, net.ErrClosed) {
		x.fail("C8: Modify after Close: %v", err)
	}
	if err != nil {
		x.w.kept = append(x.w.kept, x.fd)
		x.fd = -1
	}
	x.reg = nil
}

// discard closes the descriptors.
func (x *simWatch) discard() {
	for _, fd := range [...]int{x.fd, x.other} {
		if fd >= 0 {
			sys.Close(fd)
		}
	}
	x.reg, x.fd, x.other = nil, -1, -1
}

// outlive is called when the loop has ended, and with it the registration.
func (x *simWatch) outlive() {
	if err := x.reg.Close(); !errors.Is(err, net.ErrClosed) {
		x.fail("C7: Close after the end of the loop: %v", err)
	}
	x.discard()
}

// checkWatches wants the functions of a loop's registrations to have been called
// for what is ready.
func (w *simWorld) checkWatches(s *simSite) {
	for i := range w.watches {
		if x := &w.watches[i]; x.fd >= 0 && x.site == s && !x.spent {
			x.checkHeard()
		}
	}
}

func (x *simWatch) checkHeard() {
	if x.w.disturbed {
		x.unheard = 0
		return
	}
	owed := simBothWays
	if x.interest&poller.Edge != 0 {
		owed = x.edge
	}
	readable, writable := simPolled(x.fd)
	if !(readable && x.interest&poller.Read != 0 && owed&poller.Readable != 0) &&
		!(writable && x.interest&poller.Write != 0 && owed&poller.Writable != 0) {
		x.unheard = 0
		return
	}
	if x.unheard++; x.unheard > 3 {
		x.fail("nobody is told that it is ready")
	}
}

// endWatches closes what is left of the registrations' descriptors when the loops have ended.
func (w *simWorld) endWatches() {
	for i := range w.watches {
		if x := &w.watches[i]; x.fd >= 0 {
			x.outlive()
		}
	}
	w.dropKept()
}

// dropKept closes the descriptors of registrations that ended otherwise than by a
// Close that succeeded.
func (w *simWorld) dropKept() {
	for _, fd := range w.kept {
		if fd >= 0 {
			sys.Close(fd)
		}
	}
	w.kept = nil
}
