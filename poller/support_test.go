//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// What the tests share: descriptors of all kinds, and ways to state what a wait
// must bring.

import (
	"net"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eddyline/eddyline/internal/sys"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what must happen; only a failing test waits for it.
const patience = 20 * time.Second

func newPoller(t testing.TB) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// open are the descriptors that tests have to close; tests do not run in parallel.
var open = make(map[int]bool)

// owned closes fd at the end of the test unless shut has done so.
func owned(t testing.TB, fd int) int {
	t.Helper()
	open[fd] = true
	t.Cleanup(func() {
		if open[fd] {
			shut(t, fd)
		}
	})
	return fd
}

// shut closes fd now.
func shut(t testing.TB, fd int) {
	t.Helper()
	delete(open, fd)
	must(t, syscall.Close(fd))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPipe returns both ends of a nonblocking pipe.
func newPipe(t testing.TB) (r, w int) {
	t.Helper()
	r, w, e := sys.Pipe()
	if e != 0 {
		t.Fatal(e)
	}
	return owned(t, r), owned(t, w)
}

// newPair returns a connected pair of nonblocking unix sockets.
func newPair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, err)
	for _, fd := range fds {
		owned(t, fd)
		must(t, syscall.SetNonblock(fd, true))
	}
	return fds[0], fds[1]
}

// newSocket returns an unconnected nonblocking TCP socket.
func newSocket(t testing.TB) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	owned(t, fd)
	must(t, syscall.SetNonblock(fd, true))
	return fd
}

var loopback = [4]byte{127, 0, 0, 1}

// newListener returns a listening TCP socket and its address.
func newListener(t testing.TB) (int, *syscall.SockaddrInet4) {
	t.Helper()
	fd := newSocket(t)
	must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}))
	must(t, syscall.Listen(fd, 16))
	sa, err := syscall.Getsockname(fd)
	must(t, err)
	return fd, sa.(*syscall.SockaddrInet4)
}

// newTCP returns the two ends of a TCP connection.
func newTCP(t testing.TB) (client, server int) {
	t.Helper()
	l, addr := newListener(t)
	client, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	owned(t, client)
	must(t, syscall.Connect(client, addr))
	must(t, syscall.SetNonblock(client, true))
	must(t, syscall.SetNonblock(l, false))
	server, _, err = syscall.Accept(l)
	must(t, err)
	owned(t, server)
	must(t, syscall.SetNonblock(server, true))
	return client, server
}

// rawFD returns the descriptor of a net connection; it stays the connection's.
func rawFD(t testing.TB, c syscall.Conn) (fd int) {
	t.Helper()
	raw, err := c.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(u uintptr) { fd = int(u) }))
	return fd
}

func newUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback[:]})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, fd int, text string) {
	t.Helper()
	n, err := syscall.Write(fd, []byte(text))
	if err != nil || n != len(text) {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func receive(t testing.TB, fd int, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	n, err := syscall.Read(fd, buf)
	if err != nil || string(buf[:max(n, 0)]) != want {
		t.Fatalf("read %q, %v; want %q", buf[:max(n, 0)], err, want)
	}
}

// fill writes to fd until it would block and returns how much it took.
func fill(t testing.TB, fd int) int {
	t.Helper()
	chunk := make([]byte, 64<<10)
	total := 0
	for {
		n, err := syscall.Write(fd, chunk)
		if err == syscall.EAGAIN {
			return total
		}
		must(t, err)
		total += n
	}
}

// empty reads from fd until it would block and returns how much there was.
func empty(t testing.TB, fd int) int {
	t.Helper()
	chunk := make([]byte, 64<<10)
	total := 0
	for {
		n, err := syscall.Read(fd, chunk)
		if err == syscall.EAGAIN || err == nil && n == 0 {
			return total
		}
		must(t, err)
		total += n
	}
}

// take waits for events and returns the readiness of each token. It fails if
// none come.
func take(t testing.TB, p *Poller) map[Token]Ready {
	t.Helper()
	got := poll(t, p, patience)
	if len(got) == 0 {
		t.Fatal("no event")
	}
	return got
}

// poll makes one wait and returns the readiness of each token.
func poll(t testing.TB, p *Poller, timeout time.Duration) map[Token]Ready {
	t.Helper()
	events := make([]Event, 16)
	n, err := p.Wait(events, timeout)
	must(t, err)
	got := make(map[Token]Ready)
	for _, ev := range events[:n] {
		if _, twice := got[ev.Token]; twice {
			t.Fatalf("token %d twice in one wait", ev.Token)
		}
		if ev.Ready == 0 {
			t.Fatalf("token %d without readiness", ev.Token)
		}
		got[ev.Token] = ev.Ready
	}
	return got
}

// wantOnly fails unless the next wait brings just this.
func wantOnly(t testing.TB, p *Poller, token Token, ready Ready) {
	t.Helper()
	got := take(t, p)
	if len(got) != 1 || got[token] != ready {
		t.Fatalf("got %v, want %d: %v", got, token, ready)
	}
}

// wantSome fails unless the next wait brings at least this for token.
func wantSome(t testing.TB, p *Poller, token Token, ready Ready) {
	t.Helper()
	got := take(t, p)
	if got[token]&ready != ready {
		t.Fatalf("got %v, want %d: %v", got, token, ready)
	}
}

// wantNone fails if anything is ready now.
func wantNone(t testing.TB, p *Poller) {
	t.Helper()
	if got := poll(t, p, 0); len(got) != 0 {
		t.Fatalf("got %v, want none", got)
	}
}

// background runs f on a goroutine and gives its result; the test waits for it.
func background[T any](t testing.TB, f func() T) func() T {
	t.Helper()
	done := make(chan T, 1)
	go func() { done <- f() }()
	return func() T {
		t.Helper()
		select {
		case v := <-done:
			return v
		case <-time.After(patience):
			t.Fatal("still running")
			panic("unreachable")
		}
	}
}
