//go:build unix

package stream_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// How descriptors come and go: flags from birth, Close, Acquire, and streams that
// nobody closed.

// expectDescriptorFlags wants a descriptor that no child process inherits and on
// which no call blocks.
func expectDescriptorFlags(t testing.TB, fd int) {
	t.Helper()
	for what, c := range map[string]struct{ get, want int }{
		"FD_CLOEXEC": {syscall.F_GETFD, syscall.FD_CLOEXEC},
		"O_NONBLOCK": {syscall.F_GETFL, syscall.O_NONBLOCK},
	} {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), uintptr(c.get), 0)
		if errno != 0 || int(flags)&c.want == 0 {
			t.Errorf("descriptor %d: %s is missing (flags %#x, errno %d)", fd, what, flags, errno)
		}
	}
}

func TestEveryConstructorSetsDescriptorFlags(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		expectDescriptorFlags(t, l.FD())
		s := connect(t, listenerAddr(t, l))
		expectDescriptorFlags(t, s.FD())
		expectDescriptorFlags(t, accept(t, l).FD())
		expectDescriptorFlags(t, clone(t, s).FD())
		started, err := stream.Start(listenerAddr(t, l))
		must(t, "Start", err)
		defer started.Close()
		expectDescriptorFlags(t, started.FD())
		timed, err := stream.ConnectTimeout(listenerAddr(t, l), patience)
		must(t, "ConnectTimeout", err)
		defer timed.Close()
		expectDescriptorFlags(t, timed.FD())
	})
	a, b := pair(t)
	expectDescriptorFlags(t, a.FD())
	expectDescriptorFlags(t, b.FD())
}

func pair(t testing.TB) (a, b *stream.Stream) {
	t.Helper()
	a, b, err := stream.Pair()
	must(t, "Pair", err)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestPair(t *testing.T) {
	a, b := pair(t)
	for _, s := range []*stream.Stream{a, b} {
		n, err := s.Read(make([]byte, 1))
		expectWouldBlock(t, "Read", n, err)
	}
	want := pattern(10_000, 1)
	send(t, a, want)
	expectReceived(t, b, want)
	send(t, b, want)
	expectReceived(t, a, want)
	must(t, "Close", a.Close())
	n, err := readSome(b, make([]byte, 1))
	expectEOF(t, "Read", n, err)
}

// Whoever drops a stream without Close loses the descriptor to the collector: the
// peer sees the end.
func TestLeakedStreamClosesItself(t *testing.T) {
	for name, leak := range map[string]func(l *stream.Listener){
		"Connect": func(l *stream.Listener) { stream.Connect(mustAddr(l)) },
		"clone": func(l *stream.Listener) {
			s, err := stream.Connect(mustAddr(l))
			if err == nil {
				s.TryClone()
				s.Close()
			}
		},
		"after use": func(l *stream.Listener) {
			s, err := stream.Connect(mustAddr(l))
			if err == nil {
				s.Read(make([]byte, 1))
				s.SetNonblocking(false)
				s.SetNonblocking(true)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, loopback4())
			leak(l)
			peer := accept(t, l)
			collected(t, peer)
		})
	}
}

// collected waits until the collector has closed the stream at the other end.
func collected(t *testing.T, peer *stream.Stream) {
	t.Helper()
	until(t, "the end of a stream that was dropped", func() bool {
		runtime.GC()
		_, err := peer.Read(make([]byte, 1))
		return err != stream.ErrWouldBlock
	})
	n, err := peer.Read(make([]byte, 1))
	expectEOF(t, "the peer's Read", n, err)
}

func mustAddr(l *stream.Listener) stream.Addr {
	a, err := l.LocalAddr()
	if err != nil {
		panic(err)
	}
	return a
}

// The listener's port is free again when its owner is gone.
func TestLeakedListenerClosesItself(t *testing.T) {
	to := func() stream.Addr {
		l, err := stream.Listen(loopback4(), stream.ListenOptions{})
		must(t, "Listen", err)
		return mustAddr(l)
	}()
	until(t, "a refusal by a listener that was dropped", func() bool {
		runtime.GC()
		s, err := stream.Connect(to)
		if err == nil {
			s.Close()
		}
		return err != nil
	})
}

// The collector runs while the last use of a stream is a call that waits: the
// descriptor must outlive the call.
func TestCollectorSparesAStreamInUse(t *testing.T) {
	l := listen(t, loopback4())
	to := listenerAddr(t, l)
	reading := inBackground(t, "the last use", func() error {
		s, err := stream.Connect(to)
		if err != nil {
			return err
		}
		if err := s.SetNonblocking(false); err != nil {
			return err
		}
		p := make([]byte, 1)
		n, err := s.Read(p)
		if err == nil && n != 1 {
			err = fmt.Errorf("read %d bytes", n)
		}
		return err
	})
	peer := accept(t, l)
	untilBlocked(t, "stream.(*Stream).Read")
	for range 5 {
		runtime.GC()
	}
	send(t, peer, []byte("x"))
	reading()
}

func TestAcquireKeepsTheDescriptorOpen(t *testing.T) {
	s, peer := tcpPair(t)
	must(t, "Acquire", s.Acquire())
	must(t, "Acquire again", s.Acquire())
	fd := s.FD()
	must(t, "Close", s.Close())
	expectDescriptorFlags(t, fd)
	s.Release()
	expectDescriptorFlags(t, fd)
	n, err := peer.Read(make([]byte, 1))
	expectWouldBlock(t, "the peer's Read", n, err)
	s.Release()
	n, err = readSome(peer, make([]byte, 1))
	expectEOF(t, "the peer's Read", n, err)
}

// `stream 127.0.0.1:5001->127.0.0.1:80 fd=7`
func TestString(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s, server := connected(t, at)
		for _, h := range []*stream.Stream{s, server} {
			local, err := h.LocalAddr()
			must(t, "LocalAddr", err)
			peer, err := h.PeerAddr()
			must(t, "PeerAddr", err)
			want := fmt.Sprintf("stream %v->%v fd=%d", local, peer, h.FD())
			if got := fmt.Sprint(h); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		must(t, "Close", s.Close())
		if s.String() == "" {
			t.Error("a closed stream has no form")
		}
	})
}

func TestStringOfUnconnectedKinds(t *testing.T) {
	a, _ := pair(t)
	if a.String() == "" {
		t.Error("one end of a pair has no form")
	}
	l := listen(t, loopback4())
	addr := listenerAddr(t, l)
	if got, want := l.String(), fmt.Sprintf("listener %v fd=%d", addr, l.FD()); got != want {
		t.Errorf("a listener's form is %q, want %q", got, want)
	}
	l.Close()
	if got, want := l.String(), fmt.Sprintf("listener %v closed", addr); got != want {
		t.Errorf("a closed listener's form is %q, want %q", got, want)
	}
}
