package stream_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// An error of ParseAddr names what it was given.
func FuzzParseAddrNamesItsInput(f *testing.F) {
	for _, s := range []string{"", "x", "127.0.0.1", "[::1", "unix:", "unix:\x00", "1.2.3.4:99999", "%", "%!d(string=x)", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, err := stream.ParseAddr(s)
		var parse *net.ParseError
		if err != nil && (!errors.As(err, &parse) || parse.Text != s || !strings.Contains(err.Error(), s)) {
			t.Errorf("ParseAddr(%q): %v", s, err)
		}
	})
}

// Whatever IP address, zone and port there is, its text is read back as the same.
func FuzzAddrText(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(80), "")
	f.Add([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, uint16(1), "eth0")
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}, uint16(65535), "7")
	f.Fuzz(func(t *testing.T, ip []byte, port uint16, zone string) {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok || strings.ContainsAny(zone, "]%") {
			return // such a zone has no text form
		}
		a := stream.AddrFrom(netip.AddrPortFrom(addr.WithZone(zone), port))
		again, err := stream.ParseAddr(a.String())
		if err != nil || again != a {
			t.Errorf("%q came back as %q, %v", a, again, err)
		}
	})
}
