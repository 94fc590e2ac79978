package proxyproto_test

// Any input, and any header: no panic, no byte too many, the same answer however the input
// arrives, and both directions agree.

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/loop/proxyproto"
	"github.com/eddyline/eddyline/stream"
)

func FuzzParse(f *testing.F) {
	for _, tc := range headers {
		f.Add([]byte(tc.text+"after"), uint16(len(tc.text)/2))
	}
	f.Add([]byte("PROXY UNKNOWN"+strings.Repeat(" ", 94)), uint16(50))
	f.Add([]byte(binaryHeader(0x20, 0xff, ipv4)), uint16(13))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"), uint16(20))
	f.Fuzz(checkParse)
}

func checkParse(t *testing.T, in []byte, cut uint16) {
	h, n, err := proxyproto.Parse(in)
	if n < 0 || n > len(in) || (err != nil && n != 0) {
		t.Fatalf("%q: %d of %d bytes, %v", in, n, len(in), err)
	}
	part := in[:min(int(cut), len(in))]
	_, some, partly := proxyproto.Parse(part)
	switch {
	case n > 0 && len(part) < n && (some != 0 || partly != nil):
		t.Fatalf("%q is a header, its part %q is %d, %v", in[:n], part, some, partly)
	case n > 0 && len(part) >= n && (some != n || partly != nil):
		t.Fatalf("%q is a header, with less after it it is %d, %v", in[:n], some, partly)
	case n == 0 && err == nil && (some != 0 || partly != nil):
		t.Fatalf("%q may become a header, its part %q is %d, %v", in, part, some, partly)
	case err != nil && some != 0:
		t.Fatalf("%q is no header (%v), its part %q is one", in, err, part)
	}
	if n == 0 || (h.Version == 2 && !h.Source.IsValid() && len(h.TLVs) > 0) {
		return
	}
	out, err := h.Append(nil)
	if err != nil {
		// One address was an IPv4 address mapped into IPv6 and the other was not; or
		// "./" in front of a file's name that looks abstract made it too long.
		mixed := h.Source.AddrPort().Addr().Is4() != h.Destination.AddrPort().Addr().Is4()
		if mixed || max(len(h.Source.Path()), len(h.Destination.Path())) > 108 {
			return
		}
		t.Fatalf("%q is %+v, which cannot be sent: %v", in[:n], h, err)
	}
	again, m, err := proxyproto.Parse(out)
	if err != nil || m != len(out) || !equal(again, h) {
		t.Fatalf("%q is %+v, which becomes %q, which is %+v, %d, %v", in[:n], h, out, again, m, err)
	}
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte("\xc0\x00\x02\x01"), []byte("\xc6\x33\x64\x07"), uint16(1), uint16(2), []byte("\x03\x00\x04    "), uint8(2), false)
	f.Add([]byte("/run/client"), []byte("@name"), uint16(1), uint16(2), []byte(""), uint8(2), true)
	f.Add([]byte(""), []byte(""), uint16(0), uint16(0), []byte(""), uint8(1), false)
	f.Fuzz(checkAppend)
}

// checkAppend wants what Append takes to come back.
func checkAppend(t *testing.T, source, destination []byte, port1, port2 uint16, tlvs []byte, version uint8, unix bool) {
	end := func(address []byte, port uint16) stream.Addr {
		ip, _ := netip.AddrFromSlice(address)
		if unix {
			return stream.UnixAddr(string(address))
		}
		return stream.AddrFrom(netip.AddrPortFrom(ip, port))
	}
	h := proxyproto.Header{Version: int(version), Source: end(source, port1), Destination: end(destination, port2), TLVs: tlvs}
	out, err := h.Append([]byte("before"))
	if err != nil {
		if string(out) != "before" {
			t.Fatalf("%+v was refused, and the output is %q", h, out)
		}
		return
	}
	got, n, err := proxyproto.Parse(append(out[len("before"):], "after"...))
	if err != nil || n != len(out)-len("before") {
		t.Fatalf("%+v became %q, which is %d, %v", h, out, n, err)
	}
	if sum, ok := got.TLVs.Get(proxyproto.CRC32C); ok { // which Append computed
		own, _ := h.TLVs.Get(proxyproto.CRC32C)
		copy(own, sum)
	}
	if h.Version == 0 {
		h.Version = 2
	}
	if !equal(got, h) {
		t.Fatalf("%+v became %q, which is %+v", h, out, got)
	}
}
