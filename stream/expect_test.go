//go:build unix

package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// What every scenario needs: addresses of each family, connected pairs, waiting
// for what the kernel has not done yet, and matching errors.

// patience is how long a test waits for something that must happen. It is no
// promise of the package: whatever takes this long has hung.
const patience = time.Minute

var haveIPv6 = sync.OnceValue(func() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
})

// parse is ParseAddr for an address that is known to be good.
func parse(t testing.TB, s string) stream.Addr {
	t.Helper()
	a, err := stream.ParseAddr(s)
	if err != nil {
		t.Fatalf("ParseAddr(%q): %v", s, err)
	}
	return a
}

func loopback4() stream.Addr {
	return stream.AddrFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0))
}

func loopback6() stream.Addr {
	return stream.AddrFrom(netip.AddrPortFrom(netip.IPv6Loopback(), 0))
}

// socketPath is a path that is short enough for a socket on every system.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "eddy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// eachIP runs a scenario on the loopback address of both IP versions.
func eachIP(t *testing.T, scenario func(t *testing.T, at stream.Addr)) {
	t.Run("ip4", func(t *testing.T) { scenario(t, loopback4()) })
	t.Run("ip6", func(t *testing.T) {
		if !haveIPv6() {
			t.Skip("this machine has no IPv6 loopback address")
		}
		scenario(t, loopback6())
	})
}

// eachFamily runs a scenario on both IP versions and on a unix socket.
func eachFamily(t *testing.T, scenario func(t *testing.T, at stream.Addr)) {
	eachIP(t, scenario)
	t.Run("unix", func(t *testing.T) { scenario(t, stream.UnixAddr(socketPath(t))) })
}

func listen(t testing.TB, at stream.Addr) *stream.Listener {
	t.Helper()
	return listenWith(t, at, stream.ListenOptions{})
}

func listenWith(t testing.TB, at stream.Addr, options stream.ListenOptions) *stream.Listener {
	t.Helper()
	l, err := stream.Listen(at, options)
	if err != nil {
		t.Fatalf("Listen(%v): %v", at, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func listenerAddr(t testing.TB, l *stream.Listener) stream.Addr {
	t.Helper()
	a, err := l.LocalAddr()
	if err != nil {
		t.Fatalf("LocalAddr: %v", err)
	}
	return a
}

func connect(t testing.TB, to stream.Addr) *stream.Stream {
	t.Helper()
	s, err := stream.Connect(to)
	if err != nil {
		t.Fatalf("Connect(%v): %v", to, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func accept(t testing.TB, l *stream.Listener) *stream.Stream {
	t.Helper()
	s, err := awaitAccept(l)
	if err != nil {
		t.Fatalf("Accept: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// awaitAccept is accept for goroutines that may not end the test.
func awaitAccept(l *stream.Listener) (s *stream.Stream, err error) {
	err = await(func() error {
		s, err = l.Accept()
		return err
	})
	return s, err
}

// connected is a client and the server's end of the same connection.
func connected(t testing.TB, at stream.Addr) (client, server *stream.Stream) {
	t.Helper()
	l := listen(t, at)
	client = connect(t, listenerAddr(t, l))
	return client, accept(t, l)
}

// tcpPair is connected over IPv4, for scenarios in which the family is no matter.
func tcpPair(t testing.TB) (a, b *stream.Stream) {
	t.Helper()
	return connected(t, loopback4())
}

// withNetPeer is a Stream whose other end belongs to package net, so that a
// fault of ours at both ends cannot cancel itself out.
func withNetPeer(t testing.TB) (*stream.Stream, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := connect(t, parse(t, l.Addr().String()))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s, c.(*net.TCPConn)
}

// waits puts streams into blocking mode.
func waits(t testing.TB, streams ...*stream.Stream) {
	t.Helper()
	for _, s := range streams {
		must(t, "SetNonblocking(false)", s.SetNonblocking(false))
	}
}

// await calls try until it returns something else than ErrWouldBlock.
func await(try func() error) error {
	deadline := time.Now().Add(patience)
	for round := 0; ; round++ {
		err := try()
		if !errors.Is(err, stream.ErrWouldBlock) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no progress for %v: %w", patience, err)
		}
		pause(round)
	}
}

// until waits for a condition that another party brings about.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for round := 0; !holds(); round++ {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
		pause(round)
	}
}

// pause gives way to others between two looks at the same thing.
func pause(round int) {
	if round < 100 {
		runtime.Gosched()
		return
	}
	time.Sleep(200 * time.Microsecond)
}

// sendAll writes all of p, however often the stream is full.
func sendAll(s *stream.Stream, p []byte) error {
	for len(p) > 0 {
		var n int
		err := await(func() (err error) {
			n, err = s.Write(p)
			if n > 0 {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func send(t testing.TB, s *stream.Stream, p []byte) {
	t.Helper()
	if err := sendAll(s, p); err != nil {
		t.Fatalf("Write of %d bytes: %v", len(p), err)
	}
}

// readSome is one Read that waits for input.
func readSome(s *stream.Stream, p []byte) (n int, err error) {
	err = await(func() error {
		n, err = s.Read(p)
		return err
	})
	return n, err
}

// receive reads exactly n bytes.
func receive(t testing.TB, s *stream.Stream, n int) []byte {
	t.Helper()
	p := make([]byte, n)
	for got := 0; got < n; {
		k, err := readSome(s, p[got:])
		if err != nil {
			t.Fatalf("Read after %d of %d bytes: %v", got, n, err)
		}
		got += k
	}
	return p
}

// receiveAll reads up to the end of the stream.
func receiveAll(s *stream.Stream) ([]byte, error) {
	var all []byte
	p := make([]byte, 64<<10)
	for {
		n, err := readSome(s, p)
		all = append(all, p[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// expectReceived reads len(want) bytes and compares them.
func expectReceived(t testing.TB, s *stream.Stream, want []byte) {
	t.Helper()
	expectBytes(t, receive(t, s, len(want)), want)
}

func expectBytes(t testing.TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	t.Fatalf("got %d bytes, want %d; they differ from byte %d on: %.32q, want %.32q",
		len(got), len(want), at, got[at:], want[at:])
}

// fill writes until the stream is full and returns what it took. The stream is
// full for good only when the peer's buffer is full as well, so it goes on until
// several rounds in a row took nothing.
func fill(t testing.TB, s *stream.Stream) []byte {
	t.Helper()
	var sent []byte
	p := pattern(1<<20, 1)
	for idle := 0; idle < 50; {
		n, err := s.Write(p)
		sent = append(sent, p[:n]...)
		if err != nil && !errors.Is(err, stream.ErrWouldBlock) {
			t.Fatalf("Write while filling: %v", err)
		}
		idle++
		if n > 0 {
			idle = 0
		}
		runtime.Gosched()
	}
	return sent
}

// pattern is n bytes in which a lost, doubled or moved byte shows.
func pattern(n int, seed uint32) []byte {
	p := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x)
	}
	return p
}

// abort ends a connection with a reset.
func abort(t testing.TB, s *stream.Stream) {
	t.Helper()
	must(t, "SetLinger(0)", s.SetLinger(0))
	must(t, "Close", s.Close())
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// expectError wants an error that matches one of the targets.
func expectError(t testing.TB, what string, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if errors.Is(err, target) {
			return
		}
	}
	t.Fatalf("%s: got error %v (%T), want %v", what, err, err, targets)
}

// expectWouldBlock wants the bare sentinel with a count of zero.
func expectWouldBlock(t testing.TB, what string, n int, err error) {
	t.Helper()
	if n != 0 || err != stream.ErrWouldBlock {
		t.Fatalf("%s: got (%d, %v), want (0, ErrWouldBlock)", what, n, err)
	}
}

// expectEOF wants the bare io.EOF with a count of zero.
func expectEOF(t testing.TB, what string, n int, err error) {
	t.Helper()
	if n != 0 || err != io.EOF {
		t.Fatalf("%s: got (%d, %v), want (0, io.EOF)", what, n, err)
	}
}

func expectClosed(t testing.TB, what string, err error) {
	t.Helper()
	expectError(t, what, err, net.ErrClosed)
}

// expectOpError wants the form that every errno of the kernel is given: a
// *net.OpError around a *os.SyscallError.
func expectOpError(t testing.TB, what string, err error) {
	t.Helper()
	var op *net.OpError
	var call *os.SyscallError
	if !errors.As(err, &op) || op.Op == "" {
		t.Fatalf("%s: %v (%T) is no *net.OpError that names its operation", what, err, err)
	}
	if !errors.As(err, &call) || call.Syscall == "" {
		t.Fatalf("%s: %v (%T) holds no *os.SyscallError that names its call", what, err, err)
	}
}

// expectNoNewDescriptor runs a step that must leave no descriptor behind. One that
// another goroutine is about to close may last a moment longer than the step.
func expectNoNewDescriptor(t testing.TB, step func()) {
	t.Helper()
	before := openDescriptors()
	step()
	until(t, "the descriptors that a step has left open", func() bool {
		return openDescriptors() <= before
	})
}

// inBackground runs f on a goroutine. The function that it returns waits for f
// and fails the test with f's error; the test's end waits as well.
func inBackground(t testing.TB, what string, f func() error) (join func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	var once sync.Once
	join = func() {
		t.Helper()
		once.Do(func() {
			t.Helper()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			case <-time.After(patience):
				t.Errorf("%s: still not done after %v", what, patience)
			}
		})
	}
	t.Cleanup(func() {
		// After a failure it may wait for what will never come; the streams' own
		// clean-up ends it.
		if !t.Failed() {
			join()
		}
	})
	return join
}

// outcome is what a call in the background has ended with.
func outcome(t testing.TB, what string, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatalf("%s: still not done after %v", what, patience)
		return nil
	}
}

// untilBlocked waits until a goroutine sits inside a function whose name contains
// the given one and does not run, so that what follows meets it asleep. It is seen asleep several times,
// because a goroutine may pass through such a state for a moment.
func untilBlocked(t testing.TB, function string) {
	t.Helper()
	seen := 0
	until(t, "a goroutine that waits in "+function, func() bool {
		if !asleepIn(function) {
			seen = 0
			return false
		}
		seen++
		return seen == 3
	})
}

func asleepIn(function string) bool {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		header, frames, _ := strings.Cut(g, "\n")
		if !strings.Contains(frames, function) {
			continue
		}
		if !strings.Contains(header, "[running") && !strings.Contains(header, "[runnable") {
			return true
		}
	}
	return false
}

// refusing is an address on which nobody listens and nobody can begin to while
// the test runs: its port is bound by a socket that does not listen.
func refusing(t testing.TB) stream.Addr {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(name.(*syscall.SockaddrInet4).Port)
	return stream.AddrFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
}

// unanswering is a listener whose accept queue is full, so that the kernel drops
// every further SYN to it: connecting takes for ever without leaving the machine.
func unanswering(t testing.TB) (*stream.Listener, stream.Addr) {
	t.Helper()
	l := listenWith(t, loopback4(), stream.ListenOptions{Backlog: 1})
	to := listenerAddr(t, l)
	dialer := net.Dialer{Timeout: 300 * time.Millisecond}
	for range 32 {
		c, err := dialer.DialContext(context.Background(), "tcp", to.String())
		if err != nil {
			return l, to
		}
		t.Cleanup(func() { c.Close() })
	}
	if runtime.GOOS == "linux" {
		t.Fatal("a listener with Backlog 1 takes 32 connections")
	}
	t.Skip("this system's accept queue does not fill")
	return nil, stream.Addr{}
}

// counter counts from several goroutines.
type counter struct{ n atomic.Int64 }

func (c *counter) add(n int)  { c.n.Add(int64(n)) }
func (c *counter) get() int64 { return c.n.Load() }
