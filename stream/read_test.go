//go:build unix

package stream_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/eddyline/eddyline/stream"
)

// The reading half: what each form of Read returns with input, without it and at
// its end, and that none of them loses a byte when input comes late.

// The sentinel must not be mistaken for a time-out (as Go's EAGAIN is) nor for
// anything that it wraps.
func TestErrWouldBlockIsBare(t *testing.T) {
	err := stream.ErrWouldBlock
	if errors.Unwrap(err) != nil {
		t.Errorf("it wraps %v", errors.Unwrap(err))
	}
	if _, has := err.(interface{ Timeout() bool }); has {
		t.Error("it has a Timeout method")
	}
	if _, has := err.(interface{ Temporary() bool }); has {
		t.Error("it has a Temporary method")
	}
	if _, has := err.(interface{ Is(error) bool }); has {
		t.Error("it has an Is method")
	}
}

func TestReadWouldBlock(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		p := make([]byte, 8)
		n, err := s.Read(p)
		expectWouldBlock(t, "Read", n, err)
		n, err = s.Peek(p)
		expectWouldBlock(t, "Peek", n, err)
		n, err = s.ReadVectored([][]byte{p[:3], p[3:]})
		expectWouldBlock(t, "ReadVectored", n, err)
		n, err = s.ReadFull(p)
		expectWouldBlock(t, "ReadFull", n, err)
		grown, err := s.ReadAppend([]byte("kept"))
		expectWouldBlock(t, "ReadAppend", len(grown)-4, err)
		grown, err = s.ReadToEnd([]byte("kept"))
		expectWouldBlock(t, "ReadToEnd", len(grown)-4, err)
		text, err := s.ReadToString()
		expectWouldBlock(t, "ReadToString", len(text), err)
	})
}

func TestReadWouldBlockAllocatesNothing(t *testing.T) {
	s, _ := tcpPair(t)
	p := make([]byte, 8)
	if n := testing.AllocsPerRun(100, func() { s.Read(p) }); n != 0 {
		t.Errorf("%v allocations per Read", n)
	}
}

func TestReadIntoNothing(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		expectNothing := func(when string) {
			t.Helper()
			for what, call := range map[string]func() (int, error){
				"Read(nil)":           func() (int, error) { return s.Read(nil) },
				"Read of length 0":    func() (int, error) { return s.Read(make([]byte, 0, 8)) },
				"Peek(nil)":           func() (int, error) { return s.Peek(nil) },
				"ReadFull(nil)":       func() (int, error) { return s.ReadFull(nil) },
				"ReadVectored(nil)":   func() (int, error) { return s.ReadVectored(nil) },
				"ReadVectored of two": func() (int, error) { return s.ReadVectored([][]byte{nil, {}}) },
			} {
				if n, err := call(); n != 0 || err != nil {
					t.Errorf("%s %s: got (%d, %v), want (0, nil)", what, when, n, err)
				}
			}
		}
		expectNothing("without input")
		send(t, peer, []byte("x"))
		must(t, "Peek", await(func() error { _, err := s.Peek(make([]byte, 1)); return err }))
		expectNothing("with input")
		expectReceived(t, s, []byte("x"))
		must(t, "Close", peer.Close())
		n, err := readSome(s, make([]byte, 1))
		expectEOF(t, "Read", n, err)
		expectNothing("at the end")
	})
}

func TestReadEOFAgainAndAgain(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		must(t, "Close", peer.Close())
		p := make([]byte, 4)
		n, err := readSome(s, p)
		expectEOF(t, "first Read", n, err)
		for range 3 {
			n, err = s.Read(p)
			expectEOF(t, "Read", n, err)
			n, err = s.Peek(p)
			expectEOF(t, "Peek", n, err)
			n, err = s.ReadVectored([][]byte{p})
			expectEOF(t, "ReadVectored", n, err)
			n, err = s.ReadFull(p)
			expectEOF(t, "ReadFull", n, err)
			grown, err := s.ReadAppend(nil)
			expectEOF(t, "ReadAppend", len(grown), err)
			// These two are done when the end is there: no error, as io.ReadAll.
			if all, err := s.ReadToEnd(nil); len(all) != 0 || err != nil {
				t.Errorf("ReadToEnd: got (%q, %v), want nothing and no error", all, err)
			}
			if text, err := s.ReadToString(); text != "" || err != nil {
				t.Errorf("ReadToString: got (%q, %v), want nothing and no error", text, err)
			}
			for b, err := range s.Bytes() {
				t.Errorf("Bytes: got (%d, %v), want nothing", b, err)
			}
		}
	})
}

func TestReadTellsEOFAfterTheData(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := pattern(100_000, 7)
		send(t, peer, want)
		must(t, "Close", peer.Close())
		got, err := receiveAll(s)
		must(t, "reading up to the end", err)
		expectBytes(t, got, want)
	})
}

func TestPartialRead(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		send(t, peer, []byte{10})
		p := make([]byte, 10)
		n, err := readSome(s, p)
		if n != 1 || err != nil || p[0] != 10 {
			t.Fatalf("got (%d, %v) and %d", n, err, p[0])
		}
		send(t, peer, []byte("abcdef"))
		must(t, "Peek", awaitInput(s, 6))
		for _, want := range []string{"ab", "cd", "ef"} {
			n, err := s.Read(p[:2])
			if string(p[:n]) != want || err != nil {
				t.Fatalf("got (%q, %v), want %q", p[:n], err, want)
			}
		}
		n, err = s.Read(p)
		expectWouldBlock(t, "Read", n, err)
	})
}

// awaitInput waits until n bytes lie in the stream's buffer.
func awaitInput(s *stream.Stream, n int) error {
	p := make([]byte, n)
	return await(func() error {
		k, err := s.Peek(p)
		if err == nil && k < n {
			return stream.ErrWouldBlock
		}
		return err
	})
}

func TestPeekConsumesNothing(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := []byte{1, 3, 3, 7}
		send(t, peer, want)
		must(t, "Peek", awaitInput(s, len(want)))
		p := make([]byte, 10)
		for range 3 {
			n, err := s.Peek(p)
			must(t, "Peek", err)
			expectBytes(t, p[:n], want)
			n, err = s.Peek(p[:2])
			must(t, "Peek", err)
			expectBytes(t, p[:n], want[:2])
		}
		n, err := s.Read(p)
		must(t, "Read", err)
		expectBytes(t, p[:n], want)
		n, err = s.Peek(p)
		expectWouldBlock(t, "Peek", n, err)
	})
}

func TestReadVectored(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		send(t, peer, []byte{10, 11, 12})
		must(t, "Peek", awaitInput(s, 3))
		b, c := []byte{0}, []byte{0, 0, 0}
		n, err := s.ReadVectored([][]byte{{}, b, nil, c, {}})
		if n != 3 || err != nil {
			t.Fatalf("got (%d, %v), want 3", n, err)
		}
		expectBytes(t, b, []byte{10})
		expectBytes(t, c, []byte{11, 12, 0})
	})
}

// More slices than the kernel takes in one call, many of them empty.
func TestReadVectoredManySlices(t *testing.T) {
	s, peer := tcpPair(t)
	want := pattern(4000, 3)
	send(t, peer, want)
	must(t, "Peek", awaitInput(s, len(want)))
	backing := make([]byte, 8000)
	var slices [][]byte
	for rest := backing; len(rest) > 0; {
		size := min(len(slices)%4, len(rest))
		slices, rest = append(slices, rest[:size]), rest[size:]
	}
	if len(slices) <= 1024 {
		t.Fatal("the test needs more slices")
	}
	for got := 0; got < len(want); {
		n, err := s.ReadVectored(skipBytes(slices, got))
		must(t, "ReadVectored", err)
		if n == 0 {
			t.Fatal("ReadVectored returned (0, nil) with input and room")
		}
		got += n
	}
	expectBytes(t, backing[:len(want)], want)
	if n, err := s.ReadVectored(slices); n != 0 || err != stream.ErrWouldBlock {
		t.Errorf("afterwards: (%d, %v), want ErrWouldBlock", n, err)
	}
}

// skipBytes is the list without its first n bytes; the list itself stays.
func skipBytes(slices [][]byte, n int) [][]byte {
	for i, s := range slices {
		if n < len(s) {
			return append([][]byte{s[n:]}, slices[i+1:]...)
		}
		n -= len(s)
	}
	return nil
}

func TestReadFull(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		send(t, peer, []byte("abc"))
		must(t, "Peek", awaitInput(s, 3))
		p := make([]byte, 8)
		n, err := s.ReadFull(p)
		if n != 3 || err != stream.ErrWouldBlock {
			t.Fatalf("got (%d, %v), want (3, ErrWouldBlock)", n, err)
		}
		send(t, peer, []byte("defghij"))
		must(t, "Peek", awaitInput(s, 7))
		k, err := s.ReadFull(p[n:])
		if k != 5 || err != nil {
			t.Fatalf("got (%d, %v), want (5, nil)", k, err)
		}
		expectBytes(t, p, []byte("abcdefgh"))
		expectReceived(t, s, []byte("ij"))
	})
}

func TestReadFullMeetsTheEndEarly(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, peer, []byte("abc"))
	must(t, "Close", peer.Close())
	p := make([]byte, 8)
	got := 0
	err := await(func() error {
		n, err := s.ReadFull(p[got:])
		got += n
		return err
	})
	if string(p[:got]) != "abc" || (err != io.ErrUnexpectedEOF && err != io.EOF) {
		t.Fatalf("got (%q, %v), want abc and an end", p[:got], err)
	}
	n, err := s.ReadFull(p)
	expectEOF(t, "ReadFull at the end", n, err)
}

// The data and the end are there before the call, so it sees both at once.
func TestReadFullTellsUnexpectedEOF(t *testing.T) {
	s, peer := tcpPair(t)
	waits(t, s)
	send(t, peer, []byte("abc"))
	must(t, "Close", peer.Close())
	n, err := s.ReadFull(make([]byte, 8))
	if n != 3 || err != io.ErrUnexpectedEOF {
		t.Errorf("got (%d, %v), want (3, io.ErrUnexpectedEOF)", n, err)
	}
}

func TestReadToEndResumesAcrossWouldBlock(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		all := []byte("kept")
		want := []byte("kept")
		for i := range 5 {
			part := pattern(1+i*50_000, uint32(i))
			inBackground(t, "the peer's Write", func() error { return sendAll(peer, part) })
			want = append(want, part...)
			for len(all) < len(want) {
				var err error
				all, err = s.ReadToEnd(all)
				if err != stream.ErrWouldBlock {
					t.Fatalf("with %d of %d bytes: %v, want ErrWouldBlock", len(all), len(want), err)
				}
				runtime.Gosched()
			}
		}
		must(t, "Close", peer.Close())
		must(t, "ReadToEnd", await(func() (err error) {
			all, err = s.ReadToEnd(all)
			return err
		}))
		expectBytes(t, all, want)
	})
}

func TestReadToEndKeepsWhatItHasAtAReset(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, peer, []byte("tail"))
	must(t, "Peek", awaitInput(s, 4))
	abort(t, peer)
	all := []byte("kept")
	err := await(func() (err error) {
		all, err = s.ReadToEnd(all)
		return err
	})
	if err == nil || err == io.EOF {
		t.Errorf("a reset is told as %v", err)
	}
	// A reset may discard what was not read yet; what was there stays.
	if !strings.HasPrefix("kepttail", string(all)) || len(all) < 4 {
		t.Errorf("got %q", all)
	}
}

func TestReadToString(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := strings.Repeat("läßt nichts liegen, 一文字も。", 5000)
		inBackground(t, "the peer's Write", func() error {
			if err := sendAll(peer, []byte(want)); err != nil {
				return err
			}
			return peer.Close()
		})
		var got string
		must(t, "ReadToString", await(func() (err error) {
			got, err = s.ReadToString()
			return err
		}))
		expectBytes(t, []byte(got), []byte(want))
	})
}

// The bytes stay for the next call while the end is missing, also when a
// character was cut in two.
func TestReadToStringKeepsBytesAcrossWouldBlock(t *testing.T) {
	s, peer := tcpPair(t)
	for _, part := range []string{"a\xe4", "\xb8", "\x80z"} {
		send(t, peer, []byte(part))
		for range 3 {
			text, err := s.ReadToString()
			expectWouldBlock(t, "ReadToString", len(text), err)
			runtime.Gosched()
		}
	}
	must(t, "Close", peer.Close())
	var text string
	must(t, "ReadToString", await(func() (err error) {
		text, err = s.ReadToString()
		return err
	}))
	if text != "a一z" || !utf8.ValidString(text) {
		t.Errorf("got %q", text)
	}
}

// What ReadToString holds for its next call comes out of every other form of
// Read first, in order.
func TestReadToStringLosesNothingToOtherReads(t *testing.T) {
	for name, read := range map[string]func(s *stream.Stream, p []byte) (int, error){
		"Read":         func(s *stream.Stream, p []byte) (int, error) { return s.Read(p) },
		"ReadFull":     func(s *stream.Stream, p []byte) (int, error) { return s.ReadFull(p) },
		"ReadVectored": func(s *stream.Stream, p []byte) (int, error) { return s.ReadVectored([][]byte{p[:1], p[1:]}) },
		"ReadAppend": func(s *stream.Stream, p []byte) (int, error) {
			got, err := s.ReadAppend(p[:0:len(p)])
			return copy(p, got), err
		},
		"ReadToEnd": func(s *stream.Stream, p []byte) (int, error) {
			got, err := s.ReadToEnd(p[:0:len(p)])
			return copy(p, got), err
		},
		"Bytes": func(s *stream.Stream, p []byte) (int, error) {
			n := 0
			for b, err := range s.Bytes() {
				if err != nil || n == len(p) {
					return n, err
				}
				p[n] = b
				n++
			}
			return n, nil
		},
		"Peek": func(s *stream.Stream, p []byte) (int, error) {
			k, err := s.Peek(p)
			if err != nil {
				return 0, err
			}
			q := make([]byte, len(p))
			n, err := s.Read(q[:k])
			if string(q[:n]) != string(p[:n]) {
				return n, errors.New("Peek and Read disagree")
			}
			return n, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := tcpPair(t)
			send(t, peer, []byte("held back"))
			must(t, "Peek", awaitInput(s, 9))
			text, err := s.ReadToString()
			expectWouldBlock(t, "ReadToString", len(text), err)
			send(t, peer, []byte(", then more"))
			var got []byte
			for len(got) < 20 {
				p := make([]byte, 20-len(got))
				must(t, name, await(func() error {
					n, err := read(s, p)
					got = append(got, p[:n]...)
					if n > 0 && errors.Is(err, stream.ErrWouldBlock) {
						return nil
					}
					return err
				}))
			}
			expectBytes(t, got, []byte("held back, then more"))
		})
	}
}

func TestReadToStringInvalidUTF8LosesNothing(t *testing.T) {
	s, peer := tcpPair(t)
	want := []byte("good \xff\xfe bad")
	send(t, peer, want)
	must(t, "Close", peer.Close())
	for range 2 {
		var text string
		err := await(func() (err error) {
			text, err = s.ReadToString()
			return err
		})
		if err == nil || err == io.EOF || text != "" {
			t.Fatalf("got (%q, %v), want an error and no text", text, err)
		}
	}
	got, err := s.ReadToEnd(nil)
	must(t, "ReadToEnd", err)
	expectBytes(t, got, want)
	n, err := s.Read(make([]byte, 1))
	expectEOF(t, "Read", n, err)
}

func TestReadAppend(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		send(t, peer, []byte("abc"))
		must(t, "Peek", awaitInput(s, 3))
		got, err := s.ReadAppend([]byte("kept "))
		must(t, "ReadAppend", err)
		expectBytes(t, got, []byte("kept abc"))
		again, err := s.ReadAppend(got)
		expectWouldBlock(t, "ReadAppend", len(again)-len(got), err)
		expectBytes(t, again, []byte("kept abc"))
	})
}

func TestReadAppendGrows(t *testing.T) {
	s, peer := tcpPair(t)
	want := pattern(300_000, 9)
	inBackground(t, "the peer's Write", func() error { return sendAll(peer, want) })
	var got []byte
	for len(got) < len(want) {
		must(t, "ReadAppend", await(func() (err error) {
			before := len(got)
			got, err = s.ReadAppend(got)
			if err == nil && len(got) == before {
				return errors.New("no error and no byte")
			}
			return err
		}))
	}
	expectBytes(t, got, want)
}

// Room that is there is used; nothing beyond the slice's capacity is touched.
func TestReadAppendStaysInItsCapacity(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, peer, []byte("0123456789"))
	must(t, "Peek", awaitInput(s, 10))
	backing := []byte("kept....guard")
	got, err := s.ReadAppend(backing[:4:8])
	must(t, "ReadAppend", err)
	if string(backing[8:]) != "guard" {
		t.Errorf("wrote past the capacity: %q", backing)
	}
	if !strings.HasPrefix("kept0123456789", string(got)) || len(got) == 4 {
		t.Errorf("got %q", got)
	}
	expectReceived(t, s, []byte("0123456789")[len(got)-4:])
}

func TestBytes(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := pattern(70_000, 5)
		inBackground(t, "the peer's Write", func() error {
			if err := sendAll(peer, want); err != nil {
				return err
			}
			return peer.Close()
		})
		var got []byte
		must(t, "Bytes", await(func() error {
			for b, err := range s.Bytes() {
				if err != nil {
					return err
				}
				got = append(got, b)
			}
			return nil
		}))
		expectBytes(t, got, want)
	})
}

func TestBytesResumesAfterWouldBlock(t *testing.T) {
	s, peer := tcpPair(t)
	var got []byte
	for _, part := range []string{"ab", "c", "def"} {
		send(t, peer, []byte(part))
		must(t, "Peek", awaitInput(s, len(part)))
		last := error(nil)
		for b, err := range s.Bytes() {
			if err != nil {
				if last = err; b != 0 {
					t.Errorf("byte %d together with %v", b, err)
				}
				continue
			}
			if last != nil {
				t.Fatalf("byte %d after %v in the same loop", b, last)
			}
			got = append(got, b)
		}
		if last != stream.ErrWouldBlock {
			t.Fatalf("the loop ended with %v, want ErrWouldBlock", last)
		}
	}
	expectBytes(t, got, []byte("abcdef"))
}

// Whoever leaves the loop early finds the following bytes in the next read.
func TestBytesLeftEarlyLosesNothing(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, peer, []byte("abcdefgh"))
	must(t, "Peek", awaitInput(s, 8))
	for want := byte('a'); want <= 'c'; want++ {
		for b, err := range s.Bytes() {
			must(t, "Bytes", err)
			if b != want {
				t.Fatalf("got %c, want %c", b, want)
			}
			break
		}
	}
	p := make([]byte, 3)
	n, err := s.Peek(p)
	must(t, "Peek", err)
	if !strings.HasPrefix("def", string(p[:n])) || n == 0 {
		t.Errorf("Peek after the loop: %q", p[:n])
	}
	expectReceived(t, s, []byte("defgh"))
}
