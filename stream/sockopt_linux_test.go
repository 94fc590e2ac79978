package stream_test

// Options that the kernel takes and does not keep to (hazard 46). TTLs that are out
// of bounds, those of IPv6 and lingering for less than a second are in
// options_test.go, timeouts that read back exactly in blocking_test.go.

import (
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/stream"
)

// Timeouts are the stream's and not the socket's, which would round them to its
// clock's ticks and tell their end as would-block: for a handle that does not wait,
// and for whoever has the descriptor next, nothing is set.
func TestTimeoutsAreNotTheSockets(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		waits(t, s)
		must(t, "SetReadTimeout", s.SetReadTimeout(1500*time.Microsecond))
		must(t, "SetWriteTimeout", s.SetWriteTimeout(time.Hour))
		for name, option := range map[string]int{"SO_RCVTIMEO": unix.SO_RCVTIMEO, "SO_SNDTIMEO": unix.SO_SNDTIMEO} {
			tv, err := unix.GetsockoptTimeval(s.FD(), unix.SOL_SOCKET, option)
			must(t, "getsockopt", err)
			if *tv != (unix.Timeval{}) {
				t.Errorf("%s is %v", name, *tv)
			}
		}
		_, err := s.Read(make([]byte, 1))
		expectError(t, "Read", err, os.ErrDeadlineExceeded)
		if err == stream.ErrWouldBlock {
			t.Error("the end of a timeout is told as would-block")
		}
	})
}

// A hop limit is that of its family alone: on an IPv6 socket the option of IPv4, which
// would have been taken, is as it was.
func TestTTLLeavesTheOtherFamilyAlone(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		level, option, other := syscall.IPPROTO_IP, syscall.IP_TTL, 0
		if at.AddrPort().Addr().Is6() {
			level, option, other = syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, syscall.IP_TTL
		}
		before := 0
		if other != 0 {
			before, _ = syscall.GetsockoptInt(s.FD(), syscall.IPPROTO_IP, other)
		}
		must(t, "SetTTL", s.SetTTL(33))
		n, err := syscall.GetsockoptInt(s.FD(), level, option)
		must(t, "getsockopt", err)
		if n != 33 {
			t.Errorf("the kernel has %d, want 33", n)
		}
		if other == 0 {
			return
		}
		if after, _ := syscall.GetsockoptInt(s.FD(), syscall.IPPROTO_IP, other); after != before {
			t.Errorf("the TTL of IPv4 went from %d to %d", before, after)
		}
	})
}

// A close that lingers for less than a second sends what is pending: 0 would be a
// reset.
func TestLingerUnderASecondIsNoReset(t *testing.T) {
	s, peer := tcpPair(t)
	sent := fill(t, s)
	must(t, "SetLinger", s.SetLinger(time.Millisecond))
	closing := inBackground(t, "Close", s.Close)
	got, err := receiveAll(peer)
	must(t, "reading to the end", err)
	expectBytes(t, got, sent)
	closing()
}
