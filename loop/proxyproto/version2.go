package proxyproto

// Version 2: a signature, four bytes that tell what follows, addresses, TLVs.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/eddyline/eddyline/stream"
)

const (
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	fixed2     = 16 // bytes in front of the addresses
	pathSize   = 108

	// The thirteenth byte: version 2, and one of the two commands.
	commandLocal = 0x20
	commandProxy = 0x21
)

// family is the kind of address, the upper half of the fourteenth byte.
type family byte

const (
	unspecified family = iota
	inet
	inet6
	unix
)

// The lower half of it is what carries the bytes.
const (
	unspecifiedTransport = iota
	streamTransport
	datagramTransport
)

// addresses is how many bytes the two addresses of each family have together.
var addresses = [...]int{unspecified: 0, inet: 2 * (4 + 2), inet6: 2 * (16 + 2), unix: 2 * pathSize}

func size2(in []byte) (int, error) {
	if len(in) > len(signature2) {
		if command := in[12]; command != commandLocal && command != commandProxy {
			return 0, malformed("version and command %#02x", command)
		}
	}
	if len(in) < fixed2 {
		return 0, nil
	}
	return fixed2 + int(binary.BigEndian.Uint16(in[14:])), nil
}

func parse2(header []byte) (Header, error) {
	h := Header{Version: 2}
	if header[12] == commandLocal {
		h.Local = true // and the rest says nothing, its family included
		return h, nil
	}
	kind, transport := family(header[13]>>4), header[13]&0xf
	if int(kind) >= len(addresses) || transport > datagramTransport {
		return Header{}, malformed("family and protocol %#02x", header[13])
	}
	if kind == unspecified {
		return h, nil
	}
	body := header[fixed2:]
	if len(body) < addresses[kind] {
		return Header{}, malformed("%d bytes for addresses that need %d", len(body), addresses[kind])
	}
	if transport == streamTransport {
		h.Source, h.Destination = parseEnds(kind, body)
	}
	h.TLVs = TLVs(body[addresses[kind]:])
	if err := h.TLVs.check(header); err != nil {
		return Header{}, err
	}
	return h, nil
}

// parseEnds reads both addresses, which body has room for.
func parseEnds(kind family, body []byte) (source, destination stream.Addr) {
	if kind == unix {
		return unixEnd(body[:pathSize]), unixEnd(body[pathSize : 2*pathSize])
	}
	size := addresses[kind]/2 - 2
	ports := body[2*size:]
	return inetEnd(body[:size], ports), inetEnd(body[size:2*size], ports[2:])
}

func inetEnd(address, port []byte) stream.Addr {
	ip, _ := netip.AddrFromSlice(address) // of 4 or 16 bytes, which always is one
	return stream.AddrFrom(netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port)))
}

// unixEnd reads a path as it is in a sockaddr_un: up to the first NUL, or with a
// NUL in front for a name in the abstract namespace (unix(7)).
func unixEnd(path []byte) stream.Addr {
	if rest := bytes.TrimRight(path, "\x00"); path[0] == 0 && len(rest) > 0 {
		return stream.UnixAddr("@" + string(rest[1:]))
	}
	name, _, _ := bytes.Cut(path, []byte{0})
	if bytes.HasPrefix(name, []byte("@")) {
		return stream.UnixAddr("./" + string(name))
	}
	return stream.UnixAddr(string(name))
}

func (h Header) append2(dst []byte) ([]byte, error) {
	command, kind := byte(commandProxy), h.family()
	if h.Local {
		command = commandLocal
	}
	if kind == unspecified && len(h.TLVs) > 0 {
		return dst, h.invalid("TLVs without addresses, which receivers ignore")
	}
	length := addresses[kind] + len(h.TLVs)
	if length > math.MaxUint16 {
		return dst, fmt.Errorf("%w: %d bytes of TLVs", ErrTooLong, len(h.TLVs))
	}
	out := append(dst, signature2...)
	out = append(out, command, byte(kind)<<4|transportOf(kind))
	out = binary.BigEndian.AppendUint16(out, uint16(length))
	out, err := h.appendEnds(out)
	if err != nil {
		return dst, err
	}
	out = append(out, h.TLVs...)
	header := out[len(dst):]
	if err := TLVs(header[fixed2+addresses[kind]:]).fill(header); err != nil {
		return dst, err
	}
	return out, nil
}

// family is that of both addresses.
func (h Header) family() family {
	switch ip := h.Source.AddrPort().Addr(); {
	case h.Source.IsUnix():
		return unix
	case ip.Is4():
		return inet
	case ip.Is6():
		return inet6
	default:
		return unspecified
	}
}

func transportOf(kind family) byte {
	if kind == unspecified {
		return unspecifiedTransport
	}
	return streamTransport
}

func (h Header) appendEnds(out []byte) ([]byte, error) {
	source, destination := h.Source.AddrPort(), h.Destination.AddrPort()
	if h.Source.IsUnix() {
		var ok1, ok2 bool
		out, ok1 = appendPath(out, h.Source.Path())
		out, ok2 = appendPath(out, h.Destination.Path())
		if !ok1 || !ok2 {
			return nil, h.invalid("a path that no socket can have")
		}
		return out, nil
	}
	if !source.IsValid() {
		return out, nil
	}
	out = append(out, source.Addr().AsSlice()...)
	out = append(out, destination.Addr().AsSlice()...)
	out = binary.BigEndian.AppendUint16(out, source.Port())
	return binary.BigEndian.AppendUint16(out, destination.Port()), nil
}

// appendPath appends path as it is in a sockaddr_un, if unixEnd can read that.
func appendPath(out []byte, path string) ([]byte, bool) {
	var field [pathSize]byte
	name, abstract := strings.CutPrefix(path, "@")
	if abstract {
		name = "\x00" + name
	}
	copy(field[:], name)
	return append(out, field[:]...), unixEnd(field[:]) == stream.UnixAddr(path)
}
