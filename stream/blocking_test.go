//go:build unix

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Blocking mode: calls wait, end at their time-out, and are ended by Close and
// Shutdown, while other goroutines run on.

func TestSetNonblockingBothWays(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		p := make([]byte, 8)
		waits(t, s)
		reading := inBackground(t, "Read that waits", func() error {
			n, err := s.Read(p)
			if err == nil && string(p[:n]) != "late" {
				err = fmt.Errorf("got %q", p[:n])
			}
			return err
		})
		untilBlocked(t, "stream.(*Stream).Read")
		send(t, peer, []byte("late"))
		reading()
		must(t, "SetNonblocking(true)", s.SetNonblocking(true))
		n, err := s.Read(p)
		expectWouldBlock(t, "Read in nonblocking mode", n, err)
	})
}

// The descriptor itself stays nonblocking: a poller may hold it.
func TestBlockingModeLeavesTheDescriptorNonblocking(t *testing.T) {
	s, _ := tcpPair(t)
	waits(t, s)
	expectDescriptorFlags(t, s.FD())
}

func TestBlockingReadsOfEveryKindWait(t *testing.T) {
	for name, read := range map[string]func(s *stream.Stream) ([]byte, error){
		"Read": func(s *stream.Stream) ([]byte, error) {
			p := make([]byte, 4)
			n, err := s.Read(p)
			return p[:n], err
		},
		"Peek": func(s *stream.Stream) ([]byte, error) {
			p := make([]byte, 4)
			n, err := s.Peek(p)
			return p[:n], err
		},
		"ReadFull": func(s *stream.Stream) ([]byte, error) {
			p := make([]byte, 4)
			n, err := s.ReadFull(p)
			return p[:n], err
		},
		"ReadVectored": func(s *stream.Stream) ([]byte, error) {
			p := make([]byte, 4)
			n, err := s.ReadVectored([][]byte{p[:2], p[2:]})
			return p[:n], err
		},
		"ReadAppend": func(s *stream.Stream) ([]byte, error) { return s.ReadAppend(nil) },
		"ReadToEnd":  func(s *stream.Stream) ([]byte, error) { return s.ReadToEnd(nil) },
		"ReadToString": func(s *stream.Stream) ([]byte, error) {
			text, err := s.ReadToString()
			return []byte(text), err
		},
		"Bytes": func(s *stream.Stream) (got []byte, err error) {
			for b, err := range s.Bytes() {
				if err != nil {
					return got, err
				}
				got = append(got, b)
			}
			return got, nil
		},
		"io.Copy": func(s *stream.Stream) ([]byte, error) {
			var got bytes.Buffer
			_, err := io.Copy(&got, s)
			return got.Bytes(), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := tcpPair(t)
			waits(t, s)
			reading := inBackground(t, name, func() error {
				got, err := read(s)
				if err == nil && string(got) != "data" {
					err = fmt.Errorf("got %q", got)
				}
				return err
			})
			untilBlocked(t, "eddyline/stream.")
			send(t, peer, []byte("data"))
			must(t, "Close", peer.Close())
			reading()
		})
	}
}

func TestBlockingWriteWaits(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		waits(t, s)
		want := pattern(12<<20, 8)
		inBackground(t, "Write that waits", func() error {
			n, err := s.Write(want)
			if n != len(want) && err == nil {
				err = fmt.Errorf("took %d of %d bytes and reports no error", n, len(want))
			}
			return err
		})
		untilBlocked(t, "stream.(*Stream).Write")
		expectReceived(t, peer, want)
	})
}

func TestBlockingAcceptWaits(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		must(t, "SetNonblocking(false)", l.SetNonblocking(false))
		inBackground(t, "Accept that waits", func() error {
			s, err := l.Accept()
			if err != nil {
				return err
			}
			return s.Close()
		})
		untilBlocked(t, "stream.(*Listener).Accept")
		connect(t, listenerAddr(t, l))
	})
}

// Many more waiting readers than threads that may run Go code.
func TestBlockingReadsDoNotStallTheScheduler(t *testing.T) {
	const readers = 50
	previous := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(previous)
	var peers []*stream.Stream
	var joins []func()
	for i := range readers {
		s, peer := tcpPair(t)
		waits(t, s)
		peers = append(peers, peer)
		joins = append(joins, inBackground(t, "reader", func() error {
			p := make([]byte, 1)
			_, err := s.Read(p)
			if err == nil && p[0] != byte(i) {
				err = fmt.Errorf("reader %d got %d", i, p[0])
			}
			return err
		}))
	}
	untilBlocked(t, "stream.(*Stream).Read")
	for i := readers - 1; i >= 0; i-- {
		send(t, peers[i], []byte{byte(i)})
		joins[i]()
	}
}

func TestTimeoutsReadBackExactly(t *testing.T) {
	s, _ := tcpPair(t)
	for _, half := range timeoutHalves(s) {
		t.Run(half.name, func(t *testing.T) {
			if d, set := half.get(); set {
				t.Errorf("a new stream has the timeout %v", d)
			}
			for _, d := range []time.Duration{
				15410 * time.Second, 1, 999, 4100 * time.Microsecond, 1234567 * time.Nanosecond, 1<<63 - 1,
			} {
				must(t, "setting "+d.String(), half.set(d))
				if got, set := half.get(); got != d || !set {
					t.Errorf("set %v, read back (%v, %v)", d, got, set)
				}
			}
			must(t, "clearing", half.set(stream.NoTimeout))
			if d, set := half.get(); set {
				t.Errorf("cleared, but still %v", d)
			}
			must(t, "clearing again", half.set(stream.NoTimeout))
		})
	}
}

type timeoutHalf struct {
	name string
	set  func(time.Duration) error
	get  func() (time.Duration, bool)
}

func timeoutHalves(s *stream.Stream) []timeoutHalf {
	return []timeoutHalf{
		{"read", s.SetReadTimeout, s.ReadTimeout},
		{"write", s.SetWriteTimeout, s.WriteTimeout},
	}
}

func TestTimeoutZeroIsInvalid(t *testing.T) {
	s, _ := tcpPair(t)
	for _, half := range timeoutHalves(s) {
		expectError(t, half.name+" timeout of 0", half.set(0), os.ErrInvalid)
		if d, set := half.get(); set {
			t.Errorf("the refused %s timeout was set: %v", half.name, d)
		}
		must(t, "setting a second", half.set(time.Second))
		expectError(t, half.name+" timeout of 0", half.set(0), os.ErrInvalid)
		if d, set := half.get(); d != time.Second || !set {
			t.Errorf("a refused %s timeout changed the old one to (%v, %v)", half.name, d, set)
		}
	}
}

func TestTimeoutBelowZeroIsInvalid(t *testing.T) {
	s, _ := tcpPair(t)
	for _, half := range timeoutHalves(s) {
		for _, d := range []time.Duration{-2, -time.Second, -1 << 63} {
			expectError(t, half.name+" timeout of "+d.String(), half.set(d), os.ErrInvalid)
		}
	}
}

// Each half has its own.
func TestTimeoutsAreIndependent(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "SetReadTimeout", s.SetReadTimeout(time.Second))
	if d, set := s.WriteTimeout(); set {
		t.Errorf("the read timeout set the write timeout to %v", d)
	}
	must(t, "SetWriteTimeout", s.SetWriteTimeout(time.Minute))
	if d, _ := s.ReadTimeout(); d != time.Second {
		t.Errorf("the write timeout changed the read timeout to %v", d)
	}
}

func TestReadTimeoutExpires(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		waits(t, s)
		for _, d := range []time.Duration{1, 1500 * time.Microsecond, 20*time.Millisecond + 1} {
			must(t, "SetReadTimeout", s.SetReadTimeout(d))
			for name, read := range map[string]func() (int, error){
				"Read":         func() (int, error) { return s.Read(make([]byte, 1)) },
				"Peek":         func() (int, error) { return s.Peek(make([]byte, 1)) },
				"ReadVectored": func() (int, error) { return s.ReadVectored([][]byte{make([]byte, 1)}) },
				"ReadFull":     func() (int, error) { return s.ReadFull(make([]byte, 1)) },
				"ReadToEnd":    func() (int, error) { p, err := s.ReadToEnd(nil); return len(p), err },
				"ReadToString": func() (int, error) { p, err := s.ReadToString(); return len(p), err },
				"ReadAppend":   func() (int, error) { p, err := s.ReadAppend(nil); return len(p), err },
			} {
				start := time.Now()
				n, err := read()
				if took := time.Since(start); took < d {
					t.Errorf("%s: timeout %v, over after %v", name, d, took)
				}
				expectError(t, name, err, os.ErrDeadlineExceeded)
				if n != 0 {
					t.Errorf("%s: count %d", name, n)
				}
			}
		}
		// The stream is as good as before.
		send(t, peer, []byte("after"))
		must(t, "SetReadTimeout", s.SetReadTimeout(patience))
		expectReceived(t, s, []byte("after"))
	})
}

func TestReadTimeoutIsNoMatterWhenDataIsThere(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s)
	must(t, "SetReadTimeout", s.SetReadTimeout(patience))
	send(t, peer, []byte("hello world"))
	expectReceived(t, s, []byte("hello world"))
	must(t, "SetReadTimeout", s.SetReadTimeout(5*time.Millisecond))
	n, err := s.ReadFull(make([]byte, 11))
	expectError(t, "ReadFull", err, os.ErrDeadlineExceeded)
	if n != 0 {
		t.Errorf("count %d", n)
	}
}

// What was read before the time ran out is told with the error.
func TestReadFullTimeoutKeepsItsCount(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s)
	must(t, "SetReadTimeout", s.SetReadTimeout(5*time.Millisecond))
	send(t, peer, []byte("abc"))
	must(t, "Peek", awaitInput(s, 3))
	p := make([]byte, 8)
	n, err := s.ReadFull(p)
	expectError(t, "ReadFull", err, os.ErrDeadlineExceeded)
	expectBytes(t, p[:n], []byte("abc"))
}

func TestWriteTimeoutExpires(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		sent := fill(t, s)
		waits(t, s)
		p := pattern(16<<20, 3)
		for _, d := range []time.Duration{1, 1500 * time.Microsecond, 20*time.Millisecond + 1} {
			must(t, "SetWriteTimeout", s.SetWriteTimeout(d))
			start := time.Now()
			n, err := s.Write(p)
			took := time.Since(start)
			expectError(t, "Write", err, os.ErrDeadlineExceeded)
			// The buffers may have found some more room.
			sent = append(sent, p[:n]...)
			if took < d {
				t.Errorf("timeout %v, over after %v", d, took)
			}
		}
		must(t, "SetWriteTimeout", s.SetWriteTimeout(patience))
		expectReceived(t, peer, sent)
	})
}

// A time-out in the middle of a long Write tells exactly how much went out.
func TestWriteTimeoutKeepsItsCount(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		waits(t, s)
		must(t, "SetWriteTimeout", s.SetWriteTimeout(10*time.Millisecond))
		want := pattern(12<<20, 2)
		n, err := s.Write(want)
		expectError(t, "Write", err, os.ErrDeadlineExceeded)
		if n <= 0 || n >= len(want) {
			t.Fatalf("took %d of %d bytes", n, len(want))
		}
		expectReceived(t, peer, want[:n])
		got, err := peer.Read(make([]byte, 1))
		expectWouldBlock(t, "the peer's Read after the told count", got, err)
	})
}

// In nonblocking mode nothing waits, so nothing times out.
func TestTimeoutsAreIdleInNonblockingMode(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "SetReadTimeout", s.SetReadTimeout(time.Hour))
	n, err := s.Read(make([]byte, 1))
	expectWouldBlock(t, "Read", n, err)
	must(t, "SetReadTimeout", s.SetReadTimeout(1))
	n, err = s.Read(make([]byte, 1))
	expectWouldBlock(t, "Read", n, err)
}

func TestCloseEndsWaitingCalls(t *testing.T) {
	for name, call := range map[string]func(s *stream.Stream) error{
		"Read":          func(s *stream.Stream) error { _, err := s.Read(make([]byte, 1)); return err },
		"Peek":          func(s *stream.Stream) error { _, err := s.Peek(make([]byte, 1)); return err },
		"ReadVectored":  func(s *stream.Stream) error { _, err := s.ReadVectored([][]byte{{0}}); return err },
		"ReadFull":      func(s *stream.Stream) error { _, err := s.ReadFull(make([]byte, 1)); return err },
		"ReadToEnd":     func(s *stream.Stream) error { _, err := s.ReadToEnd(nil); return err },
		"Write":         func(s *stream.Stream) error { _, err := s.Write(make([]byte, 8<<20)); return err },
		"WriteSome":     untilError(func(s *stream.Stream) error { _, err := s.WriteSome([]byte("x")); return err }),
		"WriteVectored": untilError(func(s *stream.Stream) error { _, err := s.WriteVectored([][]byte{{1}}); return err }),
	} {
		for _, limited := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/limited=%v", name, limited), func(t *testing.T) {
				s, _ := tcpPair(t)
				fill(t, s)
				waits(t, s)
				if limited {
					must(t, "SetReadTimeout", s.SetReadTimeout(time.Hour))
					must(t, "SetWriteTimeout", s.SetWriteTimeout(time.Hour))
				}
				ended := make(chan error, 1)
				inBackground(t, name, func() error { ended <- call(s); return nil })
				untilBlocked(t, "eddyline/stream.")
				must(t, "Close", s.Close())
				expectClosed(t, name, outcome(t, name, ended))
			})
		}
	}
}

// untilError repeats a small write, for which even full buffers may find room.
func untilError(write func(s *stream.Stream) error) func(s *stream.Stream) error {
	return func(s *stream.Stream) error {
		for {
			if err := write(s); err != nil {
				return err
			}
		}
	}
}

func TestCloseEndsWaitingAccept(t *testing.T) {
	l := listen(t, loopback4())
	must(t, "SetNonblocking(false)", l.SetNonblocking(false))
	ended := make(chan error, 1)
	inBackground(t, "Accept", func() error { _, err := l.Accept(); ended <- err; return nil })
	untilBlocked(t, "stream.(*Listener).Accept")
	must(t, "Close", l.Close())
	expectClosed(t, "Accept", outcome(t, "Accept", ended))
}

// Several goroutines wait in one stream at a time; all of them end.
func TestCloseEndsEveryWaitingCall(t *testing.T) {
	s, _ := tcpPair(t)
	fill(t, s)
	waits(t, s)
	const each = 8
	ended := make(chan error, 2*each)
	for range each {
		inBackground(t, "Read", func() error { _, err := s.Read(make([]byte, 1)); ended <- err; return nil })
		inBackground(t, "Write", func() error { _, err := s.Write(make([]byte, 8<<20)); ended <- err; return nil })
	}
	untilBlocked(t, "stream.(*Stream).Read")
	untilBlocked(t, "stream.(*Stream).Write")
	must(t, "Close", s.Close())
	for range 2 * each {
		expectClosed(t, "a waiting call", outcome(t, "a waiting call", ended))
	}
}

// The descriptor is given back, although a call was waiting in it.
func TestCloseUnderWaitingReadFreesTheDescriptor(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s)
	reading := inBackground(t, "Read", func() error { s.Read(make([]byte, 1)); return nil })
	untilBlocked(t, "stream.(*Stream).Read")
	must(t, "Close", s.Close())
	reading()
	n, err := readSome(peer, make([]byte, 1))
	expectEOF(t, "the peer's Read", n, err)
}

func TestShutdownEndsWaitingRead(t *testing.T) {
	for _, how := range []stream.Shutdown{stream.ShutRead, stream.ShutBoth} {
		eachFamily(t, func(t *testing.T, at stream.Addr) {
			s, _ := connected(t, at)
			waits(t, s)
			ended := make(chan error, 1)
			inBackground(t, "Read", func() error { _, err := s.Read(make([]byte, 1)); ended <- err; return nil })
			untilBlocked(t, "stream.(*Stream).Read")
			must(t, "Shutdown", s.Shutdown(how))
			if err := outcome(t, "Read", ended); err != io.EOF {
				t.Errorf("Read: %v, want io.EOF", err)
			}
		})
	}
}

// With its reading half still open: poll(2) says nothing to the writer of a full
// unix socket whose writing half was shut down.
func TestShutdownEndsWaitingWrite(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		waits(t, s)
		ended := make(chan error, 1)
		inBackground(t, "Write", func() error { _, err := s.Write(make([]byte, 16<<20)); ended <- err; return nil })
		untilBlocked(t, "stream.(*Stream).Write")
		must(t, "Shutdown(ShutWrite)", s.Shutdown(stream.ShutWrite))
		expectError(t, "Write", outcome(t, "Write", ended), syscall.EPIPE)
		_, err := s.Write([]byte("x"))
		expectError(t, "a later Write", err, syscall.EPIPE)
	})
}

// A waiting call sees the error of a peer that resets.
func TestResetEndsWaitingRead(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s)
	ended := make(chan error, 1)
	inBackground(t, "Read", func() error { _, err := s.Read(make([]byte, 1)); ended <- err; return nil })
	untilBlocked(t, "stream.(*Stream).Read")
	abort(t, peer)
	expectError(t, "Read", outcome(t, "Read", ended), syscall.ECONNRESET)
}

// ErrWouldBlock is the answer of nonblocking mode only.
func TestBlockingModeNeverSaysWouldBlock(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s, peer)
	want := pattern(3<<20, 3)
	inBackground(t, "Write", func() error {
		for rest := want; len(rest) > 0; {
			n, err := s.Write(rest[:min(len(rest), 70_000)])
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		return s.Close()
	})
	got, err := io.ReadAll(peer)
	if errors.Is(err, stream.ErrWouldBlock) || err != nil {
		t.Fatalf("io.ReadAll: %v", err)
	}
	expectBytes(t, got, want)
}
