package stream

// Stream: its life, its addresses, and the calls on the connection as a whole.

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// Stream is a connected socket, TCP or unix, that is nonblocking from birth. All
// methods may be called from any goroutine at any time. It implements
// [io.ReadWriteCloser] and [syscall.Conn].
//
// Errors are [*net.OpError] values that name the operation, the addresses and
// the cause; errors.Is finds the kernel's error number in them
// (syscall.ECONNRESET), [os.ErrDeadlineExceeded] for whatever took too long,
// [net.ErrClosed] after Close and [os.ErrInvalid] for arguments that no system
// would take. Only [ErrWouldBlock], [io.EOF] and ReadFull's [io.ErrUnexpectedEOF] come
// bare. The zero Stream behaves
// as one that was closed.
type Stream struct{ handle }

// NoTimeout, given to SetReadTimeout or SetWriteTimeout, lets calls wait without
// limit, as they do from the start.
const NoTimeout time.Duration = -1

func newStream(c *socket) *Stream {
	s := new(Stream)
	s.open(c)
	return s
}

// PeerAddr is the address of the other end. It is noted when the connection is
// made, because the kernel forgets it when the connection is reset. While a
// connect is pending, and after it failed, the error is ENOTCONN.
func (s *Stream) PeerAddr() (Addr, error) {
	defer runtime.KeepAlive(s)
	const op = "peer address"
	c := s.socket()
	if c.desc.Closed() {
		return Addr{}, c.closedError(op)
	}
	m := c.mode.Load()
	if m != nil && m.connect.Load() != connected {
		return Addr{}, c.callError(op, sys.CallGetpeername, sys.ENOTCONN)
	}
	if c.addr.IsValid() {
		return c.addr, nil
	}
	if m != nil && m.peer.IsValid() {
		return m.peer, nil
	}
	var sa sys.Sockaddr
	err := c.use(op, sys.CallGetpeername, func(fd int) (e sys.Errno) {
		sa, e = sys.Getpeername(fd)
		return e
	})
	return Addr{sa}, err
}

// Shutdown is a half of a connection, or both.
type Shutdown int

// The halves that [Stream.Shutdown] ends.
const (
	ShutRead  Shutdown = sys.SHUT_RD
	ShutWrite Shutdown = sys.SHUT_WR
	ShutBoth  Shutdown = sys.SHUT_RDWR
)

// Shutdown ends one half of the connection, or both, for all its handles. After
// ShutRead, reads that are waiting and later ones return [io.EOF] (on Linux
// bytes that still arrive are delivered, shutdown(2)); after ShutWrite the peer
// reads the end, and writes return EPIPE. What a second call does is the
// system's choice: Linux allows it, macOS says ENOTCONN.
func (s *Stream) Shutdown(how Shutdown) error {
	defer runtime.KeepAlive(s)
	const op = "shutdown"
	c, d := s.socket(), how.directions()
	if d == 0 {
		return c.opError(op, os.ErrInvalid)
	}
	err := c.use(op, sys.CallShutdown, func(fd int) sys.Errno {
		return sys.Shutdown(fd, int(how))
	})
	if err != nil {
		return err
	}
	// poll(2) does not tell the writers of a full unix socket.
	m := c.sharedMode()
	m.shut.Or(uint32(d))
	m.wakeIn(d)
	return nil
}

func (how Shutdown) directions() direction {
	switch how {
	case ShutRead:
		return reading
	case ShutWrite:
		return writing
	case ShutBoth:
		return reading | writing
	default:
		return 0
	}
}

// TryClone makes a second, independent handle for the same connection, with a
// descriptor of its own. Options set through one are seen by the other, the
// blocking mode and the timeouts included. The connection stays until both are
// closed. A descriptor that sits in a poller must be deleted there before it is
// closed, once it was cloned: on Linux the registration would stay (epoll(7)).
func (s *Stream) TryClone() (*Stream, error) {
	defer runtime.KeepAlive(s)
	c, err := s.socket().clone()
	if err != nil {
		return nil, err
	}
	return newStream(c), nil
}

// SetReadTimeout bounds the time that one read may wait in blocking mode; then
// it ends with [os.ErrDeadlineExceeded]. [NoTimeout] lifts the bound; 0 and other
// negative values are [os.ErrInvalid]. It holds for waits that begin after it,
// on all clones; nonblocking calls do not wait, whatever it is.
func (s *Stream) SetReadTimeout(d time.Duration) error {
	defer runtime.KeepAlive(s)
	return s.socket().setTimeout("set read timeout", reading, d)
}

// SetWriteTimeout is SetReadTimeout for writes: one Write, however many sends it
// takes, waits no longer than that altogether.
func (s *Stream) SetWriteTimeout(d time.Duration) error {
	defer runtime.KeepAlive(s)
	return s.socket().setTimeout("set write timeout", writing, d)
}

// ReadTimeout is the exact value that SetReadTimeout set, or false if there is
// no bound.
func (s *Stream) ReadTimeout() (time.Duration, bool) {
	defer runtime.KeepAlive(s)
	return s.socket().timeout(reading)
}

// WriteTimeout is the exact value that SetWriteTimeout set, or false if there is
// no bound.
func (s *Stream) WriteTimeout() (time.Duration, bool) {
	defer runtime.KeepAlive(s)
	return s.socket().timeout(writing)
}

func (c *socket) setTimeout(op string, d direction, t time.Duration) error {
	if t == 0 || t < NoTimeout {
		return c.opError(op, os.ErrInvalid)
	}
	if c.desc.Closed() {
		return c.closedError(op)
	}
	t = max(t, 0)
	if d == reading {
		c.sharedMode().readTimeout.Store(int64(t))
	} else {
		c.sharedMode().writeTimeout.Store(int64(t))
	}
	return nil
}

func (c *socket) timeout(d direction) (time.Duration, bool) {
	m := c.mode.Load()
	if m == nil {
		return 0, false
	}
	t := m.timeout(d)
	return t, t > 0
}

// String is like "stream 127.0.0.1:5001->127.0.0.1:80 fd=7", with "?" for an
// address that is not known and "closed" after Close.
func (s *Stream) String() string {
	defer runtime.KeepAlive(s)
	c := s.socket()
	peer, _ := s.PeerAddr()
	if c.desc.Closed() {
		return fmt.Sprintf("stream ?->%v closed", c.addr)
	}
	return fmt.Sprintf("stream %v->%v fd=%d", c.local(), peer, c.desc.FD())
}
