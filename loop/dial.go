package loop

// Dial: connect, then poll, on the loop that will own the connection.
// Addresses are raced after RFC 8305 (Happy Eyeballs).

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/eddyline/eddyline/internal/wheel"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// queueRetry is how long a dial waits when the queue of a unix listener is full.
const queueRetry = 10 * time.Millisecond

// Dial is [Loop.Dial] on one of the engine's loops, each in turn.
func (e *Engine) Dial(ctx context.Context, cfg DialConfig, network, address string, p Protocol, done func(*Conn, error)) error {
	return e.pick().Dial(ctx, cfg, network, address, p, done)
}

// Dial connects to address ("host:port" with network "tcp", "tcp4" or "tcp6"; a
// path or "@name" with "unix") and makes the connection one of this loop. It
// does not wait, and may be called from any goroutine and from callbacks; names
// are looked up outside the loop.
//
// done, which may be nil, is called exactly once, on the loop's goroutine: with
// the connection after its OnOpen, even if that closed it, or with the reason why
// there is none. The
// addresses of a name are tried in the order of RFC 8305: families in turn, the
// next beside the last after AttemptDelay or at once when that one fails; the
// first to connect wins. The race begins when the look-up has found all of them,
// not at its first answer (section 3). The reason is then that of the last address, or
// os.ErrDeadlineExceeded at Timeout, the cause of ctx when that ends first, and
// net.ErrClosed when the engine ends.
//
// If Dial itself returns an error, nothing was begun and done is not called:
// os.ErrInvalid for bad input, ErrMaxConns, or net.ErrClosed.
func (l *Loop) Dial(ctx context.Context, cfg DialConfig, network, address string, p Protocol, done func(*Conn, error)) error {
	d := &dial{loop: l, ctx: ctx, cfg: cfg, network: network, address: address, protocol: p, done: done}
	if err := d.prepare(d.launch); err != nil {
		return d.wrap(err)
	}
	return nil
}

// dial is one Dial under way. Its loop's goroutine only.
type dial struct {
	loop             *Loop
	ctx              context.Context
	cfg              DialConfig
	network, address string
	protocol         Protocol
	done             func(*Conn, error)

	addrs     []stream.Addr // not tried yet
	attempts  []*attempt    // under way
	last      error         // why the last failed attempt did
	limit     wheel.Timer   // Timeout
	stagger   wheel.Timer   // AttemptDelay
	forget    func() bool   // detaches the dial from ctx
	endLookUp func()
	over      bool
}

// attempt is one address being connected to.
type attempt struct {
	dial   *dial
	stream *stream.Stream
	addr   stream.Addr
	slot   uint32
}

func (d *dial) wrap(err error) error {
	return fmt.Errorf("loop: dial %s %s: %w", d.network, d.address, err)
}

// prepare checks everything, and queues launch.
func (d *dial) prepare(launch func()) error {
	if d.loop.engine.ending() {
		return net.ErrClosed
	}
	if d.ctx == nil || d.protocol == nil {
		return fmt.Errorf("nil context or Protocol: %w", os.ErrInvalid)
	}
	if err := checkNetwork(d.network); err != nil {
		return err
	}
	if err := d.cfg.setDefaults(); err != nil {
		return err
	}
	if !d.loop.engine.reserve() {
		return ErrMaxConns
	}
	d.loop.conns.Add(1)
	if err := d.loop.force(funcTask(launch)); err != nil {
		d.release()
		return err
	}
	return nil
}

func (d *dial) release() {
	d.loop.conns.Add(-1)
	d.loop.engine.release()
}

func (d *dial) launch() {
	if d.begin() {
		d.lookUp()
	}
}

// begin starts the clocks, and tells whether the dial goes on.
func (d *dial) begin() bool {
	l := d.loop
	l.dials[d] = struct{}{}
	if l.draining {
		d.finish(nil, net.ErrClosed)
		return false
	}
	if err := context.Cause(d.ctx); err != nil {
		d.finish(nil, err)
		return false
	}
	d.limit.Expire, d.stagger.Expire = d.expire, d.try
	l.wheel.Set(&d.limit, later(l.engine.clock(), d.cfg.Timeout))
	d.forget = context.AfterFunc(d.ctx, func() {
		// A loop that has ended has finished its dials.
		_ = l.force(funcTask(func() { d.finish(nil, context.Cause(d.ctx)) }))
	})
	return true
}

// lookUp finds the addresses, outside the loop unless address is one.
func (d *dial) lookUp() {
	if d.literal() {
		d.resolved(stream.Resolve(d.ctx, d.network, d.address))
		return
	}
	ctx, cancel := context.WithCancel(d.ctx)
	d.endLookUp = cancel
	go func() {
		addrs, err := stream.Resolve(ctx, d.network, d.address)
		_ = d.loop.force(funcTask(func() { d.resolved(addrs, err) }))
	}()
}

// literal tells whether the address needs no look-up.
func (d *dial) literal() bool {
	if d.network == "unix" {
		return true
	}
	_, err := netip.ParseAddrPort(d.address)
	return err == nil
}

func (d *dial) resolved(addrs []stream.Addr, err error) {
	if d.over {
		return
	}
	if err != nil {
		if cause := context.Cause(d.ctx); cause != nil {
			err = cause // of which the look-up tells in words of its own
		}
		d.finish(nil, asInvalid(err))
		return
	}
	d.addrs = interleave(addrs)
	d.try()
}

// interleave brings the families of addrs into turn, keeping the order within
// each and beginning with the family that came first (RFC 8305, section 4).
func interleave(addrs []stream.Addr) []stream.Addr {
	if len(addrs) == 0 {
		return nil
	}
	first := addrs[0].AddrPort().Addr().Is4()
	var ours, others []stream.Addr
	for _, a := range addrs {
		if a.AddrPort().Addr().Is4() == first {
			ours = append(ours, a)
		} else {
			others = append(others, a)
		}
	}
	both := make([]stream.Addr, 0, len(addrs))
	for i := range max(len(ours), len(others)) {
		both = append(both, ours[min(i, len(ours)):min(i+1, len(ours))]...)
		both = append(both, others[min(i, len(others)):min(i+1, len(others))]...)
	}
	return both
}

// try starts the next attempt, and fails the dial when none is left.
func (d *dial) try() {
	d.loop.wheel.Stop(&d.stagger)
	for len(d.addrs) > 0 {
		err := d.start(d.addrs[0])
		if err == stream.ErrWouldBlock {
			// The queue of a unix listener is full, and no event tells when it is not.
			d.loop.wheel.Set(&d.stagger, later(d.loop.engine.clock(), queueRetry))
			return
		}
		d.addrs = d.addrs[1:]
		if err != nil {
			d.last = err
			continue
		}
		if len(d.addrs) > 0 {
			d.loop.wheel.Set(&d.stagger, later(d.loop.engine.clock(), d.cfg.AttemptDelay))
		}
		return
	}
	if len(d.attempts) == 0 {
		d.finish(nil, d.last)
	}
}

// start begins to connect. The registration is the connection's final one: an
// attempt that wins leaves its slot to the Conn.
func (d *dial) start(addr stream.Addr) error {
	s, err := stream.StartFrom(d.cfg.LocalAddr, addr)
	if err != nil {
		return err
	}
	a := &attempt{dial: d, stream: s, addr: addr}
	a.slot = d.loop.slots.add(a)
	if err := d.loop.poller.Add(s.FD(), connInterest, d.loop.slots.token(a.slot)); err != nil {
		a.drop()
		return err
	}
	d.attempts = append(d.attempts, a)
	return nil
}

func (a *attempt) drop() {
	a.dial.loop.slots.remove(a.slot)
	_ = a.stream.Close()
}

// ready is the poller's word that the connect has ended, well or not.
func (a *attempt) ready(r poller.Ready) {
	d := a.dial
	err := a.stream.FinishConnect()
	if err == stream.ErrWouldBlock {
		return
	}
	i := slices.Index(d.attempts, a)
	d.attempts = slices.Delete(d.attempts, i, i+1)
	if err == nil {
		err = d.win(a, r)
	}
	if err != nil {
		d.last = err
		a.drop()
		d.try()
	}
}

// win turns the attempt into the connection.
func (d *dial) win(a *attempt, r poller.Ready) error {
	if a.addr.Network() == "tcp" && !d.cfg.KeepDelay {
		if err := a.stream.SetNoDelay(true); err != nil {
			return err
		}
	}
	peer, err := a.stream.PeerAddr()
	if err != nil {
		return err
	}
	fd, err := a.stream.Detach()
	if err != nil {
		return err
	}
	l := d.loop
	c := makeConn(l, fd, peer)
	c.slot = a.slot
	l.slots.replace(a.slot, c)
	l.stats.Dialed++
	d.finish(c, nil)
	// The event may have announced input as well, and it comes only once.
	if !c.is(closed) {
		c.ready(r)
	}
	return nil
}

// expire is the end of the Timeout.
func (d *dial) expire() { d.finish(nil, os.ErrDeadlineExceeded) }

// finish is the one outcome of the dial: c, or why there is none.
func (d *dial) finish(c *Conn, err error) {
	if d.over {
		return
	}
	d.over = true
	l := d.loop
	delete(l.dials, d)
	l.wheel.Stop(&d.limit)
	l.wheel.Stop(&d.stagger)
	if d.forget != nil {
		d.forget()
	}
	if d.endLookUp != nil {
		d.endLookUp()
	}
	for _, a := range d.attempts {
		a.drop()
	}
	d.attempts = nil
	if err != nil {
		l.stats.DialErrors++
		d.release()
		d.report(nil, d.wrap(err))
		return
	}
	d.hand(c)
}

// hand opens the connection and reports it. done must hear of an OnOpen that
// panics too: it has one call coming.
func (d *dial) hand(c *Conn) {
	opened := false
	defer func() {
		if !opened {
			d.report(nil, d.wrap(ErrPanic))
		}
	}()
	c.open(d.protocol)
	opened = true
	if c.handler == nil {
		d.report(nil, d.wrap(ErrRefused))
		return
	}
	c.begin()
	d.report(c, nil)
	c.end()
}

func (d *dial) report(c *Conn, err error) {
	if d.done != nil {
		d.done(c, err)
	}
}
