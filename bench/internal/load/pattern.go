// Package load is a closed-loop load generator for echo servers: every
// connection keeps a fixed number of messages outstanding and sends the next as
// soon as one has come back. It runs in a process of its own, on one thread and
// one epoll instance, and checks every byte that returns.
package load

import "math/rand/v2"

// A connection's bytes, in both directions, are one endless stream: a table of
// random bytes, repeated, beginning at a place that depends on the connection.
// So a byte that is lost, doubled, changed or that belongs to another
// connection shows, and checking is one comparison of memory.
const (
	period  = 65521    // bytes until the stream repeats; a prime, so no message size divides it
	maxStep = 64 << 10 // the longest piece of a stream that is asked for at once
	stride  = 7919     // from one connection's start to the next one's; no divisor of period
)

var table = func() []byte {
	t := make([]byte, period+maxStep)
	rng := rand.NewChaCha8([32]byte{'e', 'd', 'd', 'y'})
	for i := range period {
		t[i] = byte(rng.Uint64())
	}
	copy(t[period:], t[:period])
	copy(t[2*period:], t[:])
	return t
}()

// origin returns where in the table the stream of connection i begins.
func origin(i int) uint32 { return uint32(i * stride % period) }

// piece returns n bytes of a stream, at most maxStep, from the place at.
func piece(at uint32, n int) []byte { return table[at : int(at)+n] }

// advance returns the place n bytes after at.
func advance(at uint32, n int) uint32 { return uint32((int(at) + n) % period) }
