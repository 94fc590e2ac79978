package stream_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/eddyline/eddyline/stream"
)

// Addr: one comparable value for every address a stream can have.

func TestParseAddr(t *testing.T) {
	for _, c := range []struct {
		in, want string // want: what String says, if not the same
		network  string
		ip       string
		port     uint16
		path     string
	}{
		{in: "127.0.0.1:80", network: "tcp", ip: "127.0.0.1", port: 80},
		{in: "0.0.0.0:0", network: "tcp", ip: "0.0.0.0"},
		{in: "255.255.255.255:65535", network: "tcp", ip: "255.255.255.255", port: 65535},
		{in: "[::1]:80", network: "tcp", ip: "::1", port: 80},
		{in: "[::]:0", network: "tcp", ip: "::"},
		{in: "[2001:0DB8:0:0::1]:443", want: "[2001:db8::1]:443", network: "tcp", ip: "2001:db8::1", port: 443},
		{in: "[fe80::1%eth0]:80", network: "tcp", ip: "fe80::1%eth0", port: 80},
		{in: "[fe80::1%3]:80", network: "tcp", ip: "fe80::1%3", port: 80},
		{in: "unix:/run/x.sock", network: "unix", path: "/run/x.sock"},
		{in: "unix:relative.sock", network: "unix", path: "relative.sock"},
		{in: "unix:/with space:and[colon]", network: "unix", path: "/with space:and[colon]"},
		{in: "unix:@abstract", network: "unix", path: "@abstract"},
		{in: "unix:@abs\x00tract", network: "unix", path: "@abs\x00tract"},
	} {
		t.Run(c.in, func(t *testing.T) {
			a, err := stream.ParseAddr(c.in)
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == "" {
				want = c.in
			}
			if a.String() != want {
				t.Errorf("String() is %q, want %q", a, want)
			}
			if a.Network() != c.network {
				t.Errorf("Network() is %q, want %q", a.Network(), c.network)
			}
			if a.Path() != c.path {
				t.Errorf("Path() is %q, want %q", a.Path(), c.path)
			}
			if c.ip == "" {
				if a.AddrPort().IsValid() {
					t.Errorf("AddrPort() of a path is %v", a.AddrPort())
				}
				return
			}
			if ap := netip.AddrPortFrom(netip.MustParseAddr(c.ip), c.port); a.AddrPort() != ap || a != stream.AddrFrom(ap) {
				t.Errorf("AddrPort() is %v, want %v", a.AddrPort(), ap)
			}
		})
	}
}

func TestParseAddrRefuses(t *testing.T) {
	for _, in := range []string{
		"", ":", "80", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:80x", "127.0.0.1: 80",
		"127.0.0.1:080x", "127.0.0:80", "127.0.0.1.1:80", "256.0.0.1:80", "01.0.0.1:80", "::1:80", "[::1]", "[::1]:", "[::1:80", "::1]:80",
		"[127.0.0.1]:80", "[::1]80", "[:::1]:80", "[fe80::1%]:80", "localhost:80", "tcp:127.0.0.1:80", "unix:", "Unix:/x", "unix", "/run/x.sock",
		"127.0.0.1:80\n", " 127.0.0.1:80", "127.0.0.1:80\x00", "[::ffff:1.2.3.4]", "unix:/a\x00b",
	} {
		a, err := stream.ParseAddr(in)
		if err == nil {
			t.Errorf("ParseAddr(%q) is %v, want an error", in, a)
			continue
		}
		if a != (stream.Addr{}) {
			t.Errorf("ParseAddr(%q) returns %v with its error", in, a)
		}
		if in != "" && !strings.Contains(err.Error(), strings.Trim(quoted(in), `"`)) && !strings.Contains(err.Error(), in) {
			t.Errorf("ParseAddr(%q): %q does not name the input", in, err)
		}
	}
}

func quoted(s string) string {
	return strings.Trim(strings.ReplaceAll(strings.ReplaceAll(s, "\n", `\n`), "\x00", `\x00`), " ")
}

// An IPv4 address in IPv6 form is the IPv4 address: one client, one key.
func TestAddrUnmapsIPv4(t *testing.T) {
	mapped := stream.AddrFrom(netip.MustParseAddrPort("[::ffff:127.0.0.1]:80"))
	plain := stream.AddrFrom(netip.MustParseAddrPort("127.0.0.1:80"))
	if mapped != plain {
		t.Errorf("%v and %v are two addresses", mapped, plain)
	}
	parsed, err := stream.ParseAddr("[::ffff:127.0.0.1]:80")
	if parsed != plain || err != nil {
		t.Errorf("ParseAddr: (%v, %v), want %v", parsed, err, plain)
	}
}

func TestAddrIsAKey(t *testing.T) {
	seen := map[stream.Addr]string{}
	for _, in := range []string{
		"127.0.0.1:80", "127.0.0.1:81", "127.0.0.2:80", "[::1]:80", "[::1]:81", "[fe80::1%1]:80", "[fe80::1%2]:80", "[fe80::1]:80",
		"unix:/a", "unix:/b", "unix:@a", "unix:a",
	} {
		a, err := stream.ParseAddr(in)
		if err != nil {
			t.Fatal(err)
		}
		if other, dup := seen[a]; dup {
			t.Errorf("%q and %q are one key", in, other)
		}
		seen[a] = in
		b, _ := stream.ParseAddr(strings.Clone(in))
		if seen[b] != in {
			t.Errorf("%q parsed twice is two keys", in)
		}
	}
}

func TestAddrIsANetAddr(t *testing.T) {
	var a net.Addr = stream.UnixAddr("/x")
	if a.Network() != "unix" {
		t.Errorf("Network() is %q", a.Network())
	}
}

func TestZeroAddr(t *testing.T) {
	var zero stream.Addr
	if zero.Path() != "" || zero.AddrPort().IsValid() {
		t.Errorf("the zero Addr has path %q and address %v", zero.Path(), zero.AddrPort())
	}
	_ = zero.String()
	_ = zero.Network()
	if a := stream.AddrFrom(netip.AddrPort{}); a != zero {
		t.Errorf("AddrFrom(netip.AddrPort{}) is %v, not the zero Addr", a)
	}
	if size := unsafe.Sizeof(zero); size > 48 {
		t.Errorf("an Addr has %d bytes, at most 48 are promised", size)
	}
}

func TestParseAddrErrorIsInvalid(t *testing.T) {
	_, err := stream.ParseAddr("nonsense")
	var parse *net.ParseError
	var addr *net.AddrError
	if !errors.Is(err, os.ErrInvalid) && !errors.As(err, &parse) && !errors.As(err, &addr) {
		t.Errorf("%v (%T) matches nothing", err, err)
	}
}
