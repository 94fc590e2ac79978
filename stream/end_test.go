//go:build unix

package stream_test

// Every way to read, at the end of what there is: nothing is told as (0, nil), and no
// end is told along with bytes (hazard 26).

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// reader is a way to read up to len(p) bytes.
type reader func(s *stream.Stream, p []byte) (int, error)

// readers are all those that promise what io.Reader allows at most; ReadFull,
// ReadToEnd and ReadToString have ends of their own.
var readers = map[string]reader{
	"Read": (*stream.Stream).Read,
	"Peek and Read": func(s *stream.Stream, p []byte) (int, error) {
		n, err := s.Peek(p)
		if n == 0 || err != nil {
			return n, err
		}
		m, err := s.Read(p[:n])
		if m != n {
			err = errors.Join(err, io.ErrShortBuffer)
		}
		return m, err
	},
	"ReadVectored": func(s *stream.Stream, p []byte) (int, error) {
		return s.ReadVectored([][]byte{nil, p[:len(p)/2], {}, p[len(p)/2:]})
	},
	"ReadAppend": func(s *stream.Stream, p []byte) (int, error) {
		q, err := s.ReadAppend(p[:0:len(p)])
		return len(q), err
	},
}

// expectReads reads what was sent in pieces of size, and then the end, again and
// again, and wants every call to bring something or to say why it does not.
func expectReads(t *testing.T, s *stream.Stream, read reader, size int, want []byte) {
	t.Helper()
	var got []byte
	for p := make([]byte, size); ; {
		n, err := read(s, p)
		switch {
		case n == 0 && err == nil:
			t.Fatalf("(0, nil) after %d bytes", len(got))
		case n > 0 && err != nil:
			t.Fatalf("%d bytes together with %v", n, err)
		case err == stream.ErrWouldBlock:
			pause(0)
			continue
		case err == io.EOF:
			expectBytes(t, got, want)
			for range 3 {
				if n, err := read(s, p); n != 0 || err != io.EOF {
					t.Fatalf("after the end: (%d, %v)", n, err)
				}
			}
			return
		case err != nil:
			t.Fatal(err)
		}
		got = append(got, p[:n]...)
	}
}

func TestNoReaderGivesNothingOrBytesWithTheEnd(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		for name, read := range readers {
			t.Run(name, func(t *testing.T) {
				for _, total := range []int{0, 1, 2, 1_000, 20_000} {
					for _, size := range []int{1, 2, 999, 1_000, 1_001, 64 << 10} {
						if size == 1 && total > 1_000 {
							continue // it would tell nothing new, slowly
						}
						s := connect(t, listenerAddr(t, l))
						peer := accept(t, l)
						n, err := read(s, make([]byte, size))
						expectWouldBlock(t, "before anything was sent", n, err)
						want := pattern(total, 1)
						send(t, peer, want)
						must(t, "Shutdown", peer.Shutdown(stream.ShutWrite))
						expectReads(t, s, read, size, want)
						must(t, "Close", s.Close())
						must(t, "Close", peer.Close())
					}
				}
			})
		}
	})
}

// The same for a stream that waits, and for the net.Conn that one becomes.
func TestNoWaitingReaderGivesNothingOrBytesWithTheEnd(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		for name, read := range readers {
			t.Run(name, func(t *testing.T) {
				s := connect(t, listenerAddr(t, l))
				peer := accept(t, l)
				waits(t, s)
				want := pattern(300_000, 1)
				sending := inBackground(t, "sending", func() error {
					return errors.Join(sendAll(peer, want), peer.Shutdown(stream.ShutWrite))
				})
				expectReads(t, s, func(s *stream.Stream, p []byte) (int, error) {
					n, err := read(s, p)
					if err == stream.ErrWouldBlock {
						t.Error("a stream that waits says ErrWouldBlock")
					}
					return n, err
				}, 1_000, want)
				sending()
			})
		}
		t.Run("NetConn", func(t *testing.T) {
			s := connect(t, listenerAddr(t, l))
			peer := accept(t, l)
			nc, err := s.NetConn()
			must(t, "NetConn", err)
			defer nc.Close()
			want := pattern(300_000, 1)
			sending := inBackground(t, "sending", func() error {
				return errors.Join(sendAll(peer, want), peer.Shutdown(stream.ShutWrite))
			})
			expectReads(t, s, func(_ *stream.Stream, p []byte) (int, error) { return net.Conn.Read(nc, p) }, 1_000, want)
			sending()
		})
	})
}
