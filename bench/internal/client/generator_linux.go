package client

// The generator: its loop, and what is asked of it from outside the loop.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

const (
	burst    = 256              // connections being opened at one time; below every backlog
	sources  = 250              // addresses of 127.0.0.0/8 to connect from: one has only some 28,000 ports
	patience = 10 * time.Second // for something to happen where something must
	spin     = time.Millisecond // how long a loop polls before it sleeps: a load pauses for less, its end does not
)

// A driver is what a mode does. Its methods run on the loop.
type driver interface {
	// open is called when the idle connections are open, and calls
	// generator.complete when its own are.
	open()
	begin()
	// finish is called when sending has become false, and calls
	// generator.complete when nothing is outstanding.
	finish()
	// measured adds the mode's own figures to a window that ends.
	measured(w *window)
	// stuck says what is waited for, nil if nothing is.
	stuck() error
	// reset ends the mode's connections.
	reset()
}

// A settler is a driver whose load takes its time to become what is measured.
type settler interface {
	// settle has then called when that is so.
	settle(then func())
}

// generator drives its connections on one loop. Its fields belong to the loop's
// goroutine, unless they say otherwise.
type generator struct {
	spec     Spec
	exchange *exchange
	opening  *exchange
	server   netip.AddrPort
	engine   *loop.Engine
	loop     *loop.Loop
	start    time.Time
	patience time.Duration
	overtime time.Duration // how long after a window's end its replies are awaited
	driver   driver
	idle     []*conn

	sending bool
	ending  bool
	dialled int           // connections so far, which gives each its number
	busy    int           // connections with something outstanding
	rest    func()        // called when busy becomes 0
	done    chan struct{} // of the request under way
	mark    mark          // of the window under way
	load    load          // under way, or the latest
	replies uint64        // to all that was due

	each *hdrhistogram.Histogram // latencies of requests
	all  *hdrhistogram.Histogram // in mode Fanout, until all had a message

	failure error         // any goroutine, once failed is closed
	failed  chan struct{} // any goroutine
	ran     chan error    // any goroutine
}

// load is what is known of a load besides the window under way.
type load struct {
	began         int64
	sent, replies uint64 // bytes sent and replies by then
}

func newGenerator(spec Spec) (*generator, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	spec.Pipeline = max(spec.Pipeline, 1)
	g := &generator{
		spec:     spec,
		server:   netip.MustParseAddrPort(spec.Addr),
		start:    time.Now(),
		patience: patience,
		overtime: overtime,
		each:     newHistogram(),
		all:      newHistogram(),
		failed:   make(chan struct{}),
		ran:      make(chan error, 1),
	}
	if spec.Request.echo() {
		g.exchange = newEcho(spec.Size)
	} else {
		g.exchange = newFixed(spec.Request.Exchange)
	}
	g.opening = g.exchange
	if o := spec.Request.Opening; o != nil {
		g.opening = newFixed(*o)
	}
	var err error
	if g.engine, err = loop.New(g.config()); err != nil {
		return nil, err
	}
	g.loop = g.engine.Loops()[0]
	g.driver = newDriver(g)
	go func() { g.ran <- g.engine.Run(context.Background()) }()
	return g, nil
}

// config gives the loop marks that suit the mode.
func (g *generator) config() loop.Config {
	cfg := loop.Config{Loops: 1, MaxPending: max(loop.DefaultMaxPending, 2*maxStep+g.exchange.outSize)}
	if g.spec.Spin {
		// A generator that sleeps is woken by the server's sends, in the server's time,
		// and the faster of two servers would be spared that by keeping it busy.
		cfg.Spin = spin
	}
	if g.spec.Mode == Bulk {
		// Any output that waits is told of when it has gone.
		cfg.HighMark = 1
		return cfg
	}
	// Replies must be read whatever waits to be sent: a server that stops reading
	// until its replies are taken would otherwise be waited for, and wait.
	cfg.HighMark = cfg.MaxPending
	return cfg
}

func newDriver(g *generator) driver {
	switch g.spec.Mode {
	case Open:
		return &openLoop{closedLoop: closedLoop{g: g}}
	case Churn:
		return &churn{g: g}
	case Fanout:
		return &fanout{g: g}
	case Bulk:
		return &bulk{g: g}
	case Slow:
		return &slow{closedLoop: closedLoop{g: g}}
	case Datagrams:
		return &datagrams{g: g}
	default:
		return &closedLoop{g: g}
	}
}

// now is the generator's clock, nanoseconds.
func (g *generator) now() int64 { return int64(time.Since(g.start)) }

// The requests. Each posts its work to the loop and waits for it.

func (g *generator) open() error {
	return g.request(true, func() {
		openConns(g, g.spec.IdleConns, &g.idle, g.driver.open)
	})
}

func (g *generator) begin() error {
	return g.request(false, func() {
		g.load = load{began: g.now(), sent: g.engine.Stats().BytesOut, replies: g.replies}
		g.sending = true
		g.driver.begin()
		if d, ok := g.driver.(settler); ok {
			d.settle(g.complete)
			return
		}
		g.complete()
	})
}

func (g *generator) finish() (Total, error) {
	err := g.request(true, func() {
		g.sending = false
		g.driver.finish()
	})
	if err != nil {
		return Total{}, err
	}
	var t Total
	err = g.request(false, func() {
		t = g.total()
		g.complete()
	})
	return t, err
}

// answered counts n replies to what was due at the moment at.
func (g *generator) answered(at, now int64, n int) {
	g.replies += uint64(n)
	record(g.each, now-at, n)
}

// total is what has come of the load.
func (g *generator) total() Total {
	t := Total{
		Seconds:  time.Duration(g.now() - g.load.began).Seconds(),
		Requests: g.replies - g.load.replies,
	}
	t.Bytes = t.Requests * uint64(g.exchange.inSize)
	if g.spec.Mode == Bulk {
		t.Bytes = g.engine.Stats().BytesOut - g.load.sent
		t.Requests = t.Bytes / uint64(g.spec.Size)
	}
	return t
}

// request lets start run on the loop and waits until it, or what follows from
// it, calls complete. Where things must go on, their standing still is an error.
func (g *generator) request(watched bool, start func()) error {
	done := make(chan struct{})
	err := g.loop.Post(func() {
		g.done = done
		if watched {
			g.watch()
		}
		start()
	})
	if err != nil {
		return cmp.Or(g.err(), err)
	}
	select {
	case <-done:
		return nil
	case <-g.failed:
	}
	select {
	case <-done: // before it failed
		return nil
	default:
		return g.err()
	}
}

// err returns what the generator has failed with, if it has. Any goroutine.
func (g *generator) err() error {
	select {
	case <-g.failed:
		return g.failure
	default:
		return nil
	}
}

// complete ends the request under way, if there is one.
func (g *generator) complete() {
	if g.done != nil {
		close(g.done)
		g.done = nil
	}
}

// watch fails the request under way when nothing moves for the patience.
func (g *generator) watch() {
	done, before := g.done, g.progress()
	g.loop.AfterFunc(g.patience, func() {
		switch {
		case g.done != done:
		case g.progress() != before:
			g.watch()
		default:
			err := cmp.Or(stuckConn(g.idle), g.driver.stuck(), errors.New("nobody waits for anything"))
			g.fail(fmt.Errorf("nothing happened for %v: %w", g.patience, err))
		}
	})
}

// progress changes when the server does anything.
func (g *generator) progress() uint64 {
	s := g.engine.Stats()
	n := s.Dialed + s.Closed + s.BytesIn
	switch d := g.driver.(type) {
	case *bulk:
		n += s.BytesOut
	case *datagrams:
		n += d.received.Load()
	}
	return n
}

// fail ends the generator because of err, unless it has failed before.
func (g *generator) fail(err error) {
	if g.failure != nil || g.ending {
		return
	}
	g.failure = fmt.Errorf("load of %s: %w", g.server, err)
	close(g.failed)
	_ = g.engine.Close() // Run tells
}

// close resets all connections and ends the loop.
func (g *generator) close() error {
	err := g.loop.Post(func() {
		g.ending = true
		g.driver.reset()
		abort(g.idle)
		_ = g.engine.Close() // Run tells
	})
	if err != nil {
		_ = g.engine.Close()
	}
	return <-g.ran
}

// raise counts a connection that has something outstanding now, and lower one
// that has no more.

func (g *generator) raise() { g.busy++ }

func (g *generator) lower() {
	g.busy--
	if g.busy == 0 && g.rest != nil {
		rest := g.rest
		g.rest = nil
		rest()
	}
}

// whenIdle calls f when nothing is outstanding.
func (g *generator) whenIdle(f func()) {
	if g.busy == 0 {
		f()
		return
	}
	g.rest = f
}

// number returns the number of the next connection.
func (g *generator) number() int {
	g.dialled++
	return g.dialled - 1
}

// inBursts calls begin n times, with no more than burst of what it begins under
// way; begin gets a function that it must have called at the end. When all n have
// ended it calls then.
func inBursts(n int, begin func(ended func()), then func()) {
	if n == 0 {
		then()
		return
	}
	begun, over := 0, 0
	var next func()
	ended := func() {
		if over++; over == n {
			then()
			return
		}
		next()
	}
	next = func() {
		for begun < min(n, over+burst) {
			begun++
			begin(ended)
		}
	}
	next()
}

// dial makes connection number index, which h handles; up, which may be nil, is
// called when it is there.
func (g *generator) dial(index int, p loop.Protocol, up func(*loop.Conn)) {
	err := g.loop.Dial(context.Background(), g.dialConfig(index), "tcp", g.spec.Addr, p, func(c *loop.Conn, err error) {
		if err != nil {
			g.fail(fmt.Errorf("%s: %w", name(index), err))
			return
		}
		if up != nil {
			up(c)
		}
	})
	if err != nil {
		g.fail(fmt.Errorf("%s: %w", name(index), err))
	}
}

func (g *generator) dialConfig(index int) loop.DialConfig {
	// One short write at a time needs no option against Nagle's algorithm.
	cfg := loop.DialConfig{KeepDelay: g.spec.Mode == Churn && g.exchange.outSize <= 1024}
	if source, ok := g.source(index); ok {
		cfg.LocalAddr = stream.AddrFrom(netip.AddrPortFrom(source, 0))
	}
	return cfg
}

// source returns the address to connect from, if the choice is not the kernel's.
func (g *generator) source(index int) (netip.Addr, bool) {
	if a := g.server.Addr(); !a.Is4() || !a.IsLoopback() {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + index%sources)}), true
}

// domain and sockaddr are what the kernel wants to know of the server.

func (g *generator) domain() int {
	if g.server.Addr().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func (g *generator) sockaddr() unix.Sockaddr {
	a, port := g.server.Addr(), int(g.server.Port())
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: port}
	}
	return &unix.SockaddrInet6{Addr: a.As16(), Port: port}
}

// lost is the error of a connection that has ended while it should not.
func lost(index int, offset uint64, err error) error {
	if err == nil || errors.Is(err, net.ErrClosed) {
		err = errors.New("the server closed it")
	}
	return fmt.Errorf("%s, after %d bytes of replies: %w", name(index), offset, err)
}
