package stream

// Listener: sockets that take connections.

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net"
	"os"
	"runtime"

	"github.com/eddyline/eddyline/internal/sys"
)

// ListenOptions says how [Listen] sets a socket up. The zero value is right for
// most: addresses of connections that are gone can be bound again, and the
// queue is as long as the system grants. Options that the kind of address does
// not have are an error, [os.ErrInvalid].
type ListenOptions struct {
	// Backlog is how many connections may wait to be accepted. 0 takes the
	// system's maximum, which also bounds any other number.
	Backlog int
	// ReusePort lets several listeners share the port, and the kernel spread the
	// connections over them (SO_REUSEPORT in socket(7), SO_REUSEPORT_LB on
	// FreeBSD; other systems give all connections to one of them). All of them
	// must set it. TCP only.
	ReusePort bool
	// NoReuseAddr turns SO_REUSEADDR off: then Listen fails while old connections
	// of the port linger in TIME_WAIT. TCP only.
	NoReuseAddr bool
	// IPv6Only keeps IPv4 connections from an IPv6 listener. Without it a listener
	// on [::] takes both, where the system can (OpenBSD cannot).
	IPv6Only bool
	// BindToDevice accepts only what comes in by the network interface of that
	// name (SO_BINDTODEVICE in socket(7)). Linux only, TCP only.
	BindToDevice string
	// Mode is the permissions of a unix socket's file, set before anybody can
	// connect; 0 leaves what the umask gives. Only permission bits are allowed.
	Mode fs.FileMode
	// KeepPath leaves the unix socket's file when the Listener is closed.
	KeepPath bool
}

// Listener is a socket that takes connections. It is nonblocking from birth, and
// all methods may be called from any goroutine at any time. Errors are as with
// [Stream]. The zero Listener behaves as one that was closed.
type Listener struct{ handle }

func newListener(c *socket) *Listener {
	l := new(Listener)
	l.open(c)
	return l
}

// Listen starts to take connections at addr. Port 0 chooses a free port, which
// LocalAddr tells.
//
// A file at a unix socket's path is replaced only if it is a socket on which
// nobody listens; anything else is EADDRINUSE. To find out, Listen connects to
// it, which a live server sees as a connection that ends at once. Close removes
// the file again, if it is still the same one.
func Listen(addr Addr, opts ListenOptions) (*Listener, error) {
	const op = "listen"
	if err := opts.check(addr); err != nil {
		return nil, opError(op, addr, err)
	}
	sa, err := addr.kernel(false)
	if err != nil {
		return nil, opError(op, addr, err)
	}
	fd, e := sys.Socket(sa.Domain())
	if e != 0 {
		return nil, callError(op, addr, sys.CallSocket, e)
	}
	c := newSocket(fd, sa.Domain(), Addr{sa})
	c.listens = true
	if err := c.setUp(&opts); err != nil {
		c.close()
		return nil, err
	}
	return newListener(c), nil
}

func (o *ListenOptions) check(addr Addr) error {
	unix := addr.IsUnix()
	switch {
	case o.Backlog < 0:
		return fmt.Errorf("backlog %d: %w", o.Backlog, os.ErrInvalid)
	case o.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("mode %v: %w", o.Mode, os.ErrInvalid)
	case unix && (o.ReusePort || o.NoReuseAddr || o.IPv6Only || o.BindToDevice != ""):
		return fmt.Errorf("an option of TCP for a unix socket: %w", os.ErrInvalid)
	case !unix && (o.Mode != 0 || o.KeepPath):
		return fmt.Errorf("an option of unix sockets for TCP: %w", os.ErrInvalid)
	case o.IPv6Only && !addr.sa.IP.Is6():
		return fmt.Errorf("IPv6Only for an address that is not IPv6: %w", os.ErrInvalid)
	}
	return nil
}

// setUp makes a new socket listen. c.close undoes whatever it did.
func (c *socket) setUp(opts *ListenOptions) error {
	bind := c.bindPort
	if c.domain == sys.DomainUnix {
		bind = c.bindPath
	}
	if err := bind(opts); err != nil {
		return err
	}
	backlog := opts.Backlog
	if most := sys.MaxBacklog(); backlog == 0 || backlog > most {
		backlog = most
	}
	if e := sys.Listen(c.desc.FD(), backlog); e != 0 {
		return c.callError("listen", sys.CallListen, e)
	}
	if opts.KeepPath {
		c.file = nil
	}
	return nil
}

// bindPort sets the options of a TCP socket and binds it.
func (c *socket) bindPort(opts *ListenOptions) error {
	const op = "listen"
	fd, ip := c.desc.FD(), c.addr.sa.IP
	if ip.Is6() && ip.IsUnspecified() && !opts.IPv6Only {
		// Some systems keep to IPv6, whatever is set.
		_ = sys.SetOption(fd, sys.OptIPv6Only, 0)
	}
	for _, o := range []struct {
		wanted bool
		option sys.Option
	}{
		{!opts.NoReuseAddr, sys.OptReuseAddr},
		{opts.ReusePort, sys.OptReusePort},
		{opts.IPv6Only, sys.OptIPv6Only},
	} {
		if !o.wanted {
			continue
		}
		if e := sys.SetOption(fd, o.option, 1); e != 0 {
			return c.callError(op, sys.CallSetsockopt, e)
		}
	}
	if opts.BindToDevice != "" {
		if e := sys.BindToDevice(fd, opts.BindToDevice); e != 0 {
			err := os.NewSyscallError(string(sys.CallSetsockopt), e)
			return c.opError(op, fmt.Errorf("device %q: %w", opts.BindToDevice, err))
		}
	}
	if e := sys.Bind(fd, c.addr.sa); e != 0 {
		return c.callError(op, sys.CallBind, e)
	}
	sa, e := sys.Getsockname(fd)
	if e != 0 {
		return c.callError(op, sys.CallGetsockname, e)
	}
	c.addr = Addr{sa} // with the port that was chosen
	return nil
}

// Accept takes the next connection. [ErrWouldBlock] says that none is waiting;
// in blocking mode it waits instead. Of other errors, ECONNABORTED and network
// errors (accept(2) lists them) concern a connection that came to nothing, and
// EMFILE, ENFILE, ENOBUFS and ENOMEM pass when something is closed: the
// Listener goes on after all of them.
func (l *Listener) Accept() (*Stream, error) {
	defer runtime.KeepAlive(l)
	c := l.socket()
	fd, peer, err := c.accept()
	if err != nil {
		return nil, err
	}
	return newStream(newSocket(fd, c.domain, peer)), nil
}

// AcceptFD is Accept for those who hold very many connections: the result is
// the bare descriptor, nonblocking and closed on exec, which the caller must
// close, and the peer's address. It does not allocate, except for a path or a
// zone in the address.
func (l *Listener) AcceptFD() (fd int, peer Addr, err error) {
	fd, peer, err = l.socket().accept()
	runtime.KeepAlive(l)
	return fd, peer, err
}

func (c *socket) accept() (int, Addr, error) {
	if !c.desc.Acquire() {
		return -1, Addr{}, c.closedError("accept")
	}
	defer c.desc.Release()
	var l limit
	for {
		fd, sa, e := sys.Accept(c.desc.FD())
		if e == 0 {
			return fd, Addr{sa}, nil
		}
		if e != sys.EAGAIN {
			return -1, Addr{}, c.callError("accept", sys.CallAccept, e)
		}
		if err := c.pause("accept", reading, &l); err != nil {
			return -1, Addr{}, err
		}
	}
}

// Incoming yields what Accept returns, again and again. It ends after it has
// yielded an error that would come again at once: [ErrWouldBlock], when all that
// were waiting are accepted, or [net.ErrClosed]. After other errors it goes on.
func (l *Listener) Incoming() iter.Seq2[*Stream, error] {
	return func(yield func(*Stream, error) bool) {
		for {
			s, err := l.Accept()
			if !yield(s, err) || err == ErrWouldBlock || errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}
}

// TryClone makes a second, independent handle for the same queue, with a
// descriptor of its own; see [Stream.TryClone]. A unix socket's file belongs to
// the first handle and is removed by its Close.
func (l *Listener) TryClone() (*Listener, error) {
	defer runtime.KeepAlive(l)
	c, err := l.socket().clone()
	if err != nil {
		return nil, err
	}
	return newListener(c), nil
}

// String is like "listener 127.0.0.1:7000 fd=5", with "closed" after Close.
func (l *Listener) String() string {
	defer runtime.KeepAlive(l)
	c := l.socket()
	if c.desc.Closed() {
		return fmt.Sprintf("listener %v closed", c.addr)
	}
	return fmt.Sprintf("listener %v fd=%d", c.addr, c.desc.FD())
}
