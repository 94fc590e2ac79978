package stream_test

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// The forms that ParseAddr documents.
var (
	unixForm = regexp.MustCompile(`^unix:(?:@(?s:.*)|[^@\x00][^\x00]*)$`)
	ip4Form  = regexp.MustCompile(`^([0-9.]+):([0-9]+)$`)
	ip6Form  = regexp.MustCompile(`^\[((?s:[^%\]]*:[^%\]]*(?:%.+)?))\]:([0-9]+)$`)
)

// modelAddr is an address by its parts.
type modelAddr struct {
	network, path string
	at            netip.AddrPort
	text          string // as it is written
}

// modelParse reads an address by the forms; the text of a single IP address is
// netip's to know.
func modelParse(s string) (a modelAddr, ok bool) {
	if unixForm.MatchString(s) {
		return modelAddr{network: "unix", path: s[len("unix:"):], text: s}, true
	}
	m := ip4Form.FindStringSubmatch(s)
	if m == nil {
		m = ip6Form.FindStringSubmatch(s)
	}
	if m == nil {
		return modelAddr{}, false
	}
	ip, err := netip.ParseAddr(m[1])
	port, overflow := strconv.Atoi(m[2])
	if err != nil || overflow != nil || port > 65535 {
		return modelAddr{}, false
	}
	if ip.Is4In6() {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	text := ip.String()
	if ip.Is6() {
		text = "[" + text + "]"
	}
	return modelAddr{network: "tcp", at: netip.AddrPortFrom(ip, uint16(port)), text: text + ":" + strconv.Itoa(port)}, true
}

// What is parsed is what the documented forms say, and prints as something that parses
// to the same. An error names its input.
func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{
		"127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:1", "[::ffff:1.2.3.4]:258", "[::ffff:1.2.3.4%7]:5", "[2001:DB8:0::1]:00443", "unix:/run/x",
		"unix:@a", "unix:@", "unix:@\x00", "unix:./@a", "unix:", ":", "[", "unix:\x00", "unix:/a\x00", "[fe80::1%%]:1", "[fe80::1%]:1", "[1.2.3.4]:5",
		"::1:80", "1.2.3.4:+80", "1.2.3.4:65536", "1.2.3.4:99999999999999999999", "1.2.3.4:", "01.2.3.4:1", "", "x", "%", "%!d(string=x)", "\xff",
		"unix:\xff\n", "[fe80::1%\n]:1", "[fe80::1%a]:b]:1", "[fe80::1%[]:1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := stream.ParseAddr(s)
		want, ok := modelParse(s)
		if (err == nil) != ok {
			t.Fatalf("ParseAddr(%q): (%q, %v), want an address: %v", s, a, err, ok)
		}
		if err != nil {
			var parse *net.ParseError
			if a != (stream.Addr{}) || !errors.As(err, &parse) || parse.Text != s || !strings.Contains(err.Error(), s) {
				t.Errorf("ParseAddr(%q): (%v, %v)", s, a, err)
			}
			return
		}
		if got := (modelAddr{a.Network(), a.Path(), a.AddrPort(), a.String()}); got != want || a.IsUnix() != (want.network == "unix") {
			t.Errorf("ParseAddr(%q) is %+v, want %+v", s, got, want)
		}
		if again, err := stream.ParseAddr(a.String()); err != nil || again != a {
			t.Errorf("%q parses to %q, which parses to (%q, %v)", s, a, again, err)
		}
	})
}

// Whatever IP address, zone and port there is, its text is read back as the same.
func FuzzAddrText(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(80), "")
	f.Add([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, uint16(1), "eth0")
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}, uint16(65535), "7")
	f.Add([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, uint16(1), "]:1%]")
	f.Fuzz(func(t *testing.T, ip []byte, port uint16, zone string) {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		a := stream.AddrFrom(netip.AddrPortFrom(addr.WithZone(zone), port))
		again, err := stream.ParseAddr(a.String())
		if err != nil || again != a {
			t.Errorf("%q came back as %q, %v", a, again, err)
		}
	})
}
