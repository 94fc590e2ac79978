package loop

// Loop: what belongs to one, and how other goroutines reach it.

import (
	"fmt"
	"net"
	"os"
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
	moved   []*deadlines  // of connections with an idle timeout that bytes moved on in this turn

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
	asked    uint32 // slots before this one have been asked to finish
	told     bool   // every source was told of it
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
	controlLook                     // the last connection may have gone elsewhere: look whether to end
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
	l.settleTimers() // those set before Run, by a clock that may be old by now
	over := false
	defer func() {
		if over {
			l.exit()
			return
		}
		// A callback called runtime.Goexit (a test's FailNow does): this
		// goroutine cannot be saved, the loop can.
		defer func() { go l.run() }() // for the user's slog.Handler may do so as well
		l.blame("runtime.Goexit")
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
