package loop

// One loop: the turn, and what a turn works through.

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/internal/block"
	"github.com/eddyline/eddyline/internal/mailbox"
	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/internal/wheel"
	"github.com/eddyline/eddyline/poller"
)

const (
	// maxEvents is how many events one wait takes. With more, what the kernel touched
	// to report the last of them has left the caches when their turn comes.
	maxEvents  = 128
	maxTasks   = 256 // tasks of one turn: a task that re-posts itself must not keep the loop from polling
	corkSize   = 64 << 10
	directSize = 8 << 10 // a write from here on is sent at once: the copy would cost more than the call
	// sendBudget bounds what one callback sends by itself: a peer that reads as
	// fast as its handler writes must not keep the loop.
	sendBudget    = 256 << 10
	maxReadBuffer = sys.MaxTransfer
	// markGroup is how many connections are marked ready before the first of them is
	// worked: with very many, each one's memory has left the caches since its last
	// event, and so the processor fetches a group's in parallel.
	markGroup = 16
	busyTurns = 16 // a loop that never blocks yields to other goroutines every so many turns
)

// Loop is one event loop of an [Engine]: a goroutine, a poller, and the
// connections that live on it. Its methods belong to that goroutine, unless they
// say "any goroutine": call them from callbacks, or from a function given to
// Post.
type Loop struct {
	engine *Engine
	index  int
	poller *poller.Poller

	// The turn under way. The cursors let a turn go on behind a callback that
	// panicked.
	events  []poller.Event
	event   int // the next of events to deliver
	arrived int // how many of events this turn has
	batch   []task
	next    int   // the next of batch to run
	now     int64 // when the clock was last read
	base    int64 // now plus clockSlack; untimed when the clock was not read in this turn
	busy    int   // turns since the loop last blocked or yielded
	hot     bool  // the last wait found several events: the next one is likely to find some
	resumed bool  // a panic cut the turn short: go on with it before waiting
	took    bool  // this turn has its batch of tasks

	slots   slotTable
	buf     []byte        // what is received goes here first
	cork    []byte        // what the callback under way has written
	vec     [][]byte      // scratch for vectored sends
	current *Conn         // whose callback is under way
	spent   int           // of sendBudget, by the callback under way
	input   []byte        // what OnData is being offered
	culprit *Registration // whose callback is under way
	backlog worklist      // connections with input left over
	dirty   worklist      // connections with output to flush or a close to finish
	closed  worklist      // connections to be taken down

	wheel   *wheel.Wheel
	noted   notes
	blocks  *block.Pool
	queues  []*queues // idle ones, for the next connection that needs some
	tasks   *mailbox.Mailbox[task]
	starved []*listener // disarmed listeners of this loop
	dials   map[*dial]struct{}

	conns    atomic.Int64  // connections assigned to this loop
	control  atomic.Uint32 // what the engine asks for, see the bits
	draining bool
	told     bool // every source was told of it
	stopping bool
	stats    counters
	exited   chan struct{}
	failure  error // why the loop ended, if nobody asked it to
}

// The bits of Loop.control.
const (
	controlStop  uint32 = 1 << iota // end now
	controlDrain                    // begin to drain
	controlRearm                    // a descriptor or a place was freed: listeners may try again
)

// A task is what other goroutines ask a loop to do.
type task interface{ run(l *Loop) }

type funcTask func()

func (f funcTask) run(*Loop) { f() }

func newLoop(e *Engine, index int) (*Loop, error) {
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	return &Loop{
		engine: e,
		index:  index,
		poller: p,
		events: make([]poller.Event, maxEvents),
		buf:    make([]byte, min(e.cfg.ReadBuffer, e.cfg.MaxInbound)),
		cork:   make([]byte, 0, corkSize),
		vec:    make([][]byte, 0, sys.MaxVec),
		wheel:  wheel.New(e.clock()),
		blocks: block.NewPool(e.cfg.MaxIdleBlocks),
		tasks:  mailbox.New[task](e.cfg.MaxTasks, e.cfg.MaxTaskBytes),
		dials:  make(map[*dial]struct{}),
		exited: make(chan struct{}),
		base:   untimed,
	}, nil
}

// Engine returns the engine that the loop belongs to. Any goroutine.
func (l *Loop) Engine() *Engine { return l.engine }

// Index returns the loop's number in its engine, from 0. Any goroutine.
func (l *Loop) Index() int { return l.index }

// Now returns the time of the turn under way, which costs no reading of the clock
// in most turns' callbacks; it may be as old as the turn. It has a monotonic
// reading.
func (l *Loop) Now() time.Time { return l.engine.start.Add(time.Duration(l.clock())) }

// Post queues f to run on the loop's goroutine, in the order of the calls. Any
// goroutine. A nil error promises that f runs, even when the engine is closed
// meanwhile. It returns ErrBackpressure when MaxTasks are queued, net.ErrClosed
// when the loop has ended, and os.ErrInvalid for a nil f.
func (l *Loop) Post(f func()) error {
	if f == nil {
		return fmt.Errorf("loop: post: nil function: %w", os.ErrInvalid)
	}
	return l.post(funcTask(f), 0)
}

func (l *Loop) post(t task, size int) error {
	wake, err := l.tasks.Push(t, size)
	if wake {
		l.wake()
	}
	switch err {
	case nil:
		return nil
	case mailbox.ErrFull:
		return ErrBackpressure
	default:
		return net.ErrClosed
	}
}

// force is post for the engine's own tasks, whose number something else
// bounds; it fails only when the loop has ended.
func (l *Loop) force(t task) error {
	wake, err := l.tasks.Force(t)
	if wake {
		l.wake()
	}
	if err != nil {
		return net.ErrClosed
	}
	return nil
}

// ask sets control bits and makes sure that the loop sees them soon.
func (l *Loop) ask(bits uint32) {
	l.control.Or(bits)
	l.wake()
}

func (l *Loop) wake() {
	// The only error is that the poller is closed: then there is nobody to wake.
	_ = l.poller.Wake()
}

// run is the loop's goroutine.
func (l *Loop) run() {
	over := false
	defer func() {
		if over {
			l.exit()
			return
		}
		// A callback called runtime.Goexit (a test's FailNow does): this
		// goroutine cannot be saved, the loop can.
		l.blame("runtime.Goexit")
		go l.run()
	}()
	for !l.turns() {
	}
	for !l.teardown() {
	}
	over = true
}

// exit tells the engine that the loop has ended.
func (l *Loop) exit() {
	if l.failure != nil {
		// Half an engine would serve half its connections.
		_ = l.engine.Close()
	}
	close(l.exited)
}

// turns runs turns until the loop shall end, or until a callback panics: then
// it returns false and is called again to finish the turn.
func (l *Loop) turns() (over bool) {
	defer l.recovered()
	for !l.stopping {
		l.turn()
	}
	return true
}

func (l *Loop) turn() {
	l.wait()
	l.deliver()
	l.resumeBacklog()
	l.runTasks()
	l.runTimers()
	l.endTurn()
}

func (l *Loop) recovered() {
	if v := recover(); v != nil {
		l.blame(v)
	}
}

// blame ends what the callback that panicked belongs to.
func (l *Loop) blame(v any) {
	err := &PanicError{Value: v, Stack: debug.Stack()}
	l.stats.Panics++
	c, r := l.current, l.culprit
	l.current, l.culprit, l.input = nil, nil, nil
	l.resumed = true
	l.cork = l.cork[:0]
	if l.draining && !l.told {
		// The panic has cut the telling short; who was told is not told again.
		l.control.Or(controlDrain)
	}
	switch {
	case c != nil:
		c.reset(err)
	case r != nil:
		r.stop(err)
	}
	l.engine.log.panicked(err)
}

// wait fills events, blocking only if nothing is left to do. It does nothing
// when a panic cut the turn short, whose rest comes first.
func (l *Loop) wait() {
	if l.resumed {
		l.resumed = false
		return
	}
	l.took = false
	l.event, l.arrived = 0, 0
	n, err := l.poll()
	l.forgetClock()
	if err != nil {
		l.failure = err
		l.stopping = true
		return
	}
	l.stats.Turns++
	l.arrived = n
	l.hot = n > 1
	if l.control.Load() != 0 {
		l.obey()
	}
}

func (l *Loop) poll() (int, error) {
	if l.hasWork() {
		l.yield()
		return l.poller.Wait(l.events, 0)
	}
	if l.hot || l.engine.cfg.Spin > 0 {
		if n, err := l.pollBusy(); n != 0 || err != nil {
			return n, err
		}
	}
	// Nothing is ready: whoever else is runnable on this processor goes first,
	// since the scheduler notices only later that a thread has blocked.
	l.busy = 0
	runtime.Gosched()
	timeout := l.untilTimer()
	// A wake that came with a control bit may have ended a poll just now, which
	// found no event: look at both before blocking.
	if !l.tasks.Sleep() || l.control.Load() != 0 {
		timeout = 0
	}
	n, err := l.poller.Wait(l.events, timeout)
	l.tasks.Awake()
	return n, err
}

// pollBusy polls without blocking: once, or for as long as Spin says.
func (l *Loop) pollBusy() (int, error) {
	l.yield()
	n, err := l.poller.Wait(l.events, 0)
	if n != 0 || err != nil || l.engine.cfg.Spin == 0 {
		return n, err
	}
	for end := l.engine.clock() + int64(l.engine.cfg.Spin); l.engine.clock() < end; {
		runtime.Gosched()
		n, err = l.poller.Wait(l.events, 0)
		if n != 0 || err != nil || !l.tasks.Empty() || l.control.Load() != 0 || l.untilTimer() == 0 {
			break
		}
	}
	return n, err
}

// yield lets other goroutines run every few turns of a loop that does not block.
func (l *Loop) yield() {
	if l.busy++; l.busy >= busyTurns {
		l.busy = 0
		runtime.Gosched()
	}
}

// hasWork tells whether the next wait must not block.
func (l *Loop) hasWork() bool {
	return !l.backlog.empty() || !l.dirty.empty() || !l.tasks.Empty() || l.control.Load() != 0
}

// untilTimer returns how long the loop may block: negative for ever.
func (l *Loop) untilTimer() time.Duration {
	when, ok := l.wheel.Next()
	if !ok {
		return -1
	}
	return time.Duration(max(0, when-l.engine.clock()))
}

// obey takes what the engine asked for.
func (l *Loop) obey() {
	bits := l.control.Swap(0)
	if bits&controlStop != 0 {
		l.stopping = true
	}
	if bits&controlDrain != 0 {
		l.drain()
	}
	if bits&controlRearm != 0 {
		l.rearm()
	}
}

// deliver brings the events to those they are for, a group at a time.
func (l *Loop) deliver() {
	for l.event < l.arrived {
		group := l.events[l.event:min(l.event+markGroup, l.arrived)]
		var conns [markGroup]*Conn
		l.mark(group, &conns)
		for i := range group {
			l.event++
			if c := conns[i]; c == nil {
				l.deliverOther(group[i])
			} else if c.is(readReady) {
				c.work()
			}
		}
	}
}

// mark tells the connections among the events what they are ready for.
func (l *Loop) mark(events []poller.Event, conns *[markGroup]*Conn) {
	for i, ev := range events {
		if c, ok := l.slots.get(ev.Token).(*Conn); ok {
			c.mark(ev.Ready)
			conns[i] = c
		}
	}
}

// deliverOther brings an event to what is no connection, or was none when its group
// was marked.
func (l *Loop) deliverOther(ev poller.Event) {
	if s := l.slots.get(ev.Token); s != nil {
		s.ready(ev.Ready)
	}
}

// resumeBacklog gives every connection that has work left over one more go;
// what is left after that waits for the next turn, behind the events.
func (l *Loop) resumeBacklog() {
	l.backlog.begin()
	for c := l.backlog.next(); c != nil; c = l.backlog.next() {
		c.flags &^= inBacklog
		c.work()
	}
}

func (l *Loop) runTasks() {
	if l.next == len(l.batch) {
		// A task that panics resumes the turn: it must not get another batch.
		if l.took || l.tasks.Empty() {
			return
		}
		l.took = true
		l.batch, l.next = l.tasks.Take(l.batch[:0], maxTasks), 0
	}
	for l.next < len(l.batch) {
		t := l.batch[l.next]
		l.batch[l.next] = nil
		l.next++
		l.stats.Tasks++
		t.run(l)
	}
}

func (l *Loop) runTimers() {
	if l.wheel.Len() == 0 {
		return
	}
	l.wheel.Collect(l.clock())
	for t := l.wheel.Pop(); t != nil; t = l.wheel.Pop() {
		l.stats.Timers++
		t.Expire()
	}
}

// endTurn flushes what was written for others, then takes down what was
// closed. A connection that its own OnDrain makes dirty again waits for the
// next turn.
func (l *Loop) endTurn() {
	l.dirty.begin()
	for c := l.dirty.next(); c != nil; c = l.dirty.next() {
		c.flags &^= inDirty
		c.settle()
	}
	l.takeDown()
	l.settleTimers()
	l.stats.publish(l)
	if l.draining && l.conns.Load() == 0 {
		l.stopping = true
	}
}

// takeDown finishes the connections that were closed in this turn, those
// included that an OnClose closes. Their descriptors are closed only here, so no
// number comes back within a batch.
func (l *Loop) takeDown() {
	for {
		l.closed.begin()
		c := l.closed.next()
		if c == nil {
			return
		}
		c.takeDown()
	}
}

// drain begins the orderly end: no new connections, and every connection is
// asked to finish.
func (l *Loop) drain() {
	l.draining = true
	for d := range l.dials {
		d.finish(nil, net.ErrClosed)
	}
	l.slots.all(func(s source) {
		if d, ok := s.(drainer); ok {
			d.drain()
		}
	})
	l.told = true
}

// A drainer is a source with something to do when the engine shuts down.
type drainer interface{ drain() }

// A stopper is a source that must be ended with its loop.
type stopper interface{ stop(err error) }

// teardown ends everything that lives on the loop. Like turns it returns false
// when a callback panicked, and is called again to go on. Tasks that were
// accepted still run; later ones are refused, so that it comes to an end.
func (l *Loop) teardown() (over bool) {
	defer l.recovered()
	l.stopping, l.draining = true, true
	cause := l.failure
	if cause == nil {
		cause = net.ErrClosed
	}
	l.batch = append(l.batch, l.tasks.Close()...)
	for l.next < len(l.batch) || len(l.dials) > 0 || l.slots.used > 0 {
		l.runTasks()
		for d := range l.dials {
			d.finish(nil, cause)
		}
		l.slots.all(func(s source) {
			if s, ok := s.(stopper); ok {
				s.stop(cause)
			}
		})
		l.endTurn()
	}
	l.stats.publish(l)
	// Closing a poller fails only when it is closed already.
	_ = l.poller.Close()
	return true
}
