//go:build unix

package stream_test

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// Shutdown: the half that is shut answers at once, on every handle of the socket.

func TestShutdownSmoke(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		client, server := connected(t, at)
		send(t, client, []byte("last"))
		must(t, "Shutdown", client.Shutdown(stream.ShutWrite))
		n, err := client.Write([]byte{1})
		expectError(t, "Write", err, syscall.EPIPE)
		expectOpError(t, "Write", err)
		if n != 0 {
			t.Errorf("count %d", n)
		}
		expectReceived(t, server, []byte("last"))
		n, err = readSome(server, make([]byte, 1))
		expectEOF(t, "the server's Read", n, err)
		// The other direction is open as before.
		send(t, server, []byte("answer"))
		expectReceived(t, client, []byte("answer"))
	})
}

// Closing halves takes effect on the handle, on clones from before and from after.
func TestShutdownBothHalvesOnEveryHandle(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		before := clone(t, s)
		must(t, "Shutdown(ShutWrite)", s.Shutdown(stream.ShutWrite))
		must(t, "Shutdown(ShutRead)", s.Shutdown(stream.ShutRead))
		after := clone(t, s)
		for name, h := range map[string]*stream.Stream{"itself": s, "older clone": before, "newer clone": after} {
			_, err := h.Write([]byte{0})
			expectError(t, name+" Write", err, syscall.EPIPE)
			n, err := h.Read(make([]byte, 1))
			expectEOF(t, name+" Read", n, err)
		}
		// Once more on any handle ends well or with the kernel's word, but ends.
		for _, h := range []*stream.Stream{before, after, s} {
			for _, how := range []stream.Shutdown{stream.ShutRead, stream.ShutWrite, stream.ShutBoth} {
				if err := h.Shutdown(how); err != nil {
					expectError(t, "Shutdown once more", err, syscall.ENOTCONN)
				}
			}
		}
	})
}

func TestShutdownBoth(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		must(t, "Shutdown(ShutBoth)", s.Shutdown(stream.ShutBoth))
		n, err := s.Read(make([]byte, 1))
		expectEOF(t, "Read", n, err)
		_, err = s.Write([]byte{1})
		expectError(t, "Write", err, syscall.EPIPE)
		n, err = readSome(peer, make([]byte, 1))
		expectEOF(t, "the peer's Read", n, err)
	})
}

func TestShutdownReadWakesReaderOnClone(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		c := clone(t, s)
		waits(t, s)
		ended := make(chan error, 1)
		inBackground(t, "Read on the clone", func() error {
			_, err := c.Read(make([]byte, 1))
			ended <- err
			return nil
		})
		untilBlocked(t, "stream.(*Stream).Read")
		must(t, "Shutdown", s.Shutdown(stream.ShutRead))
		if err := outcome(t, "Read", ended); err != io.EOF {
			t.Errorf("Read: %v, want io.EOF", err)
		}
	})
}

func TestShutdownRefusesUnknownHalf(t *testing.T) {
	s, peer := tcpPair(t)
	for _, how := range []int{-1, 17, 99} {
		if err := s.Shutdown(stream.Shutdown(how)); err == nil {
			t.Errorf("Shutdown(%d) succeeded", how)
		}
	}
	send(t, s, []byte("open"))
	expectReceived(t, peer, []byte("open"))
}

// The second call answers what the kernel answers to the same calls made without
// this package.
func TestShutdownAgainIsAsThePlatformDoes(t *testing.T) {
	halves := map[stream.Shutdown]int{
		stream.ShutRead: syscall.SHUT_RD, stream.ShutWrite: syscall.SHUT_WR, stream.ShutBoth: syscall.SHUT_RDWR,
	}
	for _, sequence := range [][]stream.Shutdown{
		{stream.ShutRead, stream.ShutRead},
		{stream.ShutWrite, stream.ShutWrite},
		{stream.ShutBoth, stream.ShutBoth},
		{stream.ShutRead, stream.ShutWrite, stream.ShutBoth},
	} {
		t.Run(fmt.Sprint(sequence), func(t *testing.T) {
			ours, _ := withNetPeer(t)
			plain, _ := withNetPeer(t)
			fd, err := plain.Detach()
			must(t, "Detach", err)
			defer syscall.Close(fd)
			for i, how := range sequence {
				got, want := ours.Shutdown(how), syscall.Shutdown(fd, halves[how])
				if want == nil && got != nil || want != nil && !errors.Is(got, want) {
					t.Errorf("call %d: got %v, the kernel says %v", i, got, want)
				}
			}
		})
	}
}

func clone(t testing.TB, s *stream.Stream) *stream.Stream {
	t.Helper()
	c, err := s.TryClone()
	must(t, "TryClone", err)
	t.Cleanup(func() { c.Close() })
	return c
}
