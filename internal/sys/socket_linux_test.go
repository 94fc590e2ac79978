//go:build !simkernel

package sys

// The parts of the socket seam that no test of package stream sees by itself.

import (
	"bytes"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func socketPair(t testing.TB) (a, b int) {
	t.Helper()
	fds, e := Socketpair()
	if e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() {
		Close(fds[0])
		Close(fds[1])
	})
	return fds[0], fds[1]
}

func TestSockaddrRoundTrip(t *testing.T) {
	for _, sa := range []Sockaddr{
		{IP: netip.MustParseAddr("127.0.0.1"), Port: 1},
		{IP: netip.MustParseAddr("255.254.253.252"), Port: 65535},
		{IP: netip.MustParseAddr("::1"), Port: 0x1234},
		{IP: netip.MustParseAddr("fe80::1%7"), Port: 80},
		{Path: "/tmp/socket", Unix: true},
		{Path: "relative", Unix: true},
		{Path: "./@file", Unix: true},
		{Path: "@abstract", Unix: true},
		{Path: "@with\x00zeros\x00", Unix: true},
		{Path: string(bytes.Repeat([]byte{'x'}, 107)), Unix: true},
		{Path: "@" + string(bytes.Repeat([]byte{'x'}, 107)), Unix: true},
	} {
		var raw unix.RawSockaddrAny
		size, e := encode(sa, &raw)
		if e != 0 {
			t.Errorf("encode %v: %v", sa, e)
			continue
		}
		if got := decode(&raw, uint32(size)); got != sa {
			t.Errorf("%v came back as %v", sa, got)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for sa, want := range map[Sockaddr]Errno{
		{}:           EINVAL,
		{Unix: true}: EINVAL,
		{IP: netip.MustParseAddr("fe80::1%eth0")}:                        EINVAL,
		{Path: string(bytes.Repeat([]byte{'x'}, 108)), Unix: true}:       unix.ENAMETOOLONG,
		{Path: "@" + string(bytes.Repeat([]byte{'x'}, 108)), Unix: true}: unix.ENAMETOOLONG,
	} {
		var raw unix.RawSockaddrAny
		if _, e := encode(sa, &raw); e != want {
			t.Errorf("encode %v: %v, want %v", sa, e, want)
		}
	}
}

func TestDecodeWhatKernelsSend(t *testing.T) {
	mapped := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap(9), Addr: netip.MustParseAddr("::ffff:1.2.3.4").As16()}
	raw := *(*unix.RawSockaddrAny)(unsafe.Pointer(&struct {
		unix.RawSockaddrInet6
		rest [unsafe.Sizeof(unix.RawSockaddrAny{})]byte
	}{RawSockaddrInet6: mapped}))
	if got, want := decode(&raw, 28), (Sockaddr{IP: netip.MustParseAddr("1.2.3.4"), Port: 9}); got != want {
		t.Errorf("a mapped address: %v, want %v", got, want)
	}
	var un unix.RawSockaddrAny
	un.Addr.Family = unix.AF_UNIX
	if got := decode(&un, 2); got != (Sockaddr{Unix: true}) {
		t.Errorf("a socket without a name: %v", got)
	}
	if got := decode(&un, 0); got != (Sockaddr{}) {
		t.Errorf("nothing at all: %v", got)
	}
	// A name that fills all 108 bytes comes without a NUL, one in a file "@x" is
	// no abstract one.
	name := (*[unsafe.Sizeof(un)]byte)(unsafe.Pointer(&un))[pathOffset:]
	for i := range 108 {
		name[i] = 'y'
	}
	if got := decode(&un, 110); len(got.Path) != 108 {
		t.Errorf("a path of 108 bytes has %d", len(got.Path))
	}
	copy(name, "@x\x00")
	if got := decode(&un, uint32(pathOffset+3)); got.Path != "./@x" {
		t.Errorf("the file @x is %q", got.Path)
	}
}

func TestVectoredCallsAreBounded(t *testing.T) {
	a, b := socketPair(t)
	var bufs [][]byte
	for i := range 2000 {
		bufs = append(bufs, nil, []byte{byte(i)})
	}
	n, e := SendVec(a, bufs)
	if n != MaxVec || e != 0 {
		t.Fatalf("sent (%d, %v), want %d", n, e, MaxVec)
	}
	into := make([]byte, 2*MaxVec)
	var parts [][]byte
	for i := range into {
		parts = append(parts, nil, into[i:i+1])
	}
	n, e = RecvVec(b, parts)
	if n != MaxVec || e != 0 {
		t.Fatalf("received (%d, %v), want %d", n, e, MaxVec)
	}
	for i := range MaxVec {
		if into[i] != byte(i) {
			t.Fatalf("byte %d is %d", i, into[i])
		}
	}
	if n, e := SendVec(a, [][]byte{nil, {}}); n != 0 || e != 0 {
		t.Errorf("nothing to send: (%d, %v)", n, e)
	}
	if n, e := RecvVec(b, [][]byte{nil, {}}); n != 0 || e != 0 {
		t.Errorf("no room: (%d, %v)", n, e)
	}
	if _, e := RecvVec(b, parts); e != EAGAIN {
		t.Errorf("nothing there: %v", e)
	}
}

func TestTransfersDoNotAllocate(t *testing.T) {
	a, b := socketPair(t)
	p := make([]byte, 64)
	bufs := [][]byte{p[:10], p[10:40], p[40:]}
	got := testing.AllocsPerRun(100, func() {
		Send(a, p)
		SendVec(a, bufs)
		Recv(b, p)
		RecvVec(b, bufs)
		Recv(b, p)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestAcceptDoesNotAllocate(t *testing.T) {
	l, e := Socket(DomainIPv4)
	if e != 0 {
		t.Fatal(e)
	}
	defer Close(l)
	if e := Bind(l, Sockaddr{IP: netip.MustParseAddr("127.0.0.1")}); e != 0 {
		t.Fatal(e)
	}
	if e := Listen(l, 128); e != 0 {
		t.Fatal(e)
	}
	at, e := Getsockname(l)
	if e != 0 {
		t.Fatal(e)
	}
	const rounds = 20
	for range rounds + 1 { // AllocsPerRun warms up with one
		c, e := Socket(DomainIPv4)
		if e != 0 {
			t.Fatal(e)
		}
		defer Close(c)
		if e := Connect(c, at); e != 0 && e != EINPROGRESS {
			t.Fatal(e)
		}
	}
	got := testing.AllocsPerRun(rounds, func() {
		fd, peer, e := Accept(l)
		if e != 0 || peer.IP != at.IP || peer.Port == 0 {
			t.Error(fd, peer, e)
		}
		Close(fd)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestCloseOnlyOnce(t *testing.T) {
	a, _ := socketPair(t)
	again, e := Dup(a)
	if e != 0 {
		t.Fatal(e)
	}
	if e := Close(again); e != 0 {
		t.Fatal(e)
	}
	if e := Close(again); e != EBADF {
		t.Errorf("closed twice: %v", e)
	}
	if _, e := Send(a, []byte("x")); e != 0 {
		t.Errorf("the original went, too: %v", e)
	}
}
