// Package ledger holds the bytes of the fault table to account: every connection
// carries an endless stream of its own, so a byte that is lost, doubled, changed,
// or that belongs to another connection, shows at its place.
package ledger

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

const (
	period = 65521    // bytes until a stream repeats; a prime, so no message size divides it
	stride = 7919     // from one stream's start to the next one's; no divisor of period
	piece  = 64 << 10 // the longest run of a stream in one slice
)

var table = func() []byte {
	p := make([]byte, period)
	rand.NewChaCha8([32]byte{'f', 'a', 'u', 'l', 't', 's'}).Read(p)
	n := period + piece
	return bytes.Repeat(p, 3)[:n]
}()

// Stream is a place in the stream of one connection and one direction. One
// goroutine moves it.
type Stream struct {
	id   int
	done atomic.Int64 // read by others for messages
}

// New returns the beginning of stream number id.
func New(id int) *Stream { return &Stream{id: id} }

// Done returns how many bytes of the stream have passed. Any goroutine.
func (s *Stream) Done() int64 { return s.done.Load() }

// ahead returns the next n bytes, at most piece, without passing them.
func (s *Stream) ahead(n int) []byte {
	at := int((int64(s.id)*stride + s.Done()) % period)
	return table[at : at+n]
}

// Next passes up to n bytes of the stream, as many as there are in one piece, and
// returns them. They must not be changed.
func (s *Stream) Next(n int) []byte {
	n = min(n, piece)
	p := s.ahead(n)
	s.done.Add(int64(n))
	return p
}

// Check passes p, whose bytes must be the next of the stream; otherwise the error
// says where they differ.
func (s *Stream) Check(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), piece)
		want := s.ahead(n)
		if !bytes.Equal(p[:n], want) {
			at := 0
			for p[at] == want[at] {
				at++
			}
			return fmt.Errorf("byte %d of stream %d is %#02x instead of %#02x", s.Done()+int64(at), s.id, p[at], want[at])
		}
		s.done.Add(int64(n))
		p = p[n:]
	}
	return nil
}
