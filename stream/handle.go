package stream

// handle is the part of a Stream and of a Listener that is the same: its life
// and the socket options.

import (
	"math"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

type handle struct {
	c       *socket // nil in the zero value; use socket
	cleanup runtime.Cleanup
}

// socket is what h is the handle of. A zero handle passes for a closed one.
func (h *handle) socket() *socket {
	if h.c != nil {
		return h.c
	}
	return neverOpened()
}

// neverOpened is a socket that is closed from the start.
func neverOpened() *socket {
	c := new(socket)
	c.desc.Init(noDescriptor)
	c.desc.Detach()
	return c
}

// open makes h the handle of c, and c end with h. Every method of h and of what
// embeds it keeps h alive until it returns.
func (h *handle) open(c *socket) {
	h.c = c
	h.cleanup = runtime.AddCleanup(h, func(c *socket) { c.close() }, c)
}

// Close closes the handle. Calls under way, blocked ones too, end with
// [net.ErrClosed], and so does every later call, a second Close included. The
// connection itself ends when its last handle is closed. The descriptor goes
// back to the kernel when the last call under way has ended and the last
// Acquire is released.
//
// A handle that is dropped without Close is closed some time after the garbage
// collector found it.
func (h *handle) Close() error {
	defer runtime.KeepAlive(h)
	if c := h.socket(); !c.close() {
		return c.closedError("close")
	}
	h.cleanup.Stop()
	return nil
}

// FD is the number of the descriptor, for a poller. It is nonblocking and must
// stay so. The number means this socket only until Close (hold it longer with
// Acquire), and after Close it is merely what the number was.
func (h *handle) FD() int {
	defer runtime.KeepAlive(h)
	return h.socket().desc.FD()
}

// Acquire holds the descriptor's number until Release, so that it can sit in a
// poller: a Close in between takes effect at once for all calls, but the kernel
// gets the number back only with Release. It returns [net.ErrClosed] after
// Close. While it is held, Detach fails. A handle that was acquired and then
// dropped keeps its descriptor for good.
func (h *handle) Acquire() error {
	defer runtime.KeepAlive(h)
	if c := h.socket(); !c.desc.Acquire() {
		return c.closedError("acquire")
	}
	return nil
}

// Release ends one Acquire. A Release too many panics.
func (h *handle) Release() {
	defer runtime.KeepAlive(h)
	h.socket().desc.Release()
}

// Detach gives the descriptor to the caller, who must close it; h is closed from
// then on. It fails with EBUSY, and changes nothing, while another call is
// under way, an Acquire is held, or ReadToString has set input aside that was
// not read yet. A unix socket's path stays.
func (h *handle) Detach() (int, error) {
	defer runtime.KeepAlive(h)
	fd, err := h.socket().detach()
	if err == nil {
		h.cleanup.Stop()
	}
	return fd, err
}

// LocalAddr is the address of this end.
func (h *handle) LocalAddr() (Addr, error) {
	defer runtime.KeepAlive(h)
	c := h.socket()
	addr, err := c.localAddr()
	if err != nil {
		return Addr{}, c.opError("local address", err)
	}
	return addr, nil
}

// SetNonblocking chooses what a call does that cannot go on: nonblocking, as it
// is from the start, it returns [ErrWouldBlock]; blocking, it waits until it can
// go on, its timeout expires, or a Close of this handle or a Shutdown of the
// connection ends it. The wait takes a thread, but does not hold up other
// goroutines. The mode is shared with clones, and it is kept here: the
// descriptor itself is always nonblocking.
func (h *handle) SetNonblocking(nonblocking bool) error {
	defer runtime.KeepAlive(h)
	c := h.socket()
	if c.desc.Closed() {
		return c.closedError("set nonblocking")
	}
	c.sharedMode().blocking.Store(!nonblocking)
	return nil
}

// SetNoDelay turns Nagle's algorithm (RFC 896) off, or on again: with true,
// small writes are sent at once. A new socket has it on. On Linux connections
// inherit the setting of the listener that accepted them. Unix sockets have no
// such option and return an error.
func (h *handle) SetNoDelay(noDelay bool) error {
	defer runtime.KeepAlive(h)
	return h.socket().setOption("set nodelay", sys.OptNoDelay, boolInt(noDelay))
}

// NoDelay reports what SetNoDelay set.
func (h *handle) NoDelay() (bool, error) {
	defer runtime.KeepAlive(h)
	n, err := h.socket().option("get nodelay", sys.OptNoDelay)
	return n != 0, err
}

// SetTTL sets the number of hops that packets may take, 1 to 255, else the error
// is [os.ErrInvalid]: the time to live of IPv4 or the hop limit of IPv6,
// whichever the connection uses, and both on a listener that takes both. Unix
// sockets return [errors.ErrUnsupported].
func (h *handle) SetTTL(n int) error {
	defer runtime.KeepAlive(h)
	const op = "set ttl"
	c := h.socket()
	if n < 1 || n > 255 {
		return c.opError(op, os.ErrInvalid)
	}
	opt, err := c.ttlOption(op)
	if err != nil {
		return err
	}
	if err := c.setOption(op, opt, n); err != nil {
		return err
	}
	if c.listens && opt == sys.OptHopLimit {
		// For its IPv4 clients; a socket for IPv6 only may refuse.
		_ = c.setOption(op, sys.OptTTL, n)
	}
	return nil
}

// TTL reports what SetTTL set, or the system's default.
func (h *handle) TTL() (int, error) {
	defer runtime.KeepAlive(h)
	const op = "get ttl"
	c := h.socket()
	opt, err := c.ttlOption(op)
	if err != nil {
		return 0, err
	}
	return c.option(op, opt)
}

// SetLinger says what the last Close does with output that the peer has not
// acknowledged. Negative, as on a new socket: it goes on in the background.
// 0: it is dropped and the connection reset. Positive: Close blocks until it is
// acknowledged, at most that long; the kernel counts in seconds, so d is rounded
// up to the next one and bounded by 32,767 of them. See SO_LINGER in socket(7).
func (h *handle) SetLinger(d time.Duration) error {
	defer runtime.KeepAlive(h)
	return h.socket().use("set linger", sys.CallSetsockopt, func(fd int) sys.Errno {
		return sys.SetLinger(fd, d >= 0, lingerSeconds(d))
	})
}

// lingerSeconds rounds up: cut to 0, a time would turn into a reset.
func lingerSeconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	seconds := (d-1)/time.Second + 1
	return int(min(seconds, math.MaxInt16)) // the BSDs hold it in 16 bits
}

// Linger reports what SetLinger set; false if it is off.
func (h *handle) Linger() (time.Duration, bool, error) {
	defer runtime.KeepAlive(h)
	var on bool
	var seconds int
	err := h.socket().use("get linger", sys.CallGetsockopt, func(fd int) (e sys.Errno) {
		on, seconds, e = sys.Linger(fd)
		return e
	})
	if err != nil || !on {
		return 0, false, err
	}
	return time.Duration(seconds) * time.Second, true, nil
}

// TakeError takes the error that waits at the socket (SO_ERROR in socket(7)),
// nil if there is none; err says that the question itself failed. The kernel
// tells each error once: one taken here does not come back from Read or Write,
// but a Stream remembers that it is broken, and its Read then ends with that
// error and not with io.EOF.
func (h *handle) TakeError() (pending, err error) {
	defer runtime.KeepAlive(h)
	const op = "take error"
	c := h.socket()
	var taken sys.Errno
	err = c.use(op, sys.CallGetsockopt, func(fd int) (e sys.Errno) {
		taken, e = sys.SocketError(fd)
		return e
	})
	if err != nil || taken == 0 {
		return nil, err
	}
	c.noteBroken(taken)
	return c.opError(op, taken), nil
}

func (c *socket) setOption(op string, opt sys.Option, value int) error {
	return c.use(op, sys.CallSetsockopt, func(fd int) sys.Errno {
		return sys.SetOption(fd, opt, value)
	})
}

func (c *socket) option(op string, opt sys.Option) (value int, err error) {
	err = c.use(op, sys.CallGetsockopt, func(fd int) (e sys.Errno) {
		value, e = sys.GetOption(fd, opt)
		return e
	})
	return value, err
}

// ttlOption is the option that rules the packets of this socket. IP_TTL on an
// IPv6 socket is taken and does nothing, unless the peer is an IPv4 one.
func (c *socket) ttlOption(op string) (sys.Option, error) {
	switch {
	case c.domain == sys.DomainUnix:
		return 0, c.opError(op, sys.EOPNOTSUPP)
	case c.domain == sys.DomainIPv6 && !c.addr.sa.IP.Is4():
		return sys.OptHopLimit, nil
	default:
		return sys.OptTTL, nil
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
