package stream_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// Resolve takes the addresses that package net takes, and means the same by them.
// Names are those of the hosts file alone: nobody answers queries.
func FuzzResolve(f *testing.F) {
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, os.ErrPermission
	}}
	f.Cleanup(func() { net.DefaultResolver = old })
	networks := []string{"tcp", "tcp4", "tcp6", "unix", "udp", "TCP"}
	for network := range networks {
		for _, address := range []string{
			"127.0.0.1:8080", "[::1]:80", "[fe80::1%lo]:http", "[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4%7]:80", ":80", "[::]:80", "[0:0::0]:80",
			"[::%1]:80", "0.0.0.0:+80", "localhost:80", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4", "1.2.3.4:", "", "@name", "01.2.3.4:1",
			"::1:80", "[1.2.3.4]:80", "[::1:80", "[fe80::1%]:80", "no such host:80", "1.2.3.4:no such service",
		} {
			f.Add(uint8(network), address)
		}
	}
	f.Fuzz(func(t *testing.T, number uint8, address string) {
		network := networks[int(number)%len(networks)]
		got, err := stream.Resolve(t.Context(), network, address)
		want, ok := resolveByNet(network, address)
		if (err == nil) != ok {
			t.Fatalf("Resolve(%q, %q): (%v, %v), want an error: %v", network, address, got, err, !ok)
		}
		if !ok || slices.Equal(got, want) {
			return
		}
		// Of a name's addresses package net chooses one.
		if host := hostOf(address); network == "unix" || host.IsValid() || !slices.Contains(got, want[0]) {
			t.Errorf("Resolve(%q, %q): %v, want %v", network, address, got, want)
		}
		for _, a := range got {
			if ip := a.AddrPort().Addr(); network == "tcp4" && !ip.Is4() || network == "tcp6" && !ip.Is6() || ip.Is4In6() {
				t.Errorf("Resolve(%q, %q): %v is of another kind", network, address, a)
			}
		}
	})
}

// resolveByNet is what package net makes of an address: all that one without a name
// means, of a name's the one that it chooses. ok is false if it makes nothing of it.
func resolveByNet(network, address string) (addrs []stream.Addr, ok bool) {
	if network == "unix" {
		return []stream.Addr{stream.UnixAddr(address)}, address != ""
	}
	addr, err := net.ResolveTCPAddr(network, address)
	if err != nil || address == "" { // which is ":0" there
		return nil, false
	}
	host := hostOf(address)
	if host.WithZone("") != netip.IPv6Unspecified() {
		return []stream.Addr{stream.AddrFrom(addr.AddrPort())}, true
	}
	// Of every address it tells one form, or none.
	port := uint16(addr.Port)
	if network != "tcp4" {
		addrs = append(addrs, stream.AddrFrom(netip.AddrPortFrom(host, port)))
	}
	if network != "tcp6" {
		addrs = append(addrs, stream.AddrFrom(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	}
	return addrs, true
}

// hostOf is the IP address in an address, [::] where there is none, and invalid for a
// name.
func hostOf(address string) netip.Addr {
	host, _, err := net.SplitHostPort(address)
	if err == nil && host == "" {
		return netip.IPv6Unspecified()
	}
	ip, _ := netip.ParseAddr(host)
	return ip
}
