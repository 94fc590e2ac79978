package main

// What is sent, and how every byte that comes back is checked.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

const (
	maxMessage = 64 << 10
	// padPeriod is far above maxMessage, and no more than one message is under
	// way, so bytes that are lost, repeated or out of place cannot go unnoticed
	// by being a whole period off.
	padPeriod = 1 << 20
)

// pad is random bytes that all connections share, so that contents cost neither
// time to make nor memory to keep. What a connection sends is the pad read
// round and round, from a place of its own. The first maxMessage bytes follow
// once more at the end, to make any message one slice.
type pad []byte

func newPad() pad {
	p := make(pad, padPeriod+maxMessage)
	random := rand.NewChaCha8([32]byte([]byte("eddyline echo: bytes to be sent.")))
	_, _ = random.Read(p[:padPeriod]) // never fails
	copy(p[padPeriod:], p)
	return p
}

// at returns the n bytes that begin at pos, n being at most maxMessage.
func (p pad) at(pos int64, n int) []byte {
	i := int(pos % padPeriod)
	return p[i : i+n]
}

// account is one connection's: what was sent, and what of it came back.
type account struct {
	pad        pad
	start      int64 // where in the pad the connection begins
	sent, back int64
}

// next enters the next n bytes as sent and returns them; they must not be
// changed.
func (a *account) next(n int) []byte {
	message := a.pad.at(a.start+a.sent, n)
	a.sent += int64(n)
	return message
}

// missing returns how many bytes have not come back.
func (a *account) missing() int { return int(a.sent - a.back) }

// enter checks bytes that came back against those that were sent. The error
// names the first that is wrong by its offset in all that the connection sent.
func (a *account) enter(in []byte) error {
	want := a.pad.at(a.start+a.back, min(len(in), a.missing()))
	if !bytes.Equal(in[:len(want)], want) {
		i := firstDifference(in, want)
		return fmt.Errorf("the byte at offset %d came back as %#02x, sent was %#02x", a.back+int64(i), in[i], want[i])
	}
	if extra := len(in) - len(want); extra > 0 {
		return fmt.Errorf("at offset %d came %d bytes more than were sent", a.sent, extra)
	}
	a.back += int64(len(in))
	return nil
}

// firstDifference returns the first index at which a differs from b, which is
// not longer.
func firstDifference(a, b []byte) int {
	for i := range b {
		if a[i] != b[i] {
			return i
		}
	}
	return len(b)
}

// sizes draws the sizes of one connection's messages: a power of two from 1 to
// maxMessage, each as likely as any other, then a size from there to the next,
// so that small ones and large ones are both common.
type sizes struct{ random rand.PCG }

func (s *sizes) next() int {
	const octaves = 17 // 1<<0 to 1<<16, which is maxMessage
	r := s.random.Uint64()
	least := 1 << (r % octaves)
	if least == maxMessage {
		return maxMessage
	}
	return least + int(r>>32)&(least-1)
}
