package soak

// The bytes that connections carry: every piece is cut from one table, from a
// place that is chosen at random, so that a byte that is lost, doubled, moved or
// that belongs to somebody else shows.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// period is how long the table is before it repeats: a prime.
const period = 65521

var table = func() []byte {
	once := make([]byte, period)
	_, _ = rand.NewChaCha8([32]byte{'s', 'o', 'a', 'k'}).Read(once)
	return once
}()

// fill makes p the bytes from the place at on.
func fill(p []byte, at int) {
	for len(p) > 0 {
		n := copy(p, table[at%period:])
		p, at = p[n:], at+n
	}
}

// check wants p to be the bytes from the place at on.
func check(p []byte, at int) error {
	for len(p) > 0 {
		want := table[at%period:]
		n := min(len(p), len(want))
		if !bytes.Equal(p[:n], want[:n]) {
			return fmt.Errorf("wrong bytes came back, %d before the end of the piece", len(p))
		}
		p, at = p[n:], at+n
	}
	return nil
}
