//go:build unix

package stream_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
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

// The name stands for two addresses, of which only one answers.
func TestDialTriesEveryAddress(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		addrs, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", "localhost")
		must(t, "looking up localhost", err)
		known := false
		for _, a := range addrs {
			known = known || a.Unmap() == at.AddrPort().Addr()
		}
		if !known {
			t.Skipf("localhost is %v here, without %v", addrs, at.AddrPort().Addr())
		}
		s, err := stream.Dial(t.Context(), "tcp", "localhost:"+itoa(listenerAddr(t, l).AddrPort().Port()))
		must(t, "Dial", err)
		defer s.Close()
		if peer, err := s.PeerAddr(); peer != listenerAddr(t, l) || err != nil {
			t.Errorf("PeerAddr: (%v, %v), want %v", peer, err, listenerAddr(t, l))
		}
	})
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
