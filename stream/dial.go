package stream

// Making connections to names.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Dial looks address up, as [Resolve] does, and connects to the first of the
// addresses found that accepts, in their order. If none accepts, the error is
// that of the last one. The end of ctx ends Dial at once, wherever it is; the
// error then matches the context's, and [os.ErrDeadlineExceeded] if it was its
// deadline. A deadline is shared out over the addresses, at least two seconds to
// each, so that one that does not answer leaves time for the next; a shorter one
// is all the first address's. A nil ctx is [os.ErrInvalid].
func Dial(ctx context.Context, network, address string) (*Stream, error) {
	addrs, err := Resolve(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p := patience{ctx: ctx}
	if ctx.Done() != nil {
		stop, err := p.follow(addrs[0])
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	for i, addr := range addrs {
		p.share(len(addrs) - i)
		var c *socket
		if c, err = dialOne(addr, &p); err == nil {
			return newStream(c), nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// follow makes the end of p's context end its waits, until stop is called.
func (p *patience) follow(addr Addr) (stop func(), err error) {
	if err := p.stopped(addr); err != nil {
		return nil, err
	}
	w, e := newWaker()
	if e != 0 {
		return nil, callError("connect", addr, wakerCall, e)
	}
	p.waker = w
	unregister := context.AfterFunc(p.ctx, w.signal)
	return func() {
		unregister()
		w.close()
	}, nil
}

// leastShare is the least time that an address gets as long as there is time.
const leastShare = 2 * time.Second

// share sets the limit for the next of n addresses that are left. The last has
// none but the end of the context itself.
func (p *patience) share(n int) {
	p.limit = limit{}
	deadline, ok := p.ctx.Deadline()
	if !ok || n == 1 {
		return
	}
	p.limit.start(max(time.Until(deadline)/time.Duration(n), leastShare))
}

// contextError is the error of a context that has ended.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return deadlineError{err}
	}
	return err
}

// Resolve finds the addresses that address may mean on network, at least one.
// For "tcp", "tcp4" and "tcp6" address is "host:port", where host is an IP
// address or a name and port a number or the name of a service; names are looked
// up by [net.DefaultResolver], whose order is kept, and tcp4 and tcp6 choose
// their kind. An empty host and [::] mean all addresses of this host, to listen on,
// or this host, to connect to: [::], then 0.0.0.0. For "unix" address is a path and
// nothing is looked up. Errors: [net.UnknownNetworkError], [*net.AddrError],
// [*net.DNSError], [os.ErrInvalid] for an empty path or a nil ctx.
//
// It takes what [net.ResolveTCPAddr] takes and finds that address among others; only
// an empty network and an empty address, which mean "tcp" and ":0" there, are errors.
func Resolve(ctx context.Context, network, address string) ([]Addr, error) {
	addrs, err := resolve(ctx, network, address)
	if err != nil {
		if ctx != nil && ctx.Err() != nil {
			err = errors.Join(contextError(ctx), err)
		}
		return nil, &net.OpError{Op: "resolve", Net: network, Err: naming(address, err)}
	}
	return addrs, nil
}

func resolve(ctx context.Context, network, address string) ([]Addr, error) {
	if ctx == nil {
		return nil, fmt.Errorf("nil context: %w", os.ErrInvalid)
	}
	switch network {
	case "tcp", "tcp4", "tcp6":
		return resolveTCP(ctx, network, address)
	case "unix":
		if address == "" {
			return nil, os.ErrInvalid
		}
		return []Addr{UnixAddr(address)}, nil
	default:
		return nil, net.UnknownNetworkError(network)
	}
}

func resolveTCP(ctx context.Context, network, address string) ([]Addr, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	ips, err := lookUp(ctx, host)
	if err != nil {
		return nil, err
	}
	var addrs []Addr
	for _, ip := range ips {
		ip = ip.Unmap()
		if network == "tcp" || (network == "tcp4") == ip.Is4() {
			addrs = append(addrs, AddrFrom(netip.AddrPortFrom(ip, uint16(port))))
		}
	}
	if len(addrs) == 0 {
		return nil, &net.AddrError{Err: "no suitable address", Addr: host}
	}
	return addrs, nil
}

func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	ip, err := netip.ParseAddr(cmp.Or(host, "::"))
	// The resolver would take an address, too, but drops its zone.
	if err != nil {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	if ip.WithZone("") == netip.IPv6Unspecified() {
		return []netip.Addr{ip, netip.IPv4Unspecified()}, nil
	}
	return []netip.Addr{ip}, nil
}

// naming puts the address into the text of an error that lacks it.
func naming(address string, err error) error {
	if strings.Contains(err.Error(), address) {
		return err
	}
	return &namedError{address, err}
}

type namedError struct {
	name string
	err  error
}

func (e *namedError) Error() string { return e.name + ": " + e.err.Error() }
func (e *namedError) Unwrap() error { return e.err }
