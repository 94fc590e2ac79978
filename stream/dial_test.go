//go:build unix

package stream_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Dial and Resolve: names, several addresses for one name, and contexts that end.

func itoa(port uint16) string { return strconv.Itoa(int(port)) }

func TestDial(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		network, address := "tcp", listenerAddr(t, l).String()
		if at.Path() != "" {
			network, address = "unix", at.Path()
		}
		s, err := stream.Dial(t.Context(), network, address)
		must(t, "Dial", err)
		defer s.Close()
		send(t, s, []byte("x"))
		server := accept(t, l)
		expectReceived(t, server, []byte("x"))
		n, err := s.Read(make([]byte, 1))
		expectWouldBlock(t, "Read", n, err)
	})
}

// The name stands for an address of each IP version, of which only one answers,
// whichever the resolver puts first.
func TestDialTriesEveryAddress(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		name := naming(t, loopback4().AddrPort().Addr(), loopback6().AddrPort().Addr())
		s, err := stream.Dial(t.Context(), "tcp", name+":"+itoa(listenerAddr(t, l).AddrPort().Port()))
		must(t, "Dial", err)
		defer s.Close()
		if peer, err := s.PeerAddr(); peer != listenerAddr(t, l) || err != nil {
			t.Errorf("PeerAddr: (%v, %v), want %v", peer, err, listenerAddr(t, l))
		}
	})
}

// Of several addresses that all fail it is the last one's error that is told, and
// no descriptor of any is left.
func TestDialTellsTheLastAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	to := refusing(t).AddrPort()
	last := netip.MustParseAddr("127.0.0.2")
	name := naming(t, to.Addr(), last)
	addrs, err := stream.Resolve(t.Context(), "tcp4", name+":"+itoa(to.Port()))
	must(t, "Resolve", err)
	if len(addrs) != 2 {
		t.Fatalf("Resolve: %v, want two addresses", addrs)
	}
	expectNoNewDescriptor(t, func() {
		_, err := stream.Dial(t.Context(), "tcp4", name+":"+itoa(to.Port()))
		expectError(t, "Dial", err, syscall.ECONNREFUSED)
		if err != nil && !strings.Contains(err.Error(), addrs[1].String()) {
			t.Errorf("Dial: %q does not name %v, the last of %v", err, addrs[1], addrs)
		}
	})
}

// The network chooses among a name's addresses.
func TestResolveChoosesTheKind(t *testing.T) {
	ip4, ip6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	name := naming(t, ip4, ip6)
	for network, want := range map[string][]netip.Addr{"tcp": {ip4, ip6}, "tcp4": {ip4}, "tcp6": {ip6}} {
		addrs, err := stream.Resolve(t.Context(), network, name+":443")
		must(t, "Resolve", err)
		var got []netip.Addr
		for _, a := range addrs {
			got = append(got, a.AddrPort().Addr())
		}
		slices.SortFunc(got, netip.Addr.Compare)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", network, got, want)
		}
	}
	only4 := naming(t, ip4)
	_, err := stream.Resolve(t.Context(), "tcp6", only4+":443")
	var none *net.AddrError
	if !errors.As(err, &none) || !strings.Contains(err.Error(), only4) {
		t.Errorf("no address of the kind: %v (%T), want a *net.AddrError that names it", err, err)
	}
}

func TestDialRefused(t *testing.T) {
	to := refusing(t)
	expectNoNewDescriptor(t, func() {
		_, err := stream.Dial(t.Context(), "tcp", to.String())
		expectError(t, "Dial", err, syscall.ECONNREFUSED)
		expectOpError(t, "Dial", err)
	})
}

func TestDialBadInput(t *testing.T) {
	for _, c := range []struct{ network, address string }{
		{"udp", "127.0.0.1:80"}, {"", "127.0.0.1:80"}, {"tcp5", "127.0.0.1:80"}, {"TCP", "127.0.0.1:80"},
		{"tcp", ""}, {"tcp", "127.0.0.1"}, {"tcp", "127.0.0.1:65536"}, {"tcp", "127.0.0.1:nosuchservice"}, {"tcp", "[::1:80"},
		{"tcp4", "[::1]:80"}, {"tcp6", "127.0.0.1:80"}, {"unix", ""},
	} {
		expectNoNewDescriptor(t, func() {
			s, err := stream.Dial(t.Context(), c.network, c.address)
			if err == nil || s != nil {
				t.Errorf("Dial(%q, %q): got (%v, %v), want an error", c.network, c.address, s, err)
			}
			var op *net.OpError
			if !errors.As(err, &op) {
				t.Errorf("Dial(%q, %q): %v (%T) is no *net.OpError", c.network, c.address, err, err)
			}
		})
	}
}

func TestDialWithContextThatHasEnded(t *testing.T) {
	l := listen(t, loopback4())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	expectNoNewDescriptor(t, func() {
		_, err := stream.Dial(ctx, "tcp", listenerAddr(t, l).String())
		expectError(t, "Dial", err, context.Canceled)
	})
	// Nothing was sent: the next connection is the listener's first.
	client := connect(t, listenerAddr(t, l))
	want, _ := client.LocalAddr()
	if peer, err := accept(t, l).PeerAddr(); peer != want || err != nil {
		t.Errorf("the first connection is from (%v, %v), want %v", peer, err, want)
	}
}

func TestDialCancel(t *testing.T) {
	_, to := unanswering(t)
	expectNoNewDescriptor(t, func() {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		dialing := inBackground(t, "Dial", func() error {
			_, err := stream.Dial(ctx, "tcp", to.String())
			ended <- err
			return nil
		})
		untilBlocked(t, "eddyline/stream.Dial")
		cancel()
		expectError(t, "Dial", outcome(t, "Dial", ended), context.Canceled)
		dialing()
	})
}

func TestDialDeadline(t *testing.T) {
	_, to := unanswering(t)
	expectNoNewDescriptor(t, func() {
		const limit = 20 * time.Millisecond
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := stream.Dial(ctx, "tcp", to.String())
		if took := time.Since(start); took < limit {
			t.Errorf("limit %v, over after %v", limit, took)
		}
		expectError(t, "Dial", err, os.ErrDeadlineExceeded, context.DeadlineExceeded)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v (%T) reports no time-out", err, err)
		}
	})
}

func TestResolve(t *testing.T) {
	for _, c := range []struct{ network, address, want string }{
		{"tcp", "127.0.0.1:80", "127.0.0.1:80"},
		{"tcp4", "127.0.0.1:80", "127.0.0.1:80"},
		{"tcp6", "[::1]:80", "[::1]:80"},
		{"tcp", "[fe80::1%lo]:80", "[fe80::1%lo]:80"},
		{"tcp", "127.0.0.1:http", "127.0.0.1:80"},
		{"unix", "/run/x", "unix:/run/x"},
		{"unix", "@name", "unix:@name"},
	} {
		got, err := stream.Resolve(t.Context(), c.network, c.address)
		if err != nil || len(got) != 1 || got[0].String() != c.want {
			t.Errorf("Resolve(%q, %q): got (%v, %v), want %s", c.network, c.address, got, err, c.want)
		}
	}
	for _, c := range []struct{ network, address string }{
		{"tcp4", "[::1]:80"}, {"tcp6", "127.0.0.1:80"}, {"udp", "127.0.0.1:80"}, {"tcp", "127.0.0.1"}, {"unix", ""},
	} {
		if got, err := stream.Resolve(t.Context(), c.network, c.address); err == nil || len(got) != 0 {
			t.Errorf("Resolve(%q, %q): got (%v, %v), want an error", c.network, c.address, got, err)
		}
	}
}
