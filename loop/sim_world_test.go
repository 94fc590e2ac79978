//go:build linux

package loop

// The simulated world: an engine whose loops are turned by hand, the peers of its
// connections, and whatever else happens between two turns. One goroutine does
// all of it, in an order that follows from the seed.

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// simWorld is one run.
type simWorld struct {
	o         simOptions
	cfg       Config
	rng       *rand.Rand
	trace     io.Writer // what happens is told here, unless nil
	engine    *Engine
	listeners [simFronts]*Listener // the last of each
	sockets   []*listener          // of all that there have been
	home      int                  // where the peers listen
	homeAddr  sys.Sockaddr
	nowhere   int // bound, but nobody listens there
	nobody    sys.Sockaddr

	pollers int // descriptors of a loop's poller

	places   int // of links that are used
	links    [simMaxLinks]*simLink
	waiting  map[string]*simLink // by the address of the end that connects
	adopted  int                 // connections that the engine took over
	adopting int                 // that have a place in it, and no loop yet
	alive    []*simConn          // what conns returned last
	every    []*simLink          // what everyLink returned last
	timers   []*simTimer
	watches  [simMaxWatches]simWatch
	kept     []int      // descriptors that are closed at the end
	sites    []*simSite // of the loops

	calm     bool // the faults have stopped, everything shall finish
	ending   bool // Shutdown or Close was called
	draining bool // Shutdown was
	closed   bool // Close was
	shutdown chan error
	turning  *Loop // whose turn it is
	asleep   *Loop // the one whose wait blocks, nil for none
	// restore ends the faults of the turn.
	restore func()
	// disturbed says that calls of the turn were to fail.
	disturbed bool
	doubtful  bool  // events of the turn may have been made up
	inWait    bool  // of a loop
	waited    bool  // the turn's wait blocked
	began     int64 // when the turn under way, or the last one, began
	called    int   // callbacks of that turn
	panics    uint64
	panicked  uint64 // of these, before the turn
	turns     int
	rounds    int // of the safety phase that have begun
	scratch   []byte
	failure   *simFailure
}

// simSite is one loop as its world sees it.
type simSite struct {
	*Loop
	over      bool
	summoned  bool // it has had a turn since Shutdown
	fruitless int  // turns in a row that brought nothing and did not end in a wait
	posted    int  // tasks accepted
	ran       int  // and run
	carried   simCarried
	given     []simGiven
	sent      uint64 // bytes of output when the turn began
	tasksRun  uint64 // at the last turn's end
	progress  uint64 // what had been done at the last turn's end
}

// simResult is what a run comes to.
type simResult struct {
	turns, conns int
	rounds       int // how many the options' turns must be, at least, for the same
	failure      *simFailure
}

// simFailure is the first thing that is wrong with a run.
type simFailure struct {
	class string // what it says without its circumstances
	text  string
}

func (f *simFailure) String() string { return f.text }

// simRun has a run. What happens is told to trace, unless that is nil.
func simRun(o simOptions, trace io.Writer) simResult {
	o = o.drawn()
	w := &simWorld{o: o, cfg: o.config(), rng: o.rng(3), places: o.places(), trace: trace, waiting: map[string]*simLink{}, shutdown: make(chan error, 1)}
	w.cfg.Logger = slog.New(simLog{w, map[string]int64{}})
	before := w.beginKernel()
	defer w.endKernel()
	if err := w.setUp(); err != nil {
		return simResult{failure: &simFailure{class: "set-up", text: fmt.Sprint("set-up: ", err)}}
	}
	w.safety()
	w.liveness()
	w.end()
	if w.failure == nil {
		w.checkEnd(before)
	}
	result := simResult{turns: w.turns, rounds: w.rounds, failure: w.failure}
	for _, l := range w.engine.loops {
		result.conns += int(l.stats.Closed)
	}
	return result
}

// fail notes the first thing that is wrong.
func (w *simWorld) fail(format string, args ...any) {
	if w.failure == nil {
		w.failAs(format, fmt.Sprintf(format, args...))
	}
}

// failAs is fail with a class of its own.
func (w *simWorld) failAs(class, text string) {
	if w.failure == nil {
		w.failure = &simFailure{class: class, text: fmt.Sprintf("turn %d: %s", w.turns, text)}
		w.tell("FAILED: %v", w.failure)
	}
}

func (w *simWorld) tell(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%d %v ", w.turns, time.Duration(w.now()))
		fmt.Fprintf(w.trace, format+"\n", args...)
	}
}

// may tells whether a kind of things happens in this run, now.
func (w *simWorld) may(kind simKinds) bool { return !w.calm && w.o.without&kind == 0 }

// now is the engine's time in nanoseconds.
func (w *simWorld) now() int64 { return w.engine.clock() }

func (w *simWorld) setUp() (err error) {
	before := simDescriptors()
	if w.engine, err = New(w.cfg); err != nil {
		return err
	}
	w.pollers = (simDescriptors() - before) / len(w.engine.loops)
	w.cfg = w.engine.cfg // with the defaults
	// Nobody starts the loops' goroutines: this one is the loops'.
	w.engine.running, w.engine.ran = true, true
	for _, l := range w.engine.loops {
		w.sites = append(w.sites, &simSite{Loop: l})
	}
	for front := range w.listeners {
		if err = w.open(front); err != nil {
			return err
		}
	}
	if w.home, w.homeAddr, err = simBind(sys.Sockaddr{IP: netip.MustParseAddr("127.0.0.2")}); err != nil {
		return err
	}
	if e := sys.Listen(w.home, 64); e != 0 {
		return e
	}
	for i := range w.watches {
		w.watches[i] = simWatch{w: w, rng: w.o.rng(10 + uint64(i)), fd: -1, other: -1}
	}
	w.nowhere, w.nobody, err = simBind(sys.Sockaddr{IP: netip.MustParseAddr("127.0.0.3")})
	return err
}

// simSockaddr is an address as the kernel takes it.
func simSockaddr(a stream.Addr) sys.Sockaddr {
	if a.IsUnix() {
		return sys.Sockaddr{Path: a.Path(), Unix: true}
	}
	return sys.Sockaddr{IP: a.AddrPort().Addr(), Port: a.AddrPort().Port()}
}

// simBind returns a socket that is bound to an address, of IP with a free port.
func simBind(sa sys.Sockaddr) (int, sys.Sockaddr, error) {
	fd, e := sys.Socket(sa.Domain())
	if e != 0 {
		return -1, sys.Sockaddr{}, e
	}
	if e := sys.Bind(fd, sa); e != 0 {
		sys.Close(fd)
		return -1, sys.Sockaddr{}, e
	}
	sa, e = sys.Getsockname(fd)
	if e != 0 {
		sys.Close(fd)
		return -1, sys.Sockaddr{}, e
	}
	return fd, sa, nil
}

// safety lets things happen, faults among them.
func (w *simWorld) safety() {
	last := w.o.turns
	end := last
	if w.o.without&simEnds == 0 && w.rng.IntN(4) == 0 {
		end = w.rng.IntN(last)
	}
	for n := 0; n < last && w.failure == nil; n++ {
		w.rounds++
		if n == end {
			w.beginEnd()
		}
		for range w.rng.IntN(6) {
			w.happen()
		}
		w.turnSome()
		if w.over() {
			return
		}
	}
}

// over tells whether all loops have ended.
func (w *simWorld) over() bool {
	for _, s := range w.sites {
		if !s.over {
			return false
		}
	}
	return true
}

// happen lets one thing happen between two turns.
func (w *simWorld) happen() {
	switch n := w.rng.IntN(100); {
	case n < 55:
		w.stepPeers()
	case n < 90:
		w.stepNetwork(1 + w.rng.IntN(4))
	case n < 94:
		w.pass(time.Duration(w.rng.IntN(int(simTimeUnit / 4))))
	case n < 95 && w.may(simGaps) && w.rng.IntN(4) == 0:
		w.pass(time.Duration(w.rng.IntN(int(200 * simTimeUnit))))
	case n < 98:
		if x := w.someone(nil); x != nil && w.may(simTasks) {
			x.refer(w.rng)
		}
	case n < 99 && w.may(simBreaks):
		w.breakSomething()
	case n == 99:
		w.happenRarely()
	}
}

// happenRarely lets one of the greater things happen.
func (w *simWorld) happenRarely() {
	switch n := w.rng.IntN(12); {
	case n < 1 && w.may(simRelists) && !w.ending:
		w.relist(w.rng.IntN(simFronts))
	case n < 4 && w.may(simRushes):
		w.rush()
	case n < 8 && w.may(simRaces):
		w.cancelDial()
	}
}

// rush lets much happen at once: more events, and more tasks, than a loop takes at a time.
func (w *simWorld) rush() {
	for _, l := range w.everyLink() {
		if p := &l.peer; p.fd >= 0 {
			p.quota = max(p.quota, p.sent+1+p.rng.IntN(1<<10))
			p.send()
		}
	}
	w.stepNetwork(8 * w.places)
	s := w.sites[w.rng.IntN(len(w.sites))]
	for range w.rng.IntN(2 * maxTasks) {
		if !w.may(simTasks) || s.tasks.Len() >= w.cfg.MaxTasks {
			return
		}
		w.post(s, func() {})
	}
}

// stepPeers lets one of the peers do something, and the listener of the peers.
func (w *simWorld) stepPeers() {
	i := w.rng.IntN(w.places + 1 + simMaxWatches)
	if i > w.places {
		w.stepWatch(i - w.places - 1)
		return
	}
	if i == w.places {
		w.takeDialled()
		return
	}
	if w.o.links&(1<<i) == 0 {
		return
	}
	if l := w.links[i]; l == nil || l.finished() {
		if !w.calm && !w.ending {
			w.links[i] = w.newLink(i)
		}
		return
	}
	l := w.links[i]
	l.takeDoor()
	l.offer()
	l.maybeDrop()
	if l.conn.released != nil && l.conn.over {
		l.conn.useReleased(l.peer.rng)
	}
	l.peer.step()
	l.makeRoom()
}

// makeRoom lets a peer whose connection is over hear of that, whatever its nature: its
// place is for another one.
func (l *simLink) makeRoom() {
	p := &l.peer
	if !l.conn.made || !l.conn.over || l.conn.released != nil || p.fd < 0 || p.rng.IntN(8) > 0 {
		return
	}
	p.receive(64 << 10)
	if p.heard || p.failed != 0 {
		p.close()
	}
}

// turnSome takes one turn of a loop that has not ended, or of each.
func (w *simWorld) turnSome() {
	i := w.rng.IntN(len(w.sites) + 1)
	for k, s := range w.sites {
		if !s.over && w.failure == nil && (i == k || i == len(w.sites)) {
			w.turn(s)
		}
	}
}

// turn takes one turn of a loop, and ends the loop when it wants to.
func (w *simWorld) turn(s *simSite) {
	w.turns++
	block := w.may(simBlocks) && s.mayBlock() && w.rng.IntN(2) == 0
	if !block {
		// A bit that means nothing makes the wait a poll.
		s.control.Or(1 << 31)
	}
	w.began, w.called, w.panicked = w.now(), 0, w.panics
	s.sent = s.stats.BytesOut
	for _, x := range w.conns(s.Loop) {
		x.beforeTurn()
		x.held = x.c.is(noOffer)
	}
	if w.draining && !s.summoned {
		w.summon(s)
	}
	w.turning, w.doubtful, w.waited = s.Loop, false, false
	idle := block && !w.pollerReady(s.Loop)
	w.disturb()
	w.allowWaits()
	simTurn(s.Loop)
	for s.resumed && !s.stopping {
		simTurn(s.Loop) // a callback panicked: the turn goes on behind it
	}
	w.undisturb()
	if idle && !w.waited && !w.disturbed {
		w.fail("C10: nothing is ready or left to do, and the wait does not block")
	}
	w.checkTurn(s)
	if s.stopping {
		w.tearDown(s)
	}
}

// simTurn is one turn, as turns takes them.
func simTurn(l *Loop) {
	defer l.recovered()
	l.turn()
}

func (w *simWorld) tearDown(s *simSite) {
	w.tell("loop %d ends: %v", s.index, s.Loop.failure)
	if s.Loop.failure == nil && !w.ending {
		w.fail("C6: loop %d ends, and nobody asked it to", s.index)
	}
	for n := 0; !s.teardown(); n++ {
		if n > 10_000 {
			w.fail("C7: the end of loop %d comes to no end", s.index)
			break
		}
	}
	s.over = true
	s.exit()
	if w.over() {
		close(w.engine.ended)
	}
}
