package loop

// Listeners: accepting connections and spreading them over the loops.

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/internal/wheel"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

const (
	// acceptBatch bounds the connections that one listener takes in a turn; it
	// is level-triggered, so the rest comes with the next.
	acceptBatch = 64

	minBackoff = 5 * time.Millisecond
	maxBackoff = time.Second
)

// Listener is one call of [Engine.Listen]. Any goroutine.
type Listener struct {
	engine   *Engine
	addr     stream.Addr
	balance  Balance
	protocol Protocol
	seed     maphash.Seed
	turn     atomic.Uint32
	closed   atomic.Bool
	sockets  []*listener
}

// listener is one listening socket on one loop. Its loop's goroutine only.
type listener struct {
	*Listener
	loop    *Loop
	socket  *stream.Listener
	slot    uint32
	placed  bool // has a slot
	armed   bool // registered with the poller
	pausing bool // until something is freed: among Loop.starved
	over    bool
	backoff time.Duration
	retry   wheel.Timer
}

// Listen accepts connections at address ("host:port" with network "tcp",
// "tcp4" or "tcp6"; a path, or "@name" for Linux' abstract names, with "unix")
// and gives each to p. An empty host and [::] are every address of the machine; a
// name is looked up, which may take its time, and its first address taken. The port
// may be 0, see [Listener.Addr]. Listen may be called before and while the engine
// runs, several times.
//
// The addresses mean what they mean to [net.Listen], but for three: 0.0.0.0 is every
// IPv4 address with "tcp" too, and no IPv6 address; of a name's addresses IPv4 is not
// preferred; and an empty address is an error.
//
// Accepting goes on as the engine runs, whatever accept(2) reports: errors of
// single connections are skipped; without descriptors or memory, or at
// MaxConns, the listener pauses until some are freed, trying again after 5 ms,
// doubling up to 1 s. Errors name the address: os.ErrInvalid for bad input,
// net.ErrClosed after Close, and the kernel's.
func (e *Engine) Listen(cfg ListenConfig, network, address string, p Protocol) (*Listener, error) {
	ln, err := e.listen(cfg, network, address, p)
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "listen" {
		return nil, fmt.Errorf("loop: %w", err) // it names the address itself
	}
	if err != nil {
		return nil, fmt.Errorf("loop: listen %s %s: %w", network, address, err)
	}
	return ln, nil
}

func (e *Engine) listen(cfg ListenConfig, network, address string, p Protocol) (*Listener, error) {
	if e.ending() {
		return nil, net.ErrClosed
	}
	addr, err := listenAddr(network, address)
	if err != nil {
		return nil, err
	}
	if err := cfg.validate(addr, network); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("nil Protocol: %w", os.ErrInvalid)
	}
	ln := &Listener{engine: e, balance: cfg.Balance, protocol: p, seed: maphash.MakeSeed()}
	if err := ln.bind(cfg, addr); err != nil {
		ln.unbind()
		return nil, err
	}
	return ln, ln.begin()
}

// listenAddr is the address to bind to.
func listenAddr(network, address string) (stream.Addr, error) {
	if err := checkNetwork(network); err != nil {
		return stream.Addr{}, err
	}
	addrs, err := stream.Resolve(context.Background(), network, address)
	if err != nil {
		return stream.Addr{}, asInvalid(err)
	}
	if every := len(addrs) > 1 && addrs[0].AddrPort().Addr().IsUnspecified(); every && !hasIPv6() {
		return addrs[1], nil
	}
	return addrs[0], nil
}

func checkNetwork(network string) error {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		return nil
	}
	return fmt.Errorf("network %q is not tcp, tcp4, tcp6 or unix: %w", network, os.ErrInvalid)
}

// asInvalid makes an error about how an address is written match os.ErrInvalid.
func asInvalid(err error) error {
	var addr *net.AddrError
	var parse *net.ParseError
	if errors.As(err, &addr) || errors.As(err, &parse) {
		return fmt.Errorf("%w: %w", err, os.ErrInvalid)
	}
	return err
}

// hasIPv6 tells whether IPv6 sockets can be made and bound here.
func hasIPv6() bool {
	ln, err := stream.Listen(stream.AddrFrom(netip.AddrPortFrom(netip.IPv6Loopback(), 0)), stream.ListenOptions{})
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}

func (cfg *ListenConfig) validate(addr stream.Addr, network string) error {
	if cfg.Balance > ReusePort {
		return fmt.Errorf("unknown %v: %w", cfg.Balance, os.ErrInvalid)
	}
	if cfg.Balance == ReusePort {
		if network == "unix" {
			return fmt.Errorf("%v is for TCP: %w", cfg.Balance, os.ErrInvalid)
		}
		cfg.Options.ReusePort = true
	}
	if network == "tcp6" && addr.AddrPort().Addr().IsUnspecified() {
		cfg.Options.IPv6Only = true
	}
	return nil
}

// bind opens the sockets: one per loop for ReusePort, else one.
func (ln *Listener) bind(cfg ListenConfig, addr stream.Addr) error {
	loops := ln.engine.loops
	if cfg.Balance != ReusePort {
		loops = []*Loop{ln.engine.pick()}
	}
	for _, l := range loops {
		s, err := stream.Listen(addr, cfg.Options)
		if err != nil {
			return err
		}
		ln.sockets = append(ln.sockets, newListener(ln, l, s))
		// Port 0 is chosen once: the sockets of one listener share their port.
		if addr, err = s.LocalAddr(); err != nil {
			return err
		}
		if addr.Network() == "tcp" && !cfg.KeepDelay {
			// Accepted sockets inherit it, which saves a call on each.
			if err := s.SetNoDelay(true); err != nil {
				return err
			}
		}
	}
	ln.addr = addr
	return nil
}

func newListener(ln *Listener, l *Loop, s *stream.Listener) *listener {
	sock := &listener{Listener: ln, loop: l, socket: s}
	sock.retry.Expire = sock.revive
	return sock
}

// unbind closes the sockets of a listener that never began.
func (ln *Listener) unbind() {
	for _, s := range ln.sockets {
		_ = s.socket.Close()
	}
}

// begin hands the sockets to their loops.
func (ln *Listener) begin() error {
	for _, s := range ln.sockets {
		if s.loop.force(funcTask(s.start)) != nil {
			_ = ln.Close()
			return net.ErrClosed
		}
	}
	return nil
}

// Addr returns the address that the listener is bound to, with the port that
// the kernel chose for port 0.
func (ln *Listener) Addr() stream.Addr { return ln.addr }

// Close stops accepting. Connections accepted before go on. It does not wait
// for the loops to close the sockets. A second Close returns net.ErrClosed.
func (ln *Listener) Close() error {
	if ln.closed.Swap(true) {
		return fmt.Errorf("loop: close listener %v: %w", ln.addr, net.ErrClosed)
	}
	for _, s := range ln.sockets {
		if s.loop.force(funcTask(s.shut)) != nil {
			// The loop has ended, perhaps before it got to know the socket.
			_ = s.socket.Close()
		}
	}
	return nil
}

// start begins to accept, on the loop.
func (s *listener) start() {
	if s.over {
		return
	}
	s.slot = s.loop.slots.add(s)
	s.placed = true
	if s.loop.draining || s.closed.Load() {
		s.shut()
		return
	}
	s.arm()
}

// arm registers the socket, unless it still is, or comes back to it later.
func (s *listener) arm() {
	if s.armed {
		return
	}
	if err := s.loop.poller.Add(s.socket.FD(), poller.Read, s.loop.slots.token(s.slot)); err != nil {
		s.starve("register", err)
		return
	}
	s.armed = true
}

// disarm deregisters the socket. Where that fails, the next event tries again.
func (s *listener) disarm() {
	if !s.armed {
		return
	}
	err := s.loop.poller.Delete(s.socket.FD())
	s.armed = err != nil && !errors.Is(err, fs.ErrNotExist)
}

// ready accepts what is queued, up to a batch.
func (s *listener) ready(poller.Ready) {
	if s.pausing {
		s.disarm()
		return
	}
	accepted := 0
	for range acceptBatch {
		if s.over || s.pausing || s.closed.Load() {
			return
		}
		if !s.loop.engine.reserve() {
			// At first, the event says that somebody waits; later, nobody may.
			if accepted == 0 {
				s.starve("MaxConns", ErrMaxConns)
			}
			return
		}
		fd, peer, err := s.socket.AcceptFD()
		if err == nil {
			accepted++
			s.backoff = 0
			s.assign(newConn(s.choose(peer), fd, peer))
			continue
		}
		if err == stream.ErrWouldBlock {
			s.loop.engine.unreserve()
			return
		}
		// Not unreserve: listeners that all fail would wake each other without a pause.
		s.loop.engine.conns.Add(-1)
		s.loop.stats.AcceptErrors++
		if !transient(err) {
			s.starve("accept", err)
			return
		}
	}
	if accepted == 0 {
		s.starve("accept", errNothingAccepted)
	}
}

// errNothingAccepted stands for a batch of nothing but errors of single
// connections: as long as they come that fast, they are no such thing.
var errNothingAccepted = errors.New("every connection failed")

// transient tells whether an accept error is about the one connection that was
// first in the queue: accept(2) passes on what the network did to it.
func transient(err error) bool {
	var errno sys.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case sys.ECONNABORTED, sys.ECONNRESET, sys.ENETDOWN, sys.EPROTO, sys.ENOPROTOOPT, sys.EHOSTDOWN,
		sys.EHOSTUNREACH, sys.EOPNOTSUPP, sys.ENETUNREACH, sys.EPERM, sys.ETIMEDOUT, sys.EINTR:
		return true
	}
	return false
}

// choose returns the loop for a connection from peer.
func (s *listener) choose(peer stream.Addr) *Loop {
	loops := s.engine.loops
	switch s.balance {
	case ReusePort:
		return s.loop
	case LeastConns:
		return s.engine.leastLoaded()
	case SourceHash:
		if ip := peer.AddrPort().Addr(); ip.IsValid() {
			return loops[maphash.Comparable(s.seed, ip.WithZone(""))%uint64(len(loops))]
		}
	}
	return roundRobin(&s.Listener.turn, loops)
}

// assign brings the connection to its loop.
func (s *listener) assign(c *Conn) {
	s.loop.stats.Accepted++
	if c.loop == s.loop {
		c.loop.admit(c, s.protocol)
		return
	}
	switch err := c.loop.post(&arrival{c: c, p: s.protocol}, 0); err {
	case nil:
	case ErrBackpressure:
		// That loop has more than enough to do: this one keeps the connection.
		if c.loop.conns.Add(-1) == 0 {
			c.loop.ask(controlLook) // it may be draining, and have waited for this one
		}
		c.loop = s.loop
		c.loop.conns.Add(1)
		c.loop.admit(c, s.protocol)
	default:
		s.loop.stats.Closed++
		c.abandon()
	}
}

// starve disarms the listener until something is freed or the backoff ends.
// Leaving it armed would report it ready for ever.
func (s *listener) starve(cause string, err error) {
	l := s.loop
	s.disarm()
	s.pausing = true
	l.starved = append(l.starved, s)
	s.engine.starving.Add(1)
	s.backoff = min(max(2*s.backoff, minBackoff), maxBackoff)
	l.wheel.Set(&s.retry, later(l.clock(), s.backoff))
	if err == ErrMaxConns && l.engine.conns.Load() < int64(l.engine.cfg.MaxConns) {
		// A place was freed before anybody could know that it is waited for.
		l.control.Or(controlRearm)
	}
	l.stats.AcceptPauses++
	s.engine.log.warn("accept "+cause, "loop: accepting pauses", "listener", s.addr, "error", err, "retry", s.backoff)
}

// revive tries again.
func (s *listener) revive() {
	i := slices.Index(s.loop.starved, s)
	if i < 0 {
		return
	}
	s.loop.starved = slices.Delete(s.loop.starved, i, i+1)
	s.pausing = false
	s.engine.starving.Add(-1)
	s.loop.wheel.Stop(&s.retry)
	if !s.over {
		s.arm()
	}
}

// rearm lets every listener of the loop that was disarmed try again.
func (l *Loop) rearm() {
	for _, s := range slices.Clone(l.starved) {
		s.revive()
	}
}

// shut closes the socket, on the loop.
func (s *listener) shut() {
	if s.over {
		return
	}
	s.over = true
	s.revive()
	s.disarm()
	if s.placed {
		s.loop.slots.remove(s.slot)
	}
	_ = s.socket.Close()
}

func (s *listener) drain()     { s.shut() }
func (s *listener) stop(error) { s.shut() }
