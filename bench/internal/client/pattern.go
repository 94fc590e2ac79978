package client

// The bytes that go either way: endless repetitions of a table.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

const (
	maxStep    = 64 << 10 // the longest piece of a pattern that is asked for at once
	echoPeriod = 65521    // a prime, so no message size divides it
	stride     = 7919     // from one connection's start to the next one's; no divisor of the period
)

// pattern is an endless repetition of its period. Checking what came is one
// comparison of memory.
type pattern struct {
	table    []byte // the repetition, a period and maxStep long
	period   int
	from, to int // the bytes of a period that may be anything
}

// repeat makes the pattern of which p is the period.
func repeat(p []byte) *pattern {
	n := len(p) + maxStep
	return &pattern{table: bytes.Repeat(p, n/len(p)+1)[:n], period: len(p)}
}

// echoed is the pattern of an echo. Connections begin at different places of it,
// so a byte that is lost, doubled, changed or that belongs to another connection
// shows.
var echoed = func() *pattern {
	p := make([]byte, echoPeriod)
	rand.NewChaCha8([32]byte{'e', 'd', 'd', 'y'}).Read(p)
	return repeat(p)
}()

// origin returns where in echoed connection i begins.
func origin(i int) int { return i * stride % echoPeriod }

// piece returns n bytes of the pattern, at most maxStep, from the place at.
func (p *pattern) piece(at, n int) []byte { return p.table[at : at+n] }

// advance returns the place n bytes after at.
func (p *pattern) advance(at, n int) int { return int(uint(at+n) % uint(p.period)) }

// mask makes those of got's bytes right that may be anything. got begins at the
// place at.
func (p *pattern) mask(got []byte, at int) {
	if p.from == p.to {
		return
	}
	for start := -at; start < len(got); start += p.period {
		from, to := max(start+p.from, 0), min(start+p.to, len(got))
		if from < to {
			copy(got[from:to], p.table[p.from:p.to][from-start-p.from:])
		}
	}
}

// exchange is what one message and its reply are made of.
type exchange struct {
	out, in         *pattern
	outSize, inSize int
}

func newEcho(size int) *exchange { return &exchange{echoed, echoed, size, size} }

func newFixed(e Exchange) *exchange {
	in := repeat(e.Want)
	in.from, in.to = date(e.Want)
	return &exchange{repeat(e.Send), in, len(e.Send), len(e.Want)}
}

// start returns where in both patterns connection i begins.
func (e *exchange) start(i int) int {
	if e.out == echoed {
		return origin(i)
	}
	return 0
}

// reader checks one connection's replies.
type reader struct {
	in      *pattern
	at      int // place in the pattern of the next byte
	size    int // of a reply
	partial int // bytes of the reply under way
	offset  uint64
}

// read checks what came, of which no more than outstanding bytes are expected,
// and returns how many replies it completes. It may change got.
func (r *reader) read(got []byte, outstanding int) (replies int, err error) {
	if len(got) > outstanding {
		return 0, fmt.Errorf("byte %d of its replies: %d bytes came when %d were outstanding", r.offset, len(got), outstanding)
	}
	r.partial += len(got)
	for len(got) > 0 {
		step := got[:min(len(got), maxStep)]
		want := r.in.piece(r.at, len(step))
		r.in.mask(step, r.at)
		if !bytes.Equal(step, want) {
			return 0, r.differ(step, want)
		}
		r.at = r.in.advance(r.at, len(step))
		r.offset += uint64(len(step))
		got = got[len(step):]
	}
	if r.partial < r.size {
		return 0, nil
	}
	replies = r.partial / r.size
	r.partial -= replies * r.size
	return replies, nil
}

func (r *reader) differ(got, want []byte) error {
	i := 0
	for got[i] == want[i] {
		i++
	}
	return fmt.Errorf("byte %d of its replies is wrong: want %#02x, got %#02x (%d bytes into a receive of %d)", r.offset+uint64(i), want[i], got[i], i, len(got))
}
