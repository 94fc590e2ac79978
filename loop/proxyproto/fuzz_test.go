package proxyproto_test

// Any input, and any header: no panic, the model's answer, the same one however the input
// arrives, and both directions agree.

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/loop/proxyproto"
	"github.com/eddyline/eddyline/stream"
)

func FuzzParse(f *testing.F) {
	for _, tc := range headers {
		f.Add([]byte(tc.text+"after"), uint16(len(tc.text)/2))
	}
	for _, tc := range otherHeaders {
		f.Add([]byte(tc.text+"after"), uint16(len(tc.text)/2))
	}
	for _, tc := range malformedHeaders {
		f.Add([]byte(tc.text), uint16(len(tc.text)/2))
	}
	for _, ip := range []string{
		"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1",
		":", ":::", "1", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "12345::", "1:2:3:4:5:6:7:192.0.2.1",
		"::1192.0.2.1", "192.0.2.1::", "::192.0.02.1", "::192.0.2.1:1", "g::",
	} {
		f.Add([]byte("PROXY TCP6 "+ip+" ::1 1 2\r\n"), uint16(20))
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
	compare(t, in)
	part := in[:min(int(cut), len(in))]
	compare(t, part)
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

// compare wants the model's answer to in.
func compare(t *testing.T, in []byte) {
	t.Helper()
	h, n, err := proxyproto.Parse(in)
	want, tlvs, size, told := modelParse(in)
	verdict := whole
	switch {
	case errors.Is(err, proxyproto.ErrHeader):
		verdict = invalid
	case err != nil:
		t.Fatalf("%q: %v, want ErrHeader or none", in, err)
	case n == 0:
		verdict = unfinished
	}
	if verdict != told || n != size || !equal(h, want) {
		t.Fatalf("%q is %v: %+v, %d, %v; want %v: %+v, %d", in, verdict, h, n, err, told, want, size)
	}
	if got := list(h.TLVs); !slices.Equal(got, tlvs) {
		t.Fatalf("%q has the TLVs %q, want %q", in, got, tlvs)
	}
	for i, one := range tlvs {
		first := !slices.ContainsFunc(tlvs[:i], func(other tlv) bool { return other.kind == one.kind })
		if v, ok := h.TLVs.Get(one.kind); first && (!ok || string(v) != one.value) {
			t.Fatalf("%q: the TLV of type %#02x is %q, %v, want %q", in, byte(one.kind), v, ok, one.value)
		}
	}
}

func list(tlvs proxyproto.TLVs) (all []tlv) {
	for kind, value := range tlvs.All() {
		all = append(all, tlv{kind, string(value)})
	}
	return all
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte("\xc0\x00\x02\x01"), []byte("\xc6\x33\x64\x07"), uint16(1), uint16(2), []byte("\x03\x00\x04    "), uint8(2), false)
	f.Add([]byte("\xc0\x00\x02\x01"), []byte("\xc6\x33\x64\x07"), uint16(1), uint16(2), []byte(strings.Repeat("\x03\x00\x04    ", 2)), uint8(2), false)
	f.Add([]byte("\xc0\x00\x02\x01"), []byte("\xc6\x33\x64\x07"), uint16(1), uint16(2), []byte("\x04\x00\x01"), uint8(2), false)
	f.Add([]byte("/run/client"), []byte("@name"), uint16(1), uint16(2), []byte(""), uint8(2), true)
	f.Add([]byte("\xc0\x00\x02\x01"), []byte("\xc6\x33\x64\x07"), uint16(1), uint16(2), []byte("\x03\x00\x04    \x20\x01\x2c"+strings.Repeat("s", 300)), uint8(2), false)
	f.Add([]byte(""), []byte(""), uint16(0), uint16(0), []byte(""), uint8(1), false)
	f.Fuzz(checkAppend)
}

// checkAppend wants Append to take what the model would, and the model to find that in what
// Append makes.
func checkAppend(t *testing.T, source, destination []byte, port1, port2 uint16, tlvs []byte, version uint8, unix bool) {
	end := func(address []byte, port uint16) stream.Addr {
		ip, _ := netip.AddrFromSlice(address)
		if unix {
			return stream.UnixAddr(string(address))
		}
		return stream.AddrFrom(netip.AddrPortFrom(ip, port))
	}
	h := proxyproto.Header{Version: int(version), Source: end(source, port1), Destination: end(destination, port2), TLVs: bytes.Clone(tlvs)}
	out, err := h.Append([]byte("before"))
	if sends := modelSends(h); sends != (err == nil) {
		t.Fatalf("%+v: %v, want it to be sent: %v", h, err, sends)
	}
	if err != nil {
		if string(out) != "before" {
			t.Fatalf("%+v was refused, and the output is %q", h, out)
		}
		return
	}
	header := out[len("before"):]
	compare(t, header)
	got, told, n, v := modelParse(append(bytes.Clone(header), "after"...))
	if v != whole || n != len(header) {
		t.Fatalf("%+v became %q, which is %v, %d", h, out, v, n)
	}
	given, ok := modelTLVs(tlvs)
	if !ok || !slices.EqualFunc(told, given, func(a, b tlv) bool {
		return a.kind == b.kind && (a.value == b.value || a.kind == proxyproto.CRC32C) // which Append computed
	}) {
		t.Fatalf("%+v became %q, which has the TLVs %q", h, out, told)
	}
	if !bytes.Equal(h.TLVs, tlvs) {
		t.Fatalf("Append changed the caller's TLVs from %q to %q", tlvs, h.TLVs)
	}
	got.TLVs, h.TLVs = nil, nil
	if h.Version == 0 {
		h.Version = 2
	}
	if !equal(got, h) {
		t.Fatalf("%+v became %q, which is %+v", h, out, got)
	}
}
