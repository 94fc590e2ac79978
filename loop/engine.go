package loop

// Engine: the loops together, how they start and how they end.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// Engine runs connections on its loops; [New] makes one. Its methods may be called
// from any goroutine, callbacks included; Run and Shutdown aside, which wait for the
// loops.
type Engine struct {
	cfg   Config
	log   *logger
	start time.Time
	loops []*Loop

	conns    atomic.Int64  // connections and dials, bounded by MaxConns
	starving atomic.Int32  // listeners that are disarmed
	turn     atomic.Uint32 // the round robin of Dial, Adopt and listeners

	mu       sync.Mutex
	running  bool // the loops' goroutines were started
	ran      bool // Run was called
	stopping bool
	draining bool
	ended    chan struct{} // closed when every loop has ended
}

// New makes an engine; Run starts it. An engine that is not run must be closed
// all the same: its pollers exist from here on. The error is os.ErrInvalid for
// a bad cfg, or the kernel's.
func New(cfg Config) (*Engine, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg:   cfg,
		log:   newLogger(cfg.Logger),
		start: sys.Now(),
		ended: make(chan struct{}),
	}
	for i := range cfg.Loops {
		l, err := newLoop(e, i)
		if err != nil {
			_ = e.Close()
			return nil, fmt.Errorf("loop: new engine: %w", err)
		}
		e.loops = append(e.loops, l)
	}
	return e, nil
}

// clock returns the time since the engine was made, in nanoseconds: monotonic,
// and never 0, which stands for "no time" elsewhere.
func (e *Engine) clock() int64 { return int64(sys.Since(e.start)) + 1 }

// Loops returns the engine's loops, for work that must be spread by hand.
func (e *Engine) Loops() []*Loop { return append([]*Loop(nil), e.loops...) }

// Run runs the loops until Shutdown, Close or the end of ctx, which is Close,
// and returns when the last OnClose has returned. The error is nil after such a
// requested stop, and otherwise says which system call a loop could not live
// without. A second Run returns net.ErrClosed.
func (e *Engine) Run(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("loop: run: nil context: %w", os.ErrInvalid)
	}
	e.mu.Lock()
	if e.ran || e.stopping {
		e.mu.Unlock()
		return fmt.Errorf("loop: run: %w", net.ErrClosed)
	}
	e.ran = true
	e.launch()
	e.mu.Unlock()
	defer context.AfterFunc(ctx, func() { _ = e.Close() })()
	<-e.ended
	return e.failure()
}

// launch starts the loops' goroutines, once. e.mu is held.
func (e *Engine) launch() {
	if e.running {
		return
	}
	e.running = true
	for _, l := range e.loops {
		go l.run()
	}
	go func() {
		for _, l := range e.loops {
			<-l.exited
		}
		close(e.ended)
	}()
}

func (e *Engine) failure() error {
	var errs []error
	for _, l := range e.loops {
		if l.failure != nil {
			errs = append(errs, fmt.Errorf("loop %d: %w", l.index, l.failure))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) askAll(bits uint32) {
	for _, l := range e.loops {
		l.ask(bits)
	}
}

// Shutdown ends the engine in order: listeners close, every connection is
// asked to finish (OnShutdown, or Close for handlers without), and Run returns
// when all have. If ctx ends first, the rest is ended as by Close and the
// error is ctx's; a callback that is running then is waited for all the same.
// Shutdown must not be called from a callback, which would wait for itself; use a
// goroutine.
func (e *Engine) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("loop: shutdown: nil context: %w", os.ErrInvalid)
	}
	e.mu.Lock()
	if !e.draining {
		e.draining = true
		e.askAll(controlDrain)
		e.launch()
	}
	e.mu.Unlock()
	select {
	case <-e.ended:
		return nil
	case <-ctx.Done():
		_ = e.Close()
		<-e.ended
		return ctx.Err()
	}
}

// Close ends the engine now: every connection is closed with net.ErrClosed,
// unsent output being lost. It does not wait; Run returns when the last OnClose
// has. Where the engine was not running yet, Close waits itself. Later calls do
// nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.stopping = true
	wait := !e.running
	e.askAll(controlStop)
	e.launch()
	e.mu.Unlock()
	if wait {
		<-e.ended
	}
	return nil
}

// pick chooses a loop for a connection that nobody assigned.
func (e *Engine) pick() *Loop { return roundRobin(&e.turn, e.loops) }

func roundRobin(turn *atomic.Uint32, loops []*Loop) *Loop {
	return loops[(turn.Add(1)-1)%uint32(len(loops))]
}

// leastLoaded returns the loop with the fewest connections.
func (e *Engine) leastLoaded() *Loop {
	best := e.loops[0]
	for _, l := range e.loops[1:] {
		if l.conns.Load() < best.conns.Load() {
			best = l
		}
	}
	return best
}

// reserve takes a place under MaxConns and tells whether there was one.
func (e *Engine) reserve() bool {
	if e.conns.Add(1) <= int64(e.cfg.MaxConns) {
		return true
	}
	e.unreserve()
	return false
}

// unreserve gives a place back that no connection has had. A listener may have begun to
// wait for it meanwhile.
func (e *Engine) unreserve() {
	if e.conns.Add(-1) < int64(e.cfg.MaxConns) && e.starving.Load() > 0 {
		e.askAll(controlRearm)
	}
}

// release gives a place back. A descriptor was probably freed as well, so
// listeners that wait for either may try again.
func (e *Engine) release() {
	e.conns.Add(-1)
	if e.starving.Load() > 0 {
		e.askAll(controlRearm)
	}
}

// An arrival is a new connection on its way to its loop.
type arrival struct {
	c       *Conn
	p       Protocol
	adopted bool
}

func (a *arrival) run(l *Loop) {
	if a.adopted {
		l.stats.Adopted++
	}
	l.admit(a.c, a.p)
}

// newConn makes the connection of fd for loop l; a place was reserved.
func newConn(l *Loop, fd int, peer stream.Addr) *Conn {
	l.conns.Add(1)
	return makeConn(l, fd, peer)
}

// makeConn is newConn for a dial, which counts from its beginning.
func makeConn(l *Loop, fd int, peer stream.Addr) *Conn {
	c := &Conn{loop: l, fd: int32(fd), peer: peer, flags: initialFlags}
	if peer.IsUnix() {
		// A receive stops behind a message that carried descriptors (unix(7)).
		c.flags |= distrust
	}
	return c
}

// abandon gives up a connection that was never registered, with a reset: a FIN
// would look like an answer of no bytes.
func (c *Conn) abandon() {
	_ = sys.SetLinger(int(c.fd), true, 0)
	_ = sys.Close(int(c.fd))
	c.flags |= closed
	c.gone.Store(true)
	c.loop.conns.Add(-1)
	c.loop.engine.release()
}

// admit registers a connection with its loop and opens it.
func (l *Loop) admit(c *Conn, p Protocol) {
	if l.draining {
		l.stats.Closed++
		c.abandon()
		return
	}
	if err := l.enroll(c); err != nil {
		l.stats.AcceptErrors++
		l.stats.Closed++
		c.abandon()
		l.engine.log.warn("register", "loop: cannot register a connection", "peer", c.peer, "error", err)
		return
	}
	c.open(p)
}

// enroll gives c a slot and registers it: once, for everything, edge-triggered,
// and never modified again.
func (l *Loop) enroll(c *Conn) error {
	c.slot = l.slots.add(c)
	if err := l.poller.Add(int(c.fd), connInterest, l.slots.token(c.slot)); err != nil {
		l.slots.remove(c.slot)
		return err
	}
	return nil
}
