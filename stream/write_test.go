//go:build unix

package stream_test

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// The writing half: counts are exact however little the kernel takes, and a peer
// that is gone is an error, not a signal.

func TestWriteNothing(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		fill(t, s)
		for what, call := range map[string]func() (int, error){
			"Write(nil)":           func() (int, error) { return s.Write(nil) },
			"Write of length 0":    func() (int, error) { return s.Write([]byte{}) },
			"WriteSome(nil)":       func() (int, error) { return s.WriteSome(nil) },
			"WriteVectored(nil)":   func() (int, error) { return s.WriteVectored(nil) },
			"WriteVectored of two": func() (int, error) { return s.WriteVectored([][]byte{nil, {}}) },
			"WriteBuffers of two": func() (int, error) {
				n, err := s.WriteBuffers(&net.Buffers{nil, {}})
				return int(n), err
			},
		} {
			if n, err := call(); n != 0 || err != nil {
				t.Errorf("%s: got (%d, %v), want (0, nil)", what, n, err)
			}
		}
		must(t, "Close", peer.Close())
	})
}

func TestTransferAllocatesNothing(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		p, bufs := make([]byte, 64), [][]byte{make([]byte, 30), nil, make([]byte, 34)}
		for name, c := range map[string]struct{ write, read func() (int, error) }{
			"Write and Read": {
				func() (int, error) { return s.Write(p) },
				func() (int, error) { return peer.Read(p) },
			},
			"WriteVectored and ReadVectored": {
				func() (int, error) { return s.WriteVectored(bufs) },
				func() (int, error) { return peer.ReadVectored(bufs) },
			},
		} {
			allocs := testing.AllocsPerRun(100, func() {
				if n, err := c.write(); n != 64 || err != nil {
					t.Errorf("%s: wrote (%d, %v)", name, n, err)
				}
				for n := 0; n < 64; {
					k, err := c.read()
					if err != nil && err != stream.ErrWouldBlock {
						t.Fatalf("%s: read %v", name, err)
					}
					n += k
				}
			})
			if allocs != 0 {
				t.Errorf("%s: %v allocations", name, allocs)
			}
		}
	})
}

// A Write that meets a full buffer says exactly how much it took: the rest, sent
// later, continues without a gap.
func TestWriteFullSendBufferCount(t *testing.T) {
	want := pattern(12<<20, 2)
	for name, write := range map[string]func(s *stream.Stream, p []byte) (int, error){
		"Write":     func(s *stream.Stream, p []byte) (int, error) { return s.Write(p) },
		"WriteSome": func(s *stream.Stream, p []byte) (int, error) { return s.WriteSome(p) },
		"WriteVectored": func(s *stream.Stream, p []byte) (int, error) {
			return s.WriteVectored(cut(p, 997))
		},
		"WriteBuffers": func(s *stream.Stream, p []byte) (int, error) {
			bufs := net.Buffers(cut(p, 997))
			n, err := s.WriteBuffers(&bufs)
			return int(n), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachFamily(t, func(t *testing.T, at stream.Addr) {
				s, peer := connected(t, at)
				sent := 0
				for {
					n, err := write(s, want[sent:])
					sent += n
					if err == stream.ErrWouldBlock {
						break
					}
					must(t, name, err)
					if n == 0 {
						t.Fatal("no error and no byte")
					}
				}
				if sent == 0 || sent == len(want) {
					t.Fatalf("the buffers took %d of %d bytes", sent, len(want))
				}
				expectReceived(t, peer, want[:sent])
				n, err := peer.Read(make([]byte, 1))
				expectWouldBlock(t, "the peer's Read after the told count", n, err)
				inBackground(t, "the rest", func() error { return sendAll(s, want[sent:]) })
				expectReceived(t, peer, want[sent:])
			})
		})
	}
}

// cut divides p into slices of the given size with empty ones in between.
func cut(p []byte, size int) [][]byte {
	var slices [][]byte
	for len(p) > 0 {
		k := min(size, len(p))
		slices = append(slices, p[:k], nil)
		p = p[k:]
	}
	return slices
}

// As io.Writer demands: fewer bytes than asked never come without an error.
func TestWriteIsDoneOrSaysWhy(t *testing.T) {
	s, peer := tcpPair(t)
	p := pattern(64<<10, 1)
	var sent, received []byte
	for range 200 {
		n, err := s.Write(p)
		sent = append(sent, p[:n]...)
		if n < len(p) && err != stream.ErrWouldBlock || n == len(p) && err != nil {
			t.Fatalf("got (%d, %v) for %d bytes", n, err, len(p))
		}
		if err != nil {
			break
		}
	}
	must(t, "Close", s.Close())
	received, err := receiveAll(peer)
	must(t, "reading up to the end", err)
	expectBytes(t, received, sent)
}

// One send that the kernel cuts short is told as what it was; Write would have
// tried again and met a full buffer.
func TestWriteSomeIsOneSend(t *testing.T) {
	s, _ := tcpPair(t)
	p := make([]byte, 64<<20)
	n, err := s.WriteSome(p)
	if n <= 0 || n >= len(p) || err != nil {
		t.Fatalf("got (%d, %v) for %d bytes, want a part and no error", n, err, len(p))
	}
	until(t, "a full buffer", func() bool {
		n, err = s.WriteSome(p)
		return err != nil
	})
	expectWouldBlock(t, "WriteSome into a full buffer", n, err)
}

func TestWriteVectored(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		bufs := [][]byte{{}, {10}, nil, {11, 12}, {}}
		n, err := s.WriteVectored(bufs)
		if n != 3 || err != nil {
			t.Fatalf("got (%d, %v), want (3, nil)", n, err)
		}
		expectReceived(t, peer, []byte{10, 11, 12})
		if len(bufs) != 5 || !slices.Equal(bufs[1], []byte{10}) || !slices.Equal(bufs[3], []byte{11, 12}) {
			t.Errorf("the caller's list was changed: %v", bufs)
		}
	})
}

func TestWriteVectoredManySlices(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := pattern(9000, 4)
		bufs := make([][]byte, 0, 9000)
		for rest := want; len(rest) > 0; {
			size := min(len(bufs)%4, len(rest))
			bufs, rest = append(bufs, rest[:size]), rest[size:]
		}
		if len(bufs) <= 1024 {
			t.Fatal("the test needs more slices")
		}
		before := slices.Clone(bufs)
		sent := 0
		must(t, "WriteVectored", await(func() error {
			n, err := s.WriteVectored(skipBytes(bufs, sent))
			sent += n
			return err
		}))
		if sent != len(want) {
			t.Fatalf("sent %d of %d bytes without an error", sent, len(want))
		}
		expectReceived(t, peer, want)
		for i := range bufs {
			if len(bufs[i]) != len(before[i]) {
				t.Fatalf("slice %d of the caller's list was changed", i)
			}
		}
	})
}

func TestWriteBuffersManySlices(t *testing.T) {
	s, peer := tcpPair(t)
	want := pattern(5000, 4)
	bufs := net.Buffers(cut(want, 3))
	if len(bufs) <= 1024 {
		t.Fatal("the test needs more slices")
	}
	total := int64(0)
	must(t, "WriteBuffers", await(func() error {
		n, err := s.WriteBuffers(&bufs)
		total += n
		return err
	}))
	if total != int64(len(want)) || sum(bufs) != 0 {
		t.Errorf("sent %d of %d bytes, %d left in the list", total, len(want), sum(bufs))
	}
	expectReceived(t, peer, want)
}

func sum(bufs net.Buffers) (n int) {
	for _, b := range bufs {
		n += len(b)
	}
	return n
}

// The list loses exactly what was sent, so that calling again continues.
func TestWriteBuffersResumesAcrossWouldBlock(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := pattern(12<<20, 6)
		bufs := net.Buffers(cut(want, 10_007))
		total := int64(0)
		n, err := s.WriteBuffers(&bufs)
		total += n
		if err != stream.ErrWouldBlock {
			t.Fatalf("got (%d, %v), want ErrWouldBlock", n, err)
		}
		if sum(bufs) != len(want)-int(n) {
			t.Fatalf("%d sent, %d left, %d in all", n, sum(bufs), len(want))
		}
		sending := inBackground(t, "the rest", func() error {
			return await(func() error {
				n, err := s.WriteBuffers(&bufs)
				total += n
				return err
			})
		})
		expectReceived(t, peer, want)
		sending()
		if total != int64(len(want)) || sum(bufs) != 0 {
			t.Errorf("sent %d of %d bytes, %d left", total, len(want), sum(bufs))
		}
	})
}

func TestFlushHasNothingToDo(t *testing.T) {
	s, peer := tcpPair(t)
	must(t, "Flush", s.Flush())
	n, err := s.Write([]byte("x"))
	if n != 1 || err != nil {
		t.Fatalf("Write: (%d, %v)", n, err)
	}
	must(t, "Flush", s.Flush())
	expectReceived(t, peer, []byte("x"))
}

func TestWriteAfterPeerClosed(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		must(t, "Close", peer.Close())
		n, err := readSome(s, make([]byte, 1))
		expectEOF(t, "Read", n, err)
		// The first write after the peer's close provokes the reset, a later one meets it.
		until(t, "an error from Write", func() bool {
			n, err = s.Write([]byte("x"))
			return err != nil
		})
		expectError(t, "Write", err, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED)
		expectOpError(t, "Write", err)
		if n != 0 {
			t.Errorf("count %d together with %v", n, err)
		}
	})
}

// A SIGWINCH that is sent afterwards arrives alone: signals are told in the order
// in which they were raised, or by number, and SIGPIPE's is the lower one.
func TestWriteNeverRaisesSIGPIPE(t *testing.T) {
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, syscall.SIGPIPE, syscall.SIGWINCH)
	defer signal.Stop(signals)
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		must(t, "Shutdown", s.Shutdown(stream.ShutWrite))
		for name, write := range map[string]func(s *stream.Stream) error{
			"Write":         func(s *stream.Stream) error { _, err := s.Write([]byte("x")); return err },
			"WriteSome":     func(s *stream.Stream) error { _, err := s.WriteSome([]byte("x")); return err },
			"WriteVectored": func(s *stream.Stream) error { _, err := s.WriteVectored([][]byte{{1}, {2}}); return err },
			"WriteBuffers":  func(s *stream.Stream) error { _, err := s.WriteBuffers(&net.Buffers{{1}, {2}}); return err },
		} {
			expectError(t, name, write(s), syscall.EPIPE)
		}
	})
	must(t, "kill", syscall.Kill(os.Getpid(), syscall.SIGWINCH))
	for s := range signals {
		if s == syscall.SIGWINCH {
			return
		}
		t.Fatalf("got %v", s)
	}
}

// The count of what was taken before the error comes with the error.
func TestWriteTellsCountTogetherWithItsError(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s)
	writing := make(chan struct{})
	inBackground(t, "Write to a peer that resets", func() error {
		close(writing)
		n, err := s.Write(make([]byte, 64<<20))
		if err == nil || n <= 0 || n >= 64<<20 {
			return errors.New("no error, or a count that cannot be")
		}
		return nil
	})
	<-writing
	receive(t, peer, 100_000)
	untilBlocked(t, "stream.(*Stream).Write")
	abort(t, peer)
}
