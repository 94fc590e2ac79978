//go:build unix

package stream_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Errors: the first cause stays, a reset never looks like an end, and a closed
// stream answers every call.

// resetBehindOurBack is a stream whose peer has reset the connection, which the
// kernel knows already and the stream was not told yet.
func resetBehindOurBack(t *testing.T, at stream.Addr) *stream.Stream {
	t.Helper()
	s, peer := connected(t, at)
	abort(t, peer)
	// The state is visible without touching the error: the socket has lost its peer.
	until(t, "the reset to arrive", func() bool {
		_, err := syscall.Getpeername(s.FD())
		return err == syscall.ENOTCONN
	})
	return s
}

func TestResetIsNoCleanEOFOnFirstRead(t *testing.T) {
	for name, read := range map[string]func(s *stream.Stream) (int, error){
		"Read":         func(s *stream.Stream) (int, error) { return s.Read(make([]byte, 9)) },
		"Peek":         func(s *stream.Stream) (int, error) { return s.Peek(make([]byte, 9)) },
		"ReadVectored": func(s *stream.Stream) (int, error) { return s.ReadVectored([][]byte{make([]byte, 9)}) },
		"ReadFull":     func(s *stream.Stream) (int, error) { return s.ReadFull(make([]byte, 9)) },
		"ReadAppend":   func(s *stream.Stream) (int, error) { p, err := s.ReadAppend(nil); return len(p), err },
		"ReadToEnd":    func(s *stream.Stream) (int, error) { p, err := s.ReadToEnd(nil); return len(p), err },
		"ReadToString": func(s *stream.Stream) (int, error) { p, err := s.ReadToString(); return len(p), err },
		"Bytes": func(s *stream.Stream) (n int, last error) {
			for _, err := range s.Bytes() {
				last = err
			}
			return 0, last
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachIP(t, func(t *testing.T, at stream.Addr) {
				s := resetBehindOurBack(t, at)
				for range 3 {
					n, err := read(s)
					if n != 0 {
						t.Errorf("count %d", n)
					}
					expectError(t, name, err, syscall.ECONNRESET)
				}
			})
		})
	}
}

// The kernel tells a reset once; after that its answer is the end of the stream.
func TestFirstCauseSticks(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s := resetBehindOurBack(t, at)
		_, first := s.Read(make([]byte, 1))
		expectError(t, "first Read", first, syscall.ECONNRESET)
		expectOpError(t, "first Read", first)
		for range 3 {
			_, err := s.Read(make([]byte, 1))
			expectError(t, "later Read", err, syscall.ECONNRESET)
			_, err = s.Write([]byte("x"))
			expectError(t, "later Write", err, syscall.ECONNRESET, syscall.EPIPE)
			_, err = s.Peek(make([]byte, 1))
			expectError(t, "later Peek", err, syscall.ECONNRESET)
		}
	})
}

// A write is told the cause first; the read that follows must not be left with
// an end that looks orderly.
func TestResetToldToWriteIsNoEOFToRead(t *testing.T) {
	for name, write := range map[string]func(s *stream.Stream) error{
		"Write":         func(s *stream.Stream) error { _, err := s.Write([]byte("x")); return err },
		"WriteSome":     func(s *stream.Stream) error { _, err := s.WriteSome([]byte("x")); return err },
		"WriteVectored": func(s *stream.Stream) error { _, err := s.WriteVectored([][]byte{{1}}); return err },
		"WriteBuffers":  func(s *stream.Stream) error { _, err := s.WriteBuffers(&net.Buffers{{1}}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s := resetBehindOurBack(t, loopback4())
			expectError(t, name, write(s), syscall.ECONNRESET, syscall.EPIPE)
			n, err := s.Read(make([]byte, 1))
			if err == nil || err == io.EOF || n != 0 {
				t.Errorf("Read: got (%d, %v), want an error that is no end", n, err)
			}
		})
	}
}

// Asking a stream about itself is no read: the error is still there afterwards.
func TestGettersDoNotStealTheError(t *testing.T) {
	s := resetBehindOurBack(t, loopback4())
	s.PeerAddr()
	s.LocalAddr()
	s.NoDelay()
	s.SetNoDelay(true)
	s.TTL()
	s.SetTTL(64)
	s.Linger()
	s.SetLinger(-1)
	s.SetNonblocking(true)
	s.SetReadTimeout(time.Second)
	s.Flush()
	s.FinishConnect()
	s.Read(nil)
	s.Write(nil)
	_ = s.String()
	if c, err := s.TryClone(); err == nil {
		c.Close()
	}
	if raw, err := s.SyscallConn(); err == nil {
		raw.Control(func(uintptr) {})
	}
	_, err := s.Read(make([]byte, 1))
	expectError(t, "Read", err, syscall.ECONNRESET)
}

// What arrived before a reset and was not discarded by it comes first; then the
// reset, not an end.
func TestResetAfterDataIsNoCleanEOF(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, peer, []byte("data"))
	must(t, "Peek", awaitInput(s, 4))
	abort(t, peer)
	got, err := receiveAll(s)
	expectError(t, "reading on", err, syscall.ECONNRESET)
	if !strings.HasPrefix("data", string(got)) {
		t.Errorf("got %q", got)
	}
}

func TestPeerAddrAfterReset(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		client := connect(t, listenerAddr(t, l))
		server := accept(t, l)
		local, err := client.LocalAddr()
		must(t, "LocalAddr", err)
		abort(t, server)
		_, err = readSome(client, make([]byte, 1))
		expectError(t, "Read", err, syscall.ECONNRESET)
		peer, err := client.PeerAddr()
		if peer != listenerAddr(t, l) || err != nil {
			t.Errorf("PeerAddr after the reset: (%v, %v), want %v", peer, err, listenerAddr(t, l))
		}
		after, err := client.LocalAddr()
		if after != local || err != nil {
			t.Errorf("LocalAddr after the reset: (%v, %v), want %v", after, err, local)
		}
	})
}

func TestPeerAddrAfterBothEnds(t *testing.T) {
	s, peer := tcpPair(t)
	want, err := s.PeerAddr()
	must(t, "PeerAddr", err)
	must(t, "Shutdown", s.Shutdown(stream.ShutWrite))
	must(t, "Close", peer.Close())
	n, err := readSome(s, make([]byte, 1))
	expectEOF(t, "Read", n, err)
	if got, err := s.PeerAddr(); got != want || err != nil {
		t.Errorf("got (%v, %v), want %v", got, err, want)
	}
}

// getpeername fails at once on such a connection, but accept told the address.
func TestPeerAddrOfConnectionResetInTheQueue(t *testing.T) {
	l := listen(t, loopback4())
	client := connect(t, listenerAddr(t, l))
	want, err := client.LocalAddr()
	must(t, "LocalAddr", err)
	abort(t, client)
	server, err := awaitAccept(l)
	if errors.Is(err, syscall.ECONNABORTED) && runtime.GOOS != "linux" {
		t.Skip("this system takes such connections out of the queue")
	}
	must(t, "Accept", err)
	defer server.Close()
	if got, err := server.PeerAddr(); got != want || err != nil {
		t.Errorf("got (%v, %v), want %v", got, err, want)
	}
	_, err = readSome(server, make([]byte, 1))
	expectError(t, "Read", err, syscall.ECONNRESET)
}

// Whoever takes the error has taken it from the kernel, not from the stream.
func TestTakenErrorIsNoCleanEOF(t *testing.T) {
	s := resetBehindOurBack(t, loopback4())
	pending, err := s.TakeError()
	must(t, "TakeError", err)
	expectError(t, "TakeError", pending, syscall.ECONNRESET)
	n, err := s.Read(make([]byte, 1))
	if n != 0 || err == nil || err == io.EOF {
		t.Errorf("Read: got (%d, %v), want an error that is no end", n, err)
	}
}

// The cause is the connection's, whichever handle was told it.
func TestFirstCauseSticksOnClones(t *testing.T) {
	s := resetBehindOurBack(t, loopback4())
	c := clone(t, s)
	_, err := s.Read(make([]byte, 1))
	expectError(t, "Read", err, syscall.ECONNRESET)
	_, err = c.Read(make([]byte, 1))
	expectError(t, "Read on the older clone", err, syscall.ECONNRESET)
	_, err = clone(t, c).Read(make([]byte, 1))
	expectError(t, "Read on the newer clone", err, syscall.ECONNRESET)
}

// everyCall makes each call that can tell that its stream is closed.
func everyCall(s *stream.Stream) map[string]func() error {
	p := make([]byte, 4)
	return map[string]func() error{
		"Read":         func() error { _, err := s.Read(p); return err },
		"ReadVectored": func() error { _, err := s.ReadVectored([][]byte{p}); return err },
		"ReadToEnd":    func() error { _, err := s.ReadToEnd(nil); return err },
		"ReadToString": func() error { _, err := s.ReadToString(); return err },
		"ReadFull":     func() error { _, err := s.ReadFull(p); return err },
		"ReadAppend":   func() error { _, err := s.ReadAppend(nil); return err },
		"Peek":         func() error { _, err := s.Peek(p); return err },
		"Bytes": func() (last error) {
			for _, err := range s.Bytes() {
				last = err
			}
			return last
		},
		"Write":           func() error { _, err := s.Write(p); return err },
		"WriteSome":       func() error { _, err := s.WriteSome(p); return err },
		"WriteVectored":   func() error { _, err := s.WriteVectored([][]byte{p}); return err },
		"WriteBuffers":    func() error { _, err := s.WriteBuffers(&net.Buffers{p}); return err },
		"Shutdown":        func() error { return s.Shutdown(stream.ShutBoth) },
		"TryClone":        func() error { _, err := s.TryClone(); return err },
		"SetReadTimeout":  func() error { return s.SetReadTimeout(time.Second) },
		"SetWriteTimeout": func() error { return s.SetWriteTimeout(time.Second) },
		"SetNonblocking":  func() error { return s.SetNonblocking(false) },
		"SetLinger":       func() error { return s.SetLinger(0) },
		"Linger":          func() error { _, _, err := s.Linger(); return err },
		"SetNoDelay":      func() error { return s.SetNoDelay(true) },
		"NoDelay":         func() error { _, err := s.NoDelay(); return err },
		"SetTTL":          func() error { return s.SetTTL(64) },
		"TTL":             func() error { _, err := s.TTL(); return err },
		"TakeError":       func() error { _, err := s.TakeError(); return err },
		"FinishConnect":   func() error { return s.FinishConnect() },
		"Flush":           func() error { return s.Flush() },
		"Detach":          func() error { _, err := s.Detach(); return err },
		"NetConn":         func() error { _, err := s.NetConn(); return err },
		"Acquire":         func() error { return s.Acquire() },
		"SyscallConn": func() error {
			raw, err := s.SyscallConn()
			if err != nil {
				return err
			}
			return raw.Control(func(uintptr) {})
		},
	}
}

func TestEveryCallAfterCloseIsErrClosed(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "Close", s.Close())
	for name, call := range everyCall(s) {
		t.Run(name, func(t *testing.T) { expectClosed(t, name, call()) })
	}
}

// A stream that was closed under a held reference answers the same, though its
// descriptor is still open.
func TestEveryCallAfterCloseUnderAcquireIsErrClosed(t *testing.T) {
	s, peer := tcpPair(t)
	must(t, "Acquire", s.Acquire())
	must(t, "Close", s.Close())
	for name, call := range everyCall(s) {
		t.Run(name, func(t *testing.T) { expectClosed(t, name, call()) })
	}
	n, err := peer.Read(make([]byte, 1))
	expectWouldBlock(t, "the peer's Read before Release", n, err)
	s.Release()
	n, err = readSome(peer, make([]byte, 1))
	expectEOF(t, "the peer's Read after Release", n, err)
}

func TestCloseTwice(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "Close", s.Close())
	for range 3 {
		if err := s.Close(); err != nil {
			expectClosed(t, "Close again", err)
		}
	}
}

// A second Close must not reach whoever owns the number now.
func TestCloseTwiceClosesNoStranger(t *testing.T) {
	s, _ := tcpPair(t)
	fd := s.FD()
	must(t, "Close", s.Close())
	r, w, err := os.Pipe()
	must(t, "pipe", err)
	defer r.Close()
	defer w.Close()
	if int(r.Fd()) != fd && int(w.Fd()) != fd {
		t.Logf("the number %d was not reused", fd)
	}
	s.Close()
	s.Shutdown(stream.ShutBoth)
	s.Write([]byte("stranger"))
	if _, err := w.Write([]byte("own")); err != nil {
		t.Fatalf("the stranger's descriptor is gone: %v", err)
	}
	p := make([]byte, 20)
	n, err := r.Read(p)
	if string(p[:n]) != "own" || err != nil {
		t.Errorf("the stranger read (%q, %v)", p[:n], err)
	}
}

func TestErrorsNameOperationAndAddresses(t *testing.T) {
	s := resetBehindOurBack(t, loopback4())
	_, err := s.Read(make([]byte, 1))
	var op *net.OpError
	if !errors.As(err, &op) {
		t.Fatalf("%v (%T) is no *net.OpError", err, err)
	}
	peer, _ := s.PeerAddr()
	if op.Op != "read" || !strings.Contains(err.Error(), peer.String()) {
		t.Errorf("%q with Op %q: want the operation read and the address %v", err, op.Op, peer)
	}
	if op.Timeout() {
		t.Error("a reset reports Timeout() == true")
	}
}

func TestTimeoutErrorsReportTimeout(t *testing.T) {
	s, _ := tcpPair(t)
	waits(t, s)
	must(t, "SetReadTimeout", s.SetReadTimeout(time.Millisecond))
	_, err := s.Read(make([]byte, 1))
	expectError(t, "Read", err, os.ErrDeadlineExceeded)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v (%T) reports no time-out", err, err)
	}
}
