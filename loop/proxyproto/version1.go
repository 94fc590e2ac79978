package proxyproto

// Version 1: a line of text.

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"github.com/eddyline/eddyline/stream"
)

const (
	signature1 = "PROXY "
	lineEnd    = "\r\n"
	longest1   = 107 // bytes of the longest line, its end included
	tcp4, tcp6 = "TCP4", "TCP6"
	unknown    = "UNKNOWN"
)

func size1(in []byte) (int, error) {
	i := bytes.Index(in[:min(len(in), longest1)], []byte(lineEnd))
	switch {
	case i >= 0:
		return i + len(lineEnd), nil
	case len(in) >= longest1:
		return 0, malformed("no end of the line in %d bytes", longest1)
	default:
		return 0, nil
	}
}

func parse1(header []byte) (Header, error) {
	line := strings.TrimSuffix(string(header[len(signature1):]), lineEnd)
	kind, rest, _ := strings.Cut(line, " ")
	if kind == unknown {
		return Header{Version: 1}, nil // whatever follows is to be ignored
	}
	fields := strings.Split(rest, " ")
	if (kind != tcp4 && kind != tcp6) || len(fields) != 4 {
		return Header{}, malformed("line %q", line)
	}
	source, ok1 := parseEnd(kind, fields[0], fields[2])
	destination, ok2 := parseEnd(kind, fields[1], fields[3])
	if !ok1 || !ok2 {
		return Header{}, malformed("addresses in line %q", line)
	}
	return Header{Version: 1, Source: source, Destination: destination}, nil
}

// parseEnd reads the address and the port of one end.
func parseEnd(kind, address, port string) (stream.Addr, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Is4() != (kind == tcp4) || ip.Zone() != "" {
		return stream.Addr{}, false
	}
	// A leading zero could be taken for an octal number.
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || (port[0] == '0' && port != "0") {
		return stream.Addr{}, false
	}
	return stream.AddrFrom(netip.AddrPortFrom(ip, uint16(number))), true
}

func (h Header) append1(dst []byte) ([]byte, error) {
	source, destination := h.Source.AddrPort(), h.Destination.AddrPort()
	if h.Local || h.Source.IsUnix() || len(h.TLVs) > 0 {
		return dst, h.invalid("more than version 1 can say")
	}
	dst = append(dst, signature1...)
	if !source.IsValid() {
		return append(dst, unknown+lineEnd...), nil
	}
	kind := tcp6
	if source.Addr().Is4() {
		kind = tcp4
	}
	dst = append(dst, kind...)
	dst = source.Addr().WithZone("").AppendTo(append(dst, ' '))
	dst = destination.Addr().WithZone("").AppendTo(append(dst, ' '))
	dst = strconv.AppendUint(append(dst, ' '), uint64(source.Port()), 10)
	dst = strconv.AppendUint(append(dst, ' '), uint64(destination.Port()), 10)
	return append(dst, lineEnd...), nil
}
