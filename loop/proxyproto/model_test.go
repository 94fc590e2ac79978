package proxyproto_test

// A second reading of the specification, to compare the package with something other than
// itself: a regular expression for version 1, plain arithmetic on bytes for version 2.

import (
	"bytes"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/eddyline/eddyline/loop/proxyproto"
	"github.com/eddyline/eddyline/stream"
)

// What an input begins with.
type verdict int

const (
	invalid verdict = iota
	unfinished
	whole
)

func (v verdict) String() string { return [...]string{"invalid", "unfinished", "whole"}[v] }

// tlv is one of a header's TLVs.
type tlv struct {
	kind  proxyproto.Type
	value string
}

// modelParse is what Parse should make of in, with the TLVs taken apart.
func modelParse(in []byte) (h proxyproto.Header, tlvs []tlv, n int, v verdict) {
	switch {
	case len(in) < 6 && strings.HasPrefix("PROXY ", string(in)),
		len(in) < 12 && strings.HasPrefix(signature, string(in)):
		return h, nil, 0, unfinished
	case bytes.HasPrefix(in, []byte("PROXY ")):
		h, n, v = modelParse1(in)
	case bytes.HasPrefix(in, []byte(signature)):
		h, tlvs, n, v = modelParse2(in)
	}
	if v != whole {
		return proxyproto.Header{}, nil, 0, v
	}
	return h, tlvs, n, v
}

const (
	octet   = `(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	quad    = `(` + octet + `\.` + octet + `\.` + octet + `\.` + octet + `)`
	hexes   = `([0-9A-Fa-f:.]+)`
	decimal = `(0|[1-9][0-9]{0,4})`
)

// A line is judged once its end is there.
var (
	anyLine     = regexp.MustCompile(`^(?s:.*?)\r\n`)
	unknownLine = regexp.MustCompile(`^PROXY UNKNOWN(?s: .*)?\r\n$`)
	line4       = regexp.MustCompile(`^PROXY TCP4 ` + quad + ` ` + quad + ` ` + decimal + ` ` + decimal + `\r\n$`)
	line6       = regexp.MustCompile(`^PROXY TCP6 ` + hexes + ` ` + hexes + ` ` + decimal + ` ` + decimal + `\r\n$`)
)

func modelParse1(in []byte) (h proxyproto.Header, n int, v verdict) {
	text := anyLine.FindString(string(in[:min(len(in), 107)]))
	if text == "" && len(in) < 107 {
		return h, 0, unfinished
	}
	h.Version = 1
	if unknownLine.MatchString(text) {
		return h, len(text), whole
	}
	var source, destination netip.Addr
	var ports []string
	if m := line4.FindStringSubmatch(text); m != nil {
		source, destination, ports = netip.AddrFrom4(model4(m[1])), netip.AddrFrom4(model4(m[2])), m[3:]
	} else if m := line6.FindStringSubmatch(text); m != nil {
		a, ok1 := model6(m[1])
		b, ok2 := model6(m[2])
		if !ok1 || !ok2 {
			return h, 0, invalid
		}
		source, destination, ports = netip.AddrFrom16(a), netip.AddrFrom16(b), m[3:]
	} else {
		return h, 0, invalid
	}
	port1, _ := strconv.Atoi(ports[0]) // both are at most five digits
	port2, _ := strconv.Atoi(ports[1])
	if port1 > 65535 || port2 > 65535 {
		return h, 0, invalid
	}
	h.Source = stream.AddrFrom(netip.AddrPortFrom(source, uint16(port1)))
	h.Destination = stream.AddrFrom(netip.AddrPortFrom(destination, uint16(port2)))
	return h, len(text), whole
}

// model4 reads what quad matches.
func model4(s string) (ip [4]byte) {
	for i, part := range strings.Split(s, ".") {
		number, _ := strconv.Atoi(part)
		ip[i] = byte(number)
	}
	return ip
}

// model6 reads what hexes matches: eight groups, of which "::" once stands for one or more,
// and the last two may be written as an IPv4 address (RFC 4291, section 2.2).
func model6(s string) (ip [16]byte, ok bool) {
	front, back, short := strings.Cut(s, "::")
	head, ok1 := groups6(front, short)
	tail, ok2 := groups6(back, true)
	if short && strings.Contains(front, ".") { // which can only be the end
		return ip, false
	}
	zeros := 16 - len(head) - len(tail)
	if !ok1 || !ok2 || (short && zeros < 2) || (!short && zeros != 0) {
		return ip, false
	}
	copy(ip[:], head)
	copy(ip[16-len(tail):], tail)
	return ip, true
}

var (
	group6 = regexp.MustCompile(`^[0-9A-Fa-f]{1,4}$`)
	quad6  = regexp.MustCompile(`^` + quad + `$`)
)

// groups6 reads groups with a colon between each two; none at all only where that is allowed.
func groups6(s string, none bool) (out []byte, ok bool) {
	if s == "" {
		return nil, none
	}
	parts := strings.Split(s, ":")
	for i, part := range parts {
		if i == len(parts)-1 && quad6.MatchString(part) {
			ip := model4(part)
			out = append(out, ip[:]...)
			continue
		}
		if !group6.MatchString(part) {
			return nil, false
		}
		number, _ := strconv.ParseUint(part, 16, 16)
		out = append(out, byte(number>>8), byte(number))
	}
	return out, true
}

// modelParse2 knows a wrong version or command at once, anything else once all is there.
func modelParse2(in []byte) (h proxyproto.Header, tlvs []tlv, n int, v verdict) {
	if len(in) > 12 && in[12] != 0x20 && in[12] != 0x21 {
		return h, nil, 0, invalid
	}
	if len(in) < 16 {
		return h, nil, 0, unfinished
	}
	n = 16 + 256*int(in[14]) + int(in[15])
	if len(in) < n {
		return h, nil, 0, unfinished
	}
	h.Version = 2
	if in[12] == 0x20 {
		h.Local = true
		return h, nil, n, whole
	}
	body := in[16:n]
	family, transport := in[13]/16, in[13]%16
	if family > 3 || transport > 2 {
		return h, nil, 0, invalid
	}
	if family == 0 {
		return h, nil, n, whole
	}
	size := [...]int{1: 12, 2: 36, 3: 216}[family]
	if len(body) < size {
		return h, nil, 0, invalid
	}
	if transport == 1 {
		h.Source, h.Destination = modelEnds(family, body[:size])
	}
	h.TLVs = body[size:]
	tlvs, ok := modelTLVs(h.TLVs)
	if !ok || !modelChecksum(in[:n], n-len(h.TLVs), tlvs) {
		return h, nil, 0, invalid
	}
	return h, tlvs, n, whole
}

func modelEnds(family byte, b []byte) (source, destination stream.Addr) {
	end := func(ip netip.Addr, high, low byte) stream.Addr {
		return stream.AddrFrom(netip.AddrPortFrom(ip, 256*uint16(high)+uint16(low)))
	}
	switch family {
	case 1:
		return end(netip.AddrFrom4([4]byte(b[0:4])), b[8], b[9]), end(netip.AddrFrom4([4]byte(b[4:8])), b[10], b[11])
	case 2:
		return end(netip.AddrFrom16([16]byte(b[0:16])), b[32], b[33]), end(netip.AddrFrom16([16]byte(b[16:32])), b[34], b[35])
	default:
		return modelPath(string(b[:108])), modelPath(string(b[108:]))
	}
}

// modelPath reads the name in a sockaddr_un, as stream.UnixAddr takes it.
func modelPath(field string) stream.Addr {
	last := len(field)
	for last > 0 && field[last-1] == 0 {
		last--
	}
	if last > 0 && field[0] == 0 {
		return stream.UnixAddr("@" + field[1:last])
	}
	name := strings.Split(field, "\x00")[0]
	if strings.HasPrefix(name, "@") {
		name = "./" + name
	}
	return stream.UnixAddr(name)
}

// modelTLVs takes b apart; false if something is left over.
func modelTLVs(b []byte) (tlvs []tlv, ok bool) {
	for len(b) > 0 {
		if len(b) < 3 {
			return tlvs, false
		}
		size := 256*int(b[1]) + int(b[2])
		if len(b) < 3+size {
			return tlvs, false
		}
		tlvs = append(tlvs, tlv{proxyproto.Type(b[0]), string(b[3 : 3+size])})
		b = b[3+size:]
	}
	return tlvs, true
}

// modelChecksum tells whether header, with tlvs from at on, has no checksum or a right one.
func modelChecksum(header []byte, at int, tlvs []tlv) bool {
	told, zeroed := "", bytes.Clone(header)
	for _, one := range tlvs {
		if one.kind == 3 {
			if told != "" || len(one.value) != 4 {
				return false
			}
			told = one.value
			copy(zeroed[at+3:], "\x00\x00\x00\x00")
		}
		at += 3 + len(one.value)
	}
	sum := modelSum(zeroed)
	return told == "" || told == string([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

// modelSum is CRC32c bit by bit (RFC 3385).
func modelSum(b []byte) uint32 {
	sum := ^uint32(0)
	for _, c := range b {
		sum ^= uint32(c)
		for range 8 {
			low := sum & 1
			sum >>= 1
			if low == 1 {
				sum ^= 0x82f63b78
			}
		}
	}
	return ^sum
}

// modelSends tells whether Append should take h.
func modelSends(h proxyproto.Header) bool {
	source, destination := h.Source.AddrPort().Addr(), h.Destination.AddrPort().Addr()
	if h.Source.IsUnix() != h.Destination.IsUnix() || source.BitLen() != destination.BitLen() || (h.Local && h.Source.IsValid()) {
		return false
	}
	if h.Version == 1 {
		return !h.Local && !h.Source.IsUnix() && len(h.TLVs) == 0
	}
	if h.Version != 0 && h.Version != 2 {
		return false
	}
	tlvs, ok := modelTLVs(h.TLVs)
	sums := 0
	for _, one := range tlvs {
		if one.kind == 3 {
			sums++
			ok = ok && len(one.value) == 4
		}
	}
	size := map[int]int{32: 12, 128: 36}[source.BitLen()]
	if h.Source.IsUnix() {
		size = 216
		ok = ok && modelFits(h.Source.Path()) && modelFits(h.Destination.Path())
	}
	return ok && sums <= 1 && size+len(h.TLVs) <= 65535 && (size > 0 || len(h.TLVs) == 0)
}

// modelFits tells whether a sockaddr_un can have a name.
func modelFits(name string) bool {
	field := name
	if strings.HasPrefix(name, "@") {
		field = "\x00" + name[1:]
	}
	return len(field) <= 108 && modelPath(path(field)) == stream.UnixAddr(name)
}
