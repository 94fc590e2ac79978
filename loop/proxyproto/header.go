package proxyproto

// Header, what both versions tell, and which version is which.

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/eddyline/eddyline/stream"
)

// DefaultMax is the longest header in bytes that is taken where no Max is set. The
// specification wants 536 to be enough; a client's certificate in the TLVs needs more.
const DefaultMax = 4096

var (
	// ErrHeader is the input that does not begin with a header, or with one that is
	// not right: the error that wraps it says in what.
	ErrHeader = errors.New("proxyproto: no valid PROXY header")
	// ErrTooLong is a header longer than Max, or one to be sent that is longer than
	// the format allows.
	ErrTooLong = errors.New("proxyproto: header too long")
	// ErrUntrusted is a connection from an address whose word is not taken.
	ErrUntrusted = errors.New("proxyproto: not a trusted proxy")
)

// Header is what a proxy tells about the connection that it forwards.
type Header struct {
	// Version is 1 or 2; 0 means 2 to Append.
	Version int
	// Local is a connection of the proxy's own, such as a health check. Only version
	// 2 can tell.
	Local bool
	// Source is the client's address and Destination the one it connected to. Both
	// are the zero Addr where the proxy does not tell, as for a Local connection: use
	// the connection's own then. The zone of an IPv6 address is never sent.
	Source, Destination stream.Addr
	// TLVs are what version 2 tells besides.
	TLVs TLVs
}

// Parse reads the header that in begins with. n is its length in bytes; 0 means that it
// is not whole yet. h.TLVs is a part of in. A header of version 2 has at most 65,551
// bytes, one of version 1 at most 107. The error is an [ErrHeader]: it comes as soon
// as no header begins so, and for what a header says when that is whole.
//
// A forwarded datagram, and a family that is unspecified, have no addresses in the
// result, as the specification permits.
func Parse(in []byte) (h Header, n int, err error) {
	n, err = size(in)
	if err != nil || n == 0 || n > len(in) {
		return Header{}, 0, err
	}
	if in[0] == signature1[0] {
		h, err = parse1(in[:n])
	} else {
		h, err = parse2(in[:n])
	}
	if err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// size is the length of the header that in begins with, of which a part may be missing
// yet; 0 if even the length is not known.
func size(in []byte) (int, error) {
	switch {
	case begins(in, signature1):
		return size1(in)
	case begins(in, signature2):
		return size2(in)
	default:
		return 0, fmt.Errorf("%w: the input begins with %q", ErrHeader, in[:min(len(in), len(signature2))])
	}
}

// begins tells whether in begins with signature, as far as it goes.
func begins(in []byte, signature string) bool {
	n := min(len(in), len(signature))
	return bytes.Equal(in[:n], []byte(signature[:n]))
}

// Append appends the header to dst. It must be the first that is sent on a connection.
// Errors: [ErrTooLong]; os.ErrInvalid for addresses of two kinds, for only one address,
// and for what the version cannot say (version 1: unix addresses, Local, TLVs); dst is then
// returned as it was.
func (h Header) Append(dst []byte) ([]byte, error) {
	if h.Source.Network() != h.Destination.Network() ||
		h.Source.AddrPort().Addr().Is4() != h.Destination.AddrPort().Addr().Is4() {
		return dst, h.invalid("addresses of two kinds")
	}
	if h.Local && h.Source.IsValid() {
		return dst, h.invalid("addresses of a connection of the proxy's own")
	}
	switch h.Version {
	case 1:
		return h.append1(dst)
	case 0, 2:
		return h.append2(dst)
	default:
		return dst, h.invalid("unknown version")
	}
}

func (h Header) invalid(what string) error {
	return fmt.Errorf("proxyproto: header of version %d from %v to %v: %s: %w", h.Version, h.Source, h.Destination, what, os.ErrInvalid)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrHeader, fmt.Sprintf(format, args...))
}
