package stream

// Making connections to addresses that are known.

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// The states of mode.connect.
const (
	connected  uint32 = iota
	connecting        // the kernel is at it
	deciding          // somebody is about to find out how it ended
	failed            // mode.failure says why
)

// Connect connects to the first of addrs that accepts, trying them in order,
// and waits for it as long as the system does. If none accepts, the error is
// that of the last one. Without any address it is [os.ErrInvalid].
func Connect(addrs ...Addr) (*Stream, error) {
	err := opError("connect", Addr{}, os.ErrInvalid)
	for _, addr := range addrs {
		var c *socket
		if c, err = dialOne(addr, &patience{}); err == nil {
			return newStream(c), nil
		}
	}
	return nil, err
}

// ConnectTimeout connects to addr and gives up after d with
// [os.ErrDeadlineExceeded], never earlier. A d of 0 or less is [os.ErrInvalid],
// and nothing is sent.
func ConnectTimeout(addr Addr, d time.Duration) (*Stream, error) {
	if d <= 0 {
		return nil, opError("connect", addr, os.ErrInvalid)
	}
	var p patience
	p.limit.start(d)
	c, err := dialOne(addr, &p)
	if err != nil {
		return nil, err
	}
	return newStream(c), nil
}

// Start begins to connect to addr and returns at once. The Stream can be written
// to when FinishConnect has returned nil: call that when a poller reports the
// descriptor writable, which must be registered after Start and not before. An
// error that is known at once comes from Start itself. [ErrWouldBlock] without a
// Stream says that the queue of a unix listener is full: nothing was begun, try
// again later.
func Start(addr Addr) (*Stream, error) { return StartFrom(Addr{}, addr) }

// StartFrom is Start from a chosen local address. Its port may be 0: then it is
// chosen when the peer is known, so that ports do not run out before all pairs
// of addresses and ports have (IP_BIND_ADDRESS_NO_PORT in ip(7), on Linux). The
// zero Addr leaves everything to the system. The file of a unix local address is
// removed if the connect fails; afterwards it is the caller's to remove.
func StartFrom(local, addr Addr) (*Stream, error) {
	c, err := start(local, addr)
	if err != nil {
		return nil, err
	}
	if m := c.sharedMode(); m.connect.Load() == failed {
		c.close()
		return nil, m.failure
	}
	c.file = nil
	return newStream(c), nil
}

// FinishConnect tells how a connect that Start began went on: nil when the
// connection is up, [ErrWouldBlock] while it is pending (in blocking mode it
// waits instead, at most the write timeout), else why it failed, and then the
// same at every call; the Stream must be closed then. A connection that ended
// up at itself, which can happen to a connect to a free port of the own host, is
// ECONNREFUSED. On other Streams it returns nil.
func (s *Stream) FinishConnect() error {
	defer runtime.KeepAlive(s)
	c := s.socket()
	if !c.desc.Acquire() {
		return c.closedError("connect")
	}
	defer c.desc.Release()
	var l limit
	for {
		err := c.connectOutcome()
		if err != ErrWouldBlock {
			return err
		}
		if err := c.pause("connect", writing, &l); err != nil {
			return err
		}
	}
}

// start begins to connect. The socket it returns is in any of the states.
func start(local, addr Addr) (*socket, error) {
	const op = "connect"
	sa, err := addr.kernel(true)
	if err != nil {
		return nil, opError(op, addr, err)
	}
	fd, e := sys.Socket(sa.Domain())
	if e != 0 {
		return nil, callError(op, addr, sys.CallSocket, e)
	}
	c := newSocket(fd, sa.Domain(), Addr{sa})
	c.sharedMode().connect.Store(connecting)
	if err := c.begin(local); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *socket) begin(local Addr) error {
	if local.IsValid() {
		if err := c.bindLocal(local); err != nil {
			return err
		}
	}
	switch e := sys.Connect(c.desc.FD(), c.addr.sa); e {
	case 0:
		_ = c.settle(c.checkConnection())
		return nil
	case sys.EINPROGRESS, sys.EINTR: // after a signal it goes on, too: connect(2)
		return nil
	case sys.EAGAIN:
		if c.domain == sys.DomainUnix {
			return ErrWouldBlock
		}
		// No local port is free; as it is, the error would pass for a time-out.
		return c.connectError(sys.CallConnect, sys.EADDRNOTAVAIL)
	default:
		return c.connectError(sys.CallConnect, e)
	}
}

func (c *socket) bindLocal(local Addr) error {
	sa, err := local.kernel(false)
	if err != nil {
		return opError("connect", c.addr, err)
	}
	if sa.Port == 0 && !sa.Unix {
		// A system without it binds to a port at once, which is as good.
		_ = sys.SetOption(c.desc.FD(), sys.OptLatePort, 1)
	}
	if e := sys.Bind(c.desc.FD(), sa); e != 0 {
		return c.connectError(sys.CallBind, e)
	}
	if !sa.Unix || isAbstract(sa.Path) {
		return nil
	}
	if e := c.ownFile(sa.Path); e != 0 {
		return c.connectError(sys.CallStat, e)
	}
	return nil
}

// connectOutcome finds out how the connect stands, without waiting.
func (c *socket) connectOutcome() error {
	m := c.mode.Load()
	if m == nil {
		return nil
	}
	switch m.connect.Load() {
	case connected:
		return nil
	case failed:
		return m.failure
	}
	// Only one may ask: the kernel tells an error once, and who comes second
	// would take it for success.
	if !m.connect.CompareAndSwap(connecting, deciding) {
		return ErrWouldBlock
	}
	ended, err := true, c.checkConnection()
	if err == errNoPeer {
		// Pending, or over since it was asked: poll(2) tells which.
		if ended, err = c.connectEnded(); ended {
			err = c.checkConnection()
		}
	}
	if !ended {
		m.connect.Store(connecting)
		return err
	}
	return c.settle(err)
}

// connectEnded tells whether the kernel is done connecting; if not, err is what
// the caller is told.
func (c *socket) connectEnded() (ended bool, err error) {
	fds := [1]sys.PollFd{{Fd: int32(c.desc.FD()), Events: sys.POLLOUT}}
	n, e := sys.Poll(fds[:], 0)
	if e != 0 && e != sys.EINTR {
		return false, c.connectError(sys.CallPoll, e)
	}
	return n > 0, ErrWouldBlock
}

// settle makes the outcome of the connect final.
func (c *socket) settle(err error) error {
	m := c.sharedMode()
	if err == nil {
		m.connect.Store(connected)
		return nil
	}
	if err == errNoPeer {
		err = c.connectError(sys.CallGetpeername, sys.ENOTCONN)
	}
	m.failure = err
	m.connect.Store(failed)
	return err
}

// errNoPeer says that a socket which has no error has no peer either.
var errNoPeer = errors.New("no peer")

// checkConnection asks the kernel how the connect ended, errNoPeer if it has not.
// SO_ERROR comes first: it is the only one to know the reason of a failure.
func (c *socket) checkConnection() error {
	fd := c.desc.FD()
	pending, e := sys.SocketError(fd)
	if e != 0 {
		return c.connectError(sys.CallGetsockopt, e)
	}
	if pending != 0 {
		c.noteBroken(pending)
		return c.connectError(sys.CallConnect, pending)
	}
	peer, e := sys.Getpeername(fd)
	if e == sys.ENOTCONN {
		return errNoPeer
	}
	if e != 0 {
		return c.connectError(sys.CallGetpeername, e)
	}
	if !c.addr.IsValid() {
		c.sharedMode().peer = Addr{peer}
	}
	if c.domain == sys.DomainUnix {
		return nil
	}
	local, e := sys.Getsockname(fd)
	if e != 0 {
		return c.connectError(sys.CallGetsockname, e)
	}
	if local == peer {
		_ = sys.Shutdown(fd, sys.SHUT_RDWR)
		return c.connectError(sys.CallConnect, sys.ECONNREFUSED)
	}
	return nil
}

func (c *socket) connectError(call sys.Call, e sys.Errno) error {
	return callError("connect", c.addr, call, e)
}

// dialOne connects to one address and waits for it.
func dialOne(addr Addr, p *patience) (*socket, error) {
	c, err := startQueued(addr, p)
	if err != nil {
		return nil, err
	}
	for {
		err := c.connectOutcome()
		if err == nil {
			return c, nil
		}
		if err == ErrWouldBlock {
			err = p.await(addr, c.desc.FD(), sys.POLLOUT)
		}
		if err != nil {
			c.close()
			return nil, err
		}
	}
}

// startQueued is start that waits while the queue of a unix listener is full.
// The kernel has no event for the end of that, so it is tried again and again.
func startQueued(addr Addr, p *patience) (*socket, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		c, err := start(Addr{}, addr)
		if err != ErrWouldBlock {
			return c, err
		}
		if err := p.sleep(addr, pause); err != nil {
			return nil, err
		}
	}
}

// patience is how long somebody waits for a connection: until a limit, or until
// a context ends.
type patience struct {
	limit limit
	ctx   context.Context
	waker *waker // signalled when ctx ends, nil if it does not
}

// await waits until fd is ready.
func (p *patience) await(addr Addr, fd int, events int16) error {
	if !waitReady(fd, events, p.waker, &p.limit) {
		return opError("connect", addr, os.ErrDeadlineExceeded)
	}
	return p.stopped(addr)
}

// stopped is the error of a context that has ended.
func (p *patience) stopped(addr Addr) error {
	if p.ctx == nil || p.ctx.Err() == nil {
		return nil
	}
	return opError("connect", addr, contextError(p.ctx))
}

// sleep waits for d and no descriptor.
func (p *patience) sleep(addr Addr, d time.Duration) error {
	nap := p.limit
	nap.atMost(d)
	waitReady(noDescriptor, 0, p.waker, &nap)
	if _, ok := p.limit.left(); !ok {
		return opError("connect", addr, os.ErrDeadlineExceeded)
	}
	return p.stopped(addr)
}
