package stream

// socket is what a Stream and a Listener have in common: a descriptor that is
// safe to close, the mode that its clones share, and errors that name it.

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

// socket lives apart from the handle that users hold, so that it can still be
// closed when the handle was dropped without Close.
type socket struct {
	desc    descriptor.Descriptor
	domain  sys.Domain
	listens bool
	// mode is nil while everything in it has its default value.
	mode atomic.Pointer[mode]
	// addr is the peer's address, or a listener's own. It never changes: the
	// kernel forgets a peer as soon as the connection is dead.
	addr Addr
	// file is the path that a listener made and removes, nil if there is none.
	file *socketFile
}

func newSocket(fd int, domain sys.Domain, addr Addr) *socket {
	c := &socket{domain: domain, addr: addr}
	c.desc.Init(fd)
	return c
}

// close is Close, and the end of a handle that was dropped.
func (c *socket) close() bool {
	if c.file != nil && c.desc.Acquire() {
		c.file.remove()
		c.desc.Release()
	}
	if !c.desc.Close() {
		return false
	}
	if m := c.mode.Load(); m != nil {
		m.wakeOf(c)
	}
	return true
}

// sharedMode is the block that all clones share, made now if there was none.
func (c *socket) sharedMode() *mode {
	if m := c.mode.Load(); m != nil {
		return m
	}
	c.mode.CompareAndSwap(nil, new(mode))
	return c.mode.Load()
}

// use calls f with the descriptor's number, which stays ours until f returns.
func (c *socket) use(op string, call sys.Call, f func(fd int) sys.Errno) error {
	if !c.desc.Acquire() {
		return c.closedError(op)
	}
	defer c.desc.Release()
	if e := f(c.desc.FD()); e != 0 {
		return c.callError(op, call, e)
	}
	return nil
}

// local is the local address, zero if the kernel does not tell.
func (c *socket) local() Addr {
	addr, err := c.localAddr()
	if err != nil {
		return Addr{}
	}
	return addr
}

func (c *socket) localAddr() (Addr, error) {
	if !c.desc.Acquire() {
		return Addr{}, net.ErrClosed
	}
	defer c.desc.Release()
	sa, e := sys.Getsockname(c.desc.FD())
	if e != 0 {
		return Addr{}, os.NewSyscallError(string(sys.CallGetsockname), e)
	}
	return Addr{sa}, nil
}

// detach ends the ownership of the descriptor and returns it.
func (c *socket) detach() (int, error) {
	const op = "detach"
	// Who sets input aside holds a reference until he has the lock: he either has
	// done it by now, or makes Detach fail.
	m := c.sharedMode()
	m.heldMu.Lock()
	defer m.heldMu.Unlock()
	if len(m.held) != 0 {
		return -1, c.opError(op, errHeld)
	}
	if c.desc.Detach() {
		return c.desc.FD(), nil
	}
	if c.desc.Closed() {
		return -1, c.closedError(op)
	}
	return -1, c.opError(op, sys.EBUSY)
}

// errHeld keeps bytes from being lost with the handle that still has them.
var errHeld = fmt.Errorf("ReadToString has set input aside: %w", sys.EBUSY)

// clone makes a second socket for the same connection or queue.
func (c *socket) clone() (*socket, error) {
	m := c.sharedMode()
	fd := -1
	err := c.use("clone", sys.CallDup, func(old int) (e sys.Errno) {
		fd, e = sys.Dup(old)
		return e
	})
	if err != nil {
		return nil, err
	}
	d := newSocket(fd, c.domain, c.addr)
	d.listens = c.listens
	d.mode.Store(m)
	return d, nil
}

// network names the kind of socket in errors.
func (c *socket) network() string {
	if c.domain == sys.DomainUnix {
		return "unix"
	}
	return "tcp"
}

// opError is the error of an operation, with what is known of the addresses.
func (c *socket) opError(op string, err error) error {
	e := &net.OpError{Op: op, Net: c.network(), Err: err}
	if c.addr.IsValid() {
		e.Addr = c.addr
	}
	if c.listens {
		return e
	}
	if local := c.local(); local.IsValid() {
		e.Source = local
	}
	return e
}

func (c *socket) callError(op string, call sys.Call, errno sys.Errno) error {
	return c.opError(op, os.NewSyscallError(string(call), errno))
}

func (c *socket) closedError(op string) error { return c.opError(op, net.ErrClosed) }
