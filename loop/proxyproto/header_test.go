package proxyproto_test

// Headers: examples of each form, what is refused, and that both directions agree.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/loop/proxyproto"
	"github.com/eddyline/eddyline/stream"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

var (
	client4 = addr("192.0.2.1:56324")
	server4 = addr("198.51.100.7:443")
	client6 = addr("[2001:db8::1]:56324")
	server6 = addr("[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
)

func addr(s string) stream.Addr { return stream.AddrFrom(netip.MustParseAddrPort(s)) }

// binaryHeader is a header of version 2 as the specification draws it.
func binaryHeader(command, family byte, body string) string {
	return signature + string([]byte{command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + body
}

// ipv4 is the body of a header for client4 and server4.
const ipv4 = "\xc0\x00\x02\x01" + "\xc6\x33\x64\x07" + "\xdc\x04" + "\x01\xbb"

func path(s string) string { return s + strings.Repeat("\x00", 108-len(s)) }

// headers are those that Append makes and Parse takes.
var headers = []struct {
	name   string
	text   string
	header proxyproto.Header
}{
	{"1, IPv4", "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", proxyproto.Header{Version: 1, Source: client4, Destination: server4}},
	{"1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 56324 65535\r\n", proxyproto.Header{Version: 1, Source: client6, Destination: server6}},
	{"1, port 0", "PROXY TCP4 192.0.2.1 198.51.100.7 0 443\r\n", proxyproto.Header{Version: 1, Source: addr("192.0.2.1:0"), Destination: server4}},
	{"1, unknown", "PROXY UNKNOWN\r\n", proxyproto.Header{Version: 1}},
	{"2, IPv4", binaryHeader(0x21, 0x11, ipv4), proxyproto.Header{Version: 2, Source: client4, Destination: server4}},
	{"2, IPv6", binaryHeader(0x21, 0x21, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"+
		"\x20\x01\x0d\xb8\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+"\xdc\x04"+"\xff\xff"), proxyproto.Header{Version: 2, Source: client6, Destination: server6}},
	{"2, unix", binaryHeader(0x21, 0x31, path("/run/client")+path("")), proxyproto.Header{Version: 2, Source: stream.UnixAddr("/run/client"), Destination: stream.UnixAddr("")}},
	{"2, abstract", binaryHeader(0x21, 0x31, path("\x00name")+path("./@file")), proxyproto.Header{Version: 2, Source: stream.UnixAddr("@name"), Destination: stream.UnixAddr("./@file")}},
	{"2, the longest path", binaryHeader(0x21, 0x31, path(strings.Repeat("p", 108))+path("")), proxyproto.Header{Version: 2, Source: stream.UnixAddr(strings.Repeat("p", 108)), Destination: stream.UnixAddr("")}},
	{"2, local", binaryHeader(0x20, 0x00, ""), proxyproto.Header{Version: 2, Local: true}},
	{"2, unspecified", binaryHeader(0x21, 0x00, ""), proxyproto.Header{Version: 2}},
	{"2, TLVs", binaryHeader(0x21, 0x11, ipv4+"\x02\x00\x0bexample.org"+"\x04\x00\x00"), proxyproto.Header{Version: 2, Source: client4, Destination: server4, TLVs: proxyproto.TLVs("\x02\x00\x0bexample.org\x04\x00\x00")}},
	{"2, a TLV above 255 bytes", binaryHeader(0x21, 0x11, ipv4+"\x20\x01\x2c"+strings.Repeat("s", 300)+"\x04\x00\x00"), proxyproto.Header{Version: 2, Source: client4, Destination: server4, TLVs: proxyproto.TLVs("\x20\x01\x2c" + strings.Repeat("s", 300) + "\x04\x00\x00")}},
	{"2, checksum", summed, proxyproto.Header{Version: 2, Source: client4, Destination: server4, TLVs: proxyproto.TLVs(summed[len(summed)-13:])}},
}

// summed has a checksum that was made here, with a TLV on each side.
var summed = resummed(binaryHeader(0x21, 0x11, ipv4+"\x04\x00\x00"+"\x03\x00\x04\x00\x00\x00\x00"+"\x04\x00\x00"), 7)

// resummed is header with its checksum in the four zeros that begin so many bytes before its end.
func resummed(header string, before int) string {
	h := []byte(header)
	binary.BigEndian.PutUint32(h[len(h)-before:], crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
	return string(h)
}

func equal(a, b proxyproto.Header) bool {
	return a.Version == b.Version && a.Local == b.Local && a.Source == b.Source && a.Destination == b.Destination && bytes.Equal(a.TLVs, b.TLVs)
}

func TestHeaders(t *testing.T) {
	for _, tc := range headers {
		t.Run(tc.name, func(t *testing.T) {
			h, n, err := proxyproto.Parse([]byte(tc.text + "what follows"))
			if err != nil || n != len(tc.text) || !equal(h, tc.header) {
				t.Errorf("Parse: %+v, %d, %v; want %+v, %d", h, n, err, tc.header, len(tc.text))
			}
			out, err := tc.header.Append([]byte("before "))
			if err != nil || string(out) != "before "+tc.text {
				t.Errorf("Append: %q, %v; want %q", out, err, tc.text)
			}
		})
	}
}

// A part of a header is no error, and nothing is said before it is whole.
func TestPartsOfHeadersAreWaitedFor(t *testing.T) {
	for _, tc := range headers {
		for k := range len(tc.text) {
			if h, n, err := proxyproto.Parse([]byte(tc.text[:k])); n != 0 || err != nil || !equal(h, proxyproto.Header{}) {
				t.Errorf("%s, %d bytes: %+v, %d, %v", tc.name, k, h, n, err)
			}
		}
	}
}

// otherHeaders are forms that Append does not make.
var otherHeaders = []struct {
	name, text string
	want       proxyproto.Header
}{
	{"unknown with addresses", "PROXY UNKNOWN 1 2 3\n4\r\n", proxyproto.Header{Version: 1}},
	{"the longest line", "PROXY UNKNOWN" + strings.Repeat(" ", 92) + "\r\n", proxyproto.Header{Version: 1}},
	{"capitals", "PROXY TCP6 2001:DB8::1 2001:0db8:FFFF:ffff:ffff:ffff:ffff:ffff 56324 65535\r\n", proxyproto.Header{Version: 1, Source: client6, Destination: server6}},
	{"IPv4 mapped", "PROXY TCP6 ::ffff:c000:201 ::ffff:c633:6407 56324 443\r\n", proxyproto.Header{Version: 1, Source: client4, Destination: server4}},
	{"local with a family and addresses", binaryHeader(0x20, 0xff, ipv4), proxyproto.Header{Version: 2, Local: true}},
	{"datagrams", binaryHeader(0x21, 0x12, ipv4+"\x04\x00\x00"), proxyproto.Header{Version: 2, TLVs: proxyproto.TLVs("\x04\x00\x00")}},
	{"a family without a transport", binaryHeader(0x21, 0x10, ipv4), proxyproto.Header{Version: 2}},
	{"unspecified with anything", binaryHeader(0x21, 0x01, "anything"), proxyproto.Header{Version: 2}},
}

func TestOtherHeaders(t *testing.T) {
	for _, tc := range otherHeaders {
		t.Run(tc.name, func(t *testing.T) {
			h, n, err := proxyproto.Parse([]byte(tc.text))
			if err != nil || n != len(tc.text) || !equal(h, tc.want) {
				t.Errorf("%+v, %d, %v; want %+v, %d", h, n, err, tc.want, len(tc.text))
			}
		})
	}
}

var malformedHeaders = []struct{ name, text, says string }{
	{"another protocol", "GET / HTTP/1.1", `"GET / HTTP/1`},
	{"another protocol's first byte", "G", `"G"`},
	{"nearly", "PROXX", `"PROXX"`},
	{"nearly binary", "\r\n\r\n\r", `"\r\n\r\n\r"`},
	{"no end", "PROXY UNKNOWN" + strings.Repeat(" ", 94), "no end of the line in 107 bytes"},
	{"an end that comes too late", "PROXY UNKNOWN" + strings.Repeat(" ", 93) + "\r\n", "no end of the line"},
	{"no kind", "PROXY \r\n", "line"},
	{"unknown kind", "PROXY TCP5 192.0.2.1 198.51.100.7 1 2\r\n", "line"},
	{"a kind that begins as another", "PROXY UNKNOWNS\r\n", "line"},
	{"two spaces", "PROXY TCP4  192.0.2.1 198.51.100.7 1 2\r\n", "line"},
	{"a space at the end", "PROXY TCP4 192.0.2.1 198.51.100.7 1 2 \r\n", "line"},
	{"too few", "PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n", "line"},
	{"end of a line without a carriage return", "PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n\r\n", "addresses"},
	{"port above", "PROXY TCP4 192.0.2.1 198.51.100.7 1 65536\r\n", "addresses"},
	{"port with a zero", "PROXY TCP4 192.0.2.1 198.51.100.7 01 2\r\n", "addresses"},
	{"the other port with a zero", "PROXY TCP4 192.0.2.1 198.51.100.7 1 00\r\n", "addresses"},
	{"port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.7 +1 2\r\n", "addresses"},
	{"no port", "PROXY TCP4 192.0.2.1 198.51.100.7  2\r\n", "addresses"},
	{"octal address", "PROXY TCP4 192.0.02.1 198.51.100.7 1 2\r\n", "addresses"},
	{"another family", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "addresses"},
	{"another family, the other way", "PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n", "addresses"},
	{"a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", "addresses"},
	{"version 3", signature + "\x31", "version and command 0x31"},
	{"version 1", binaryHeader(0x11, 0x11, ipv4), "version and command 0x11"},
	{"unknown command", binaryHeader(0x22, 0x11, ipv4), "version and command 0x22"},
	{"unknown family", binaryHeader(0x21, 0x41, ipv4), "family and protocol 0x41"},
	{"unknown transport", binaryHeader(0x21, 0x13, ipv4), "family and protocol 0x13"},
	{"short of an address", binaryHeader(0x21, 0x11, ipv4[1:]), "11 bytes for addresses that need 12"},
	{"part of a TLV", binaryHeader(0x21, 0x11, ipv4+"\x04\x00"), "cut off"},
	{"TLV beyond the header", binaryHeader(0x21, 0x11, ipv4+"\x04\x00\x01"), "cut off"},
	{"long checksum", binaryHeader(0x21, 0x11, ipv4+"\x03\x00\x05     "), "checksum of another length"},
	{"two checksums", binaryHeader(0x21, 0x11, ipv4+strings.Repeat("\x03\x00\x04    ", 2)), "a second one"},
	{"two checksums, the last one right", resummed(binaryHeader(0x21, 0x11, ipv4+"\x03\x00\x04    "+"\x03\x00\x04\x00\x00\x00\x00"), 4), "a second one"},
	{"wrong checksum", broken, "checksum 0x"},
}

// broken is summed with a bit of an address turned.
var broken = summed[:20] + string([]byte{summed[20] ^ 1}) + summed[21:]

func TestMalformedHeaders(t *testing.T) {
	for _, tc := range malformedHeaders {
		t.Run(tc.name, func(t *testing.T) {
			h, n, err := proxyproto.Parse([]byte(tc.text))
			if !errors.Is(err, proxyproto.ErrHeader) || n != 0 || !equal(h, proxyproto.Header{}) {
				t.Fatalf("%+v, %d, %v; want ErrHeader", h, n, err)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q does not say %q", err, tc.says)
			}
		})
	}
}

func TestHeadersThatCannotBeSent(t *testing.T) {
	tlv := proxyproto.TLVs("\x04\x00\x00")
	for _, tc := range []struct {
		name   string
		header proxyproto.Header
		want   error
	}{
		{"two families", proxyproto.Header{Source: client4, Destination: server6}, os.ErrInvalid},
		{"two networks", proxyproto.Header{Source: client4, Destination: stream.UnixAddr("/run/s")}, os.ErrInvalid},
		{"one address", proxyproto.Header{Source: client4}, os.ErrInvalid},
		{"the other", proxyproto.Header{Destination: client4}, os.ErrInvalid},
		{"local with addresses", proxyproto.Header{Local: true, Source: client4, Destination: server4}, os.ErrInvalid},
		{"version 3", proxyproto.Header{Version: 3}, os.ErrInvalid},
		{"1, local", proxyproto.Header{Version: 1, Local: true}, os.ErrInvalid},
		{"1, unix", proxyproto.Header{Version: 1, Source: stream.UnixAddr("/a"), Destination: stream.UnixAddr("/b")}, os.ErrInvalid},
		{"1, TLVs", proxyproto.Header{Version: 1, Source: client4, Destination: server4, TLVs: tlv}, os.ErrInvalid},
		{"TLVs without addresses", proxyproto.Header{TLVs: tlv}, os.ErrInvalid},
		{"broken TLVs", proxyproto.Header{Source: client4, Destination: server4, TLVs: tlv[:2]}, os.ErrInvalid},
		{"too many TLVs", proxyproto.Header{Source: client4, Destination: server4, TLVs: make(proxyproto.TLVs, 65536-12)}, proxyproto.ErrTooLong},
		{"long path", proxyproto.Header{Source: stream.UnixAddr(strings.Repeat("p", 109)), Destination: stream.UnixAddr("")}, os.ErrInvalid},
		{"a NUL in a path", proxyproto.Header{Source: stream.UnixAddr("/a\x00b"), Destination: stream.UnixAddr("")}, os.ErrInvalid},
		{"an abstract name that fills up", proxyproto.Header{Source: stream.UnixAddr("@a\x00"), Destination: stream.UnixAddr("")}, os.ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := tc.header.Append([]byte("before"))
			if !errors.Is(err, tc.want) || string(out) != "before" {
				t.Errorf("%q, %v; want %v", out, err, tc.want)
			}
		})
	}
}

// The zone means nothing to another machine.
func TestZonesStay(t *testing.T) {
	for version := 1; version <= 2; version++ {
		sent := proxyproto.Header{Version: version, Source: addr("[fe80::1%3]:1"), Destination: addr("[fe80::2%3]:2")}
		out, err := sent.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		h, _, err := proxyproto.Parse(out)
		if want := (proxyproto.Header{Version: version, Source: addr("[fe80::1]:1"), Destination: addr("[fe80::2]:2")}); err != nil || !equal(h, want) {
			t.Errorf("%+v, %v; want %+v", h, err, want)
		}
	}
}

func TestTLVs(t *testing.T) {
	var tlvs proxyproto.TLVs
	add := func(kind proxyproto.Type, value string) {
		t.Helper()
		var err error
		if tlvs, err = tlvs.Append(kind, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	add(proxyproto.Authority, "example.org")
	add(proxyproto.SSL, "\x01\x00\x00\x00\x00"+"\x21\x00\x07TLSv1.3")
	add(0xe4, "")
	add(proxyproto.Authority, "second.example.org")
	long := strings.Repeat("n", 300) // needs both bytes of the length
	add(proxyproto.NetNS, long)
	add(proxyproto.CRC32C, "sum!")

	out, err := proxyproto.Header{Source: client4, Destination: server4, TLVs: tlvs}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := proxyproto.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []proxyproto.Type
	for kind := range h.TLVs.All() {
		kinds = append(kinds, kind)
	}
	if want := []proxyproto.Type{proxyproto.Authority, proxyproto.SSL, 0xe4, proxyproto.Authority, proxyproto.NetNS, proxyproto.CRC32C}; !slices.Equal(kinds, want) {
		t.Errorf("types %v, want %v", kinds, want)
	}
	if v, ok := h.TLVs.Get(proxyproto.Authority); string(v) != "example.org" || !ok {
		t.Errorf("authority %q, %v", v, ok)
	}
	if v, ok := h.TLVs.Get(0xe4); v == nil || len(v) != 0 || !ok {
		t.Errorf("an empty value is %q, %v", v, ok)
	}
	if v, ok := h.TLVs.Get(proxyproto.NetNS); string(v) != long || !ok {
		t.Errorf("a long value is %q, %v", v, ok)
	}
	if v, ok := h.TLVs.Get(proxyproto.ALPN); v != nil || ok {
		t.Errorf("a value that is not there is %q, %v", v, ok)
	}
	ssl, _ := h.TLVs.Get(proxyproto.SSL)
	if v, ok := proxyproto.TLVs(ssl[5:]).Get(proxyproto.SSLVersion); string(v) != "TLSv1.3" || !ok {
		t.Errorf("version of TLS %q, %v", v, ok)
	}
	if string(tlvs[len(tlvs)-4:]) != "sum!" {
		t.Error("Append changed the caller's TLVs")
	}
	if _, err := tlvs.Append(proxyproto.Noop, make([]byte, 65536)); !errors.Is(err, proxyproto.ErrTooLong) {
		t.Errorf("a value above the length field: %v", err)
	}
}

// What is appended to a value must not overwrite the next TLV.
func TestValuesCannotGrowIntoEachOther(t *testing.T) {
	tlvs := proxyproto.TLVs("\x04\x00\x01a\x04\x00\x01b")
	v, _ := tlvs.Get(proxyproto.Noop)
	_ = append(v, "xxxx"...)
	if string(tlvs) != "\x04\x00\x01a\x04\x00\x01b" {
		t.Errorf("%q", tlvs)
	}
}
