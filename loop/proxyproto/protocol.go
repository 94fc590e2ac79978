package proxyproto

// The handler that reads the header of a connection and then makes way.

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// DefaultTimeout is how long a header may take to arrive where no Timeout is set. The
// specification wants at least 3 s, in which TCP can send a lost segment again.
const DefaultTimeout = 5 * time.Second

// Config says whose headers are taken, and which. The zero Config takes those of proxies
// on the same machine.
type Config struct {
	// Trusted are the addresses of proxies whose word is taken. Connections from
	// elsewhere are refused; those over unix sockets never are, since the file system
	// says who may connect. Default: the loopback addresses. Whoever is trusted can claim
	// any address for a client.
	Trusted []netip.Prefix
	// Max is the longest header in bytes. Default: DefaultMax. At most the MaxInbound
	// of the engine is of use.
	Max int
	// Timeout is how long the header may take. Default: DefaultTimeout. Negative: no limit.
	Timeout time.Duration
	// Refused, if it is set, hears of every connection that ended without a valid
	// header, on the connection's loop: err is [ErrUntrusted], [ErrHeader],
	// [ErrTooLong], os.ErrDeadlineExceeded, io.ErrUnexpectedEOF, loop.ErrRefused if
	// next made no handler, or what ended the connection otherwise.
	Refused func(c *loop.Conn, err error)
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Protocol returns a [loop.Protocol] that reads the header of each connection, and then
// calls next, once, on the connection's loop, to make the handler of what follows. That
// handler is called as if the header had never been there, OnOpen included; a nil
// one closes the connection. h.TLVs belongs to the engine and is valid until next returns.
// [loop.Conn.RemoteAddr] stays the proxy's address. Within next and OnOpen the header is
// not consumed yet: a [loop.Conn.Detach] there would return it with the unread input, so
// let [loop.Ref.Do] make that call.
//
// A connection without a valid header is closed, and next never called for it.
func (cfg Config) Protocol(next func(c *loop.Conn, h Header) loop.Handler) loop.Protocol {
	cfg.Trusted = slices.Clone(cfg.Trusted)
	if cfg.Trusted == nil {
		cfg.Trusted = loopback
	}
	if cfg.Max == 0 {
		cfg.Max = DefaultMax
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Refused == nil {
		cfg.Refused = func(*loop.Conn, error) {}
	}
	return func(c *loop.Conn) loop.Handler {
		if !cfg.trusts(c.RemoteAddr()) {
			cfg.Refused(c, fmt.Errorf("%w: %v", ErrUntrusted, c.RemoteAddr()))
			return nil
		}
		if cfg.Timeout > 0 {
			c.SetReadDeadline(time.Now().Add(cfg.Timeout))
		}
		return &reader{cfg: &cfg, next: next}
	}
}

func (cfg *Config) trusts(peer stream.Addr) bool {
	ip := peer.AddrPort().Addr().WithZone("")
	return peer.IsUnix() || slices.ContainsFunc(cfg.Trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// reader is the handler of a connection whose header is awaited.
type reader struct {
	cfg     *Config
	next    func(*loop.Conn, Header) loop.Handler
	handler loop.Handler // what next made
}

// OnData waits for the whole header, and hands over.
func (r *reader) OnData(c *loop.Conn, in []byte) (int, error) {
	n, err := size(in)
	if err != nil {
		return 0, err
	}
	if n > r.cfg.Max {
		return 0, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLong, n, r.cfg.Max)
	}
	h, n, err := Parse(in)
	if n == 0 {
		return 0, err
	}
	c.SetReadDeadline(time.Time{})
	return n, r.handOver(c, h)
}

// handOver does for the handler that next makes what the engine does for one that a
// Protocol made.
func (r *reader) handOver(c *loop.Conn, h Header) error {
	r.handler = r.next(c, h)
	if r.handler == nil {
		return loop.ErrRefused
	}
	c.SetHandler(r.handler)
	if o, ok := r.handler.(loop.OpenHandler); ok {
		return o.OnOpen(c)
	}
	return nil
}

// OnClose ends a connection without a header, or one that next itself has ended.
func (r *reader) OnClose(c *loop.Conn, err error) {
	if r.handler != nil {
		r.handler.OnClose(c, err)
		return
	}
	if err == nil {
		err = fmt.Errorf("proxyproto: the connection ended before its header did: %w", io.ErrUnexpectedEOF)
	}
	r.cfg.Refused(c, err)
}
