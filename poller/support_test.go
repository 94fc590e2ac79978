//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// What the tests share: descriptors of all kinds, and ways to state what a wait
// must bring.

import (
	"net/netip"
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
	succeed(t, sys.Close(fd))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// succeed is must for a system call.
func succeed(t testing.TB, e sys.Errno) {
	t.Helper()
	if e != 0 {
		t.Fatal(e)
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
	fds, e := sys.Socketpair()
	succeed(t, e)
	return owned(t, fds[0]), owned(t, fds[1])
}

// newSocket returns an unconnected nonblocking TCP socket.
func newSocket(t testing.TB) int {
	t.Helper()
	fd, e := sys.Socket(sys.DomainIPv4)
	succeed(t, e)
	return owned(t, fd)
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// newListener returns a listening TCP socket and its address.
func newListener(t testing.TB) (int, sys.Sockaddr) {
	t.Helper()
	fd := newSocket(t)
	succeed(t, sys.Bind(fd, sys.Sockaddr{IP: loopback}))
	succeed(t, sys.Listen(fd, 16))
	sa, e := sys.Getsockname(fd)
	succeed(t, e)
	return fd, sa
}

// newTCP returns the two ends of a TCP connection.
func newTCP(t testing.TB) (client, server int) {
	t.Helper()
	l, addr := newListener(t)
	client = dialed(t, addr)
	return client, accepted(t, l)
}

// dialed returns a socket that is connected to addr.
func dialed(t testing.TB, addr sys.Sockaddr) int {
	t.Helper()
	fd := newSocket(t)
	begin(t, fd, addr)
	await(t, fd, sys.POLLOUT)
	return fd
}

// begin starts to connect.
func begin(t testing.TB, fd int, addr sys.Sockaddr) {
	t.Helper()
	if e := sys.Connect(fd, addr); e != 0 && e != sys.EINPROGRESS {
		t.Fatal(e)
	}
}

// accepted returns the next connection of a listener.
func accepted(t testing.TB, l int) int {
	t.Helper()
	await(t, l, sys.POLLIN)
	fd, _, e := sys.Accept(l)
	succeed(t, e)
	return owned(t, fd)
}

// await waits until fd is ready.
func await(t testing.TB, fd int, events int16) {
	t.Helper()
	for {
		n, e := sys.Poll([]sys.PollFd{{Fd: int32(fd), Events: events}}, patience)
		if n > 0 {
			return
		}
		if e != sys.EINTR {
			t.Fatalf("not ready: %v", e)
		}
	}
}

func send(t testing.TB, fd int, text string) {
	t.Helper()
	n, e := sys.Write(fd, []byte(text))
	if e != 0 || n != len(text) {
		t.Fatalf("write: %d, %v", n, e)
	}
}

func receive(t testing.TB, fd int, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	n, e := sys.Read(fd, buf)
	if e != 0 || string(buf[:n]) != want {
		t.Fatalf("read %q, %v; want %q", buf[:n], e, want)
	}
}

// fill writes to fd until it would block and returns how much it took.
func fill(t testing.TB, fd int) int {
	t.Helper()
	chunk := make([]byte, 64<<10)
	total := 0
	for {
		n, e := sys.Write(fd, chunk)
		if e == sys.EAGAIN {
			return total
		}
		succeed(t, e)
		total += n
	}
}

// empty reads from fd until it would block and returns how much there was.
func empty(t testing.TB, fd int) int {
	t.Helper()
	chunk := make([]byte, 64<<10)
	total := 0
	for {
		n, e := sys.Read(fd, chunk)
		if e == sys.EAGAIN || e == 0 && n == 0 {
			return total
		}
		succeed(t, e)
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
