//go:build unix

package stream_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Socket options: what is set reads back, and what the kernel would take in
// silence and ignore is refused.

func TestLinger(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		expectLinger(t, s, 0, false)
		must(t, "SetLinger(1s)", s.SetLinger(time.Second))
		expectLinger(t, s, time.Second, true)
		must(t, "SetLinger(-1)", s.SetLinger(-1))
		expectLinger(t, s, 0, false)
		must(t, "SetLinger(0)", s.SetLinger(0))
		expectLinger(t, s, 0, true)
		must(t, "SetLinger(-1s)", s.SetLinger(-time.Second))
		expectLinger(t, s, 0, false)
	})
}

// Rounded down, these would be 0, and 0 is a reset.
func TestLingerUnderASecondRoundsUp(t *testing.T) {
	s, _ := tcpPair(t)
	for _, d := range []time.Duration{1, time.Microsecond, 500 * time.Millisecond, time.Second - 1} {
		must(t, "SetLinger", s.SetLinger(d))
		expectLinger(t, s, time.Second, true)
	}
	must(t, "SetLinger", s.SetLinger(1500*time.Millisecond))
	if d, on, err := s.Linger(); !on || err != nil || d < time.Second || d > 2*time.Second {
		t.Errorf("set 1.5s, read back (%v, %v, %v)", d, on, err)
	}
	must(t, "SetLinger(-1)", s.SetLinger(-1))
}

// The kernel counts seconds in 32 bits.
func TestLingerHugeIsNoReset(t *testing.T) {
	s, _ := tcpPair(t)
	if err := s.SetLinger(1<<63 - 1); err == nil {
		if d, on, err := s.Linger(); !on || err != nil || d < time.Hour {
			t.Errorf("read back (%v, %v, %v)", d, on, err)
		}
	}
	must(t, "SetLinger(-1)", s.SetLinger(-1))
}

func expectLinger(t *testing.T, s *stream.Stream, want time.Duration, wantOn bool) {
	t.Helper()
	d, on, err := s.Linger()
	must(t, "Linger", err)
	if on != wantOn || on && d != want {
		t.Fatalf("Linger: got (%v, %v), want (%v, %v)", d, on, want, wantOn)
	}
}

func TestLingerZeroResetsOnClose(t *testing.T) {
	s, peer := tcpPair(t)
	abort(t, s)
	n, err := readSome(peer, make([]byte, 1))
	expectError(t, "the peer's Read", err, syscall.ECONNRESET)
	if n != 0 {
		t.Errorf("count %d", n)
	}
}

func TestLingerOffClosesInOrder(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, s, []byte("tail"))
	must(t, "Close", s.Close())
	got, err := receiveAll(peer)
	must(t, "reading up to the end", err)
	expectBytes(t, got, []byte("tail"))
}

func TestNoDelay(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s, server := connected(t, at)
		for _, h := range []*stream.Stream{s, server} {
			for _, want := range []bool{true, false, true} {
				must(t, "SetNoDelay", h.SetNoDelay(want))
				got, err := h.NoDelay()
				if got != want || err != nil {
					t.Errorf("set %v, read back (%v, %v)", want, got, err)
				}
			}
		}
	})
}

// A new stream is as the kernel makes it: Nagle's algorithm is on, as in Rust.
func TestNoDelayIsOffAtFirst(t *testing.T) {
	s, server := tcpPair(t)
	for _, h := range []*stream.Stream{s, server} {
		if on, err := h.NoDelay(); on || err != nil {
			t.Errorf("NoDelay of a new stream: (%v, %v)", on, err)
		}
	}
}

func TestTTL(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		must(t, "SetTTL on the listener", l.SetTTL(100))
		if n, err := l.TTL(); n != 100 || err != nil {
			t.Errorf("the listener's TTL: (%d, %v), want 100", n, err)
		}
		s := connect(t, listenerAddr(t, l))
		for _, want := range []int{1, 2, 64, 100, 254, 255} {
			must(t, "SetTTL", s.SetTTL(want))
			if n, err := s.TTL(); n != want || err != nil {
				t.Errorf("set %d, read back (%d, %v)", want, n, err)
			}
		}
	})
}

// The kernel takes -1 for "the default" and says nothing.
func TestTTLOutOfBoundsIsInvalid(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		must(t, "SetTTL", s.SetTTL(77))
		for _, n := range []int{0, -1, -255, 256, 1 << 30, -1 << 31} {
			expectError(t, "SetTTL", s.SetTTL(n), os.ErrInvalid)
		}
		if n, err := s.TTL(); n != 77 || err != nil {
			t.Errorf("a refused value changed it to (%d, %v)", n, err)
		}
	})
}

// On an IPv6 socket the option of IPv4 succeeds and does nothing.
func TestTTLIsTheHopLimitOnIPv6(t *testing.T) {
	if !haveIPv6() {
		t.Skip("this machine has no IPv6 loopback address")
	}
	s, _ := connected(t, loopback6())
	must(t, "SetTTL", s.SetTTL(33))
	n, err := syscall.GetsockoptInt(s.FD(), syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS)
	must(t, "getsockopt", err)
	if n != 33 {
		t.Errorf("the hop limit is %d, want 33", n)
	}
}

func TestOptionsOfTCPFailOnUnixSockets(t *testing.T) {
	s, _ := connected(t, stream.UnixAddr(socketPath(t)))
	for what, err := range map[string]error{
		"SetNoDelay": s.SetNoDelay(true),
		"SetTTL":     s.SetTTL(64),
	} {
		if err == nil {
			t.Errorf("%s on a unix socket succeeded", what)
		}
	}
	if _, err := s.NoDelay(); err == nil {
		t.Error("NoDelay of a unix socket succeeded")
	}
	if _, err := s.TTL(); err == nil {
		t.Error("TTL of a unix socket succeeded")
	}
}

func TestTakeErrorClears(t *testing.T) {
	s, peer := tcpPair(t)
	if pending, err := s.TakeError(); pending != nil || err != nil {
		t.Fatalf("a sound stream: (%v, %v)", pending, err)
	}
	abort(t, peer)
	var pending error
	until(t, "the reset", func() bool {
		var err error
		pending, err = s.TakeError()
		must(t, "TakeError", err)
		return pending != nil
	})
	expectError(t, "TakeError", pending, syscall.ECONNRESET)
	if pending, err := s.TakeError(); pending != nil || err != nil {
		t.Errorf("taken once, and again: (%v, %v)", pending, err)
	}
}

func TestTakeErrorOfListener(t *testing.T) {
	l := listen(t, loopback4())
	if pending, err := l.TakeError(); pending != nil || err != nil {
		t.Errorf("got (%v, %v), want nothing", pending, err)
	}
	must(t, "Close", l.Close())
	_, err := l.TakeError()
	expectClosed(t, "TakeError", err)
}

func TestOptionErrorsNameTheirOperation(t *testing.T) {
	s, _ := connected(t, stream.UnixAddr(socketPath(t)))
	err := s.SetNoDelay(true)
	expectOpError(t, "SetNoDelay on a unix socket", err)
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		t.Errorf("%v holds no errno", err)
	}
}
