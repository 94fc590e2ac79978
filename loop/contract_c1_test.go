//go:build unix

package loop_test

// C1 of the contract: no byte is lost, duplicated or reordered.

import (
	"math/rand/v2"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// Random traffic comes back as it was sent: several loops, pieces of 1 B to
// 1 MiB, slow readers, half-closes.
func TestC1NoByteIsLostDuplicatedOrReordered(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 3})
		ln := listen(r, r.always(hooks{data: echo}))
		var parts []func() error
		for i := range 9 {
			c := r.dial(ln)
			total := []int{1, 4 << 10, 8 << 20}[i%3]
			parts = append(parts,
				func() error { return c.sendLedger(rand.New(rand.NewPCG(1, uint64(i))), 1000*i, total) },
				func() error { return c.receiveLedger(rand.New(rand.NewPCG(2, uint64(i))), 1000*i, total, i%2 == 0) })
		}
		all(t, parts...)
		r.stop()
		if s := r.engine.Stats(); s.BytesIn != s.BytesOut || s.BytesIn != 3*(1+4<<10+8<<20) {
			t.Errorf("%d bytes came in, %d went out", s.BytesIn, s.BytesOut)
		}
	})
}

// source writes total bytes of a ledger at the pace of its peer and then ends
// its output. Its input is another ledger.
type source struct {
	out, in ledger
	left    int
	rng     *rand.Rand
	buf     []byte
}

func (s *source) pump(c *loop.Conn) error {
	for s.left > 0 && c.Buffered() <= loop.DefaultHighMark {
		p := s.buf[:min(s.left, pieceSize(s.rng))]
		s.out.fill(p)
		s.left -= len(p)
		if _, err := s.write(c, p); err != nil {
			return err
		}
	}
	if s.left == 0 {
		s.left = -1
		return c.CloseWrite()
	}
	return nil
}

// write uses one way of writing or another.
func (s *source) write(c *loop.Conn, p []byte) (int, error) {
	switch s.rng.IntN(3) {
	case 0:
		return c.WriteString(string(p))
	case 1:
		k := s.rng.IntN(len(p) + 1)
		return c.Writev([][]byte{p[:k], nil, p[k:]})
	}
	return c.Write(p)
}

// Both directions carry bytes of their own at the same time, each at its own
// pace, and each ends by itself.
func TestC1BothDirectionsAtOnce(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 2})
		const down, up = 5 << 20, 3 << 20
		ln := listen(r, r.protocol(func(c *loop.Conn) hooks {
			s := &source{out: 7, in: 5, left: down, rng: rand.New(rand.NewPCG(3, 3)), buf: make([]byte, 1<<20)}
			return hooks{
				open: s.pump,
				data: func(c *loop.Conn, in []byte) (int, error) {
					n := 1 + s.rng.IntN(len(in)) // as if messages were cut off
					return n, s.in.check(in[:n])
				},
				drain: func(c *loop.Conn) {
					if s.left < 0 {
						return
					}
					if err := s.pump(c); err != nil {
						t.Error(err)
					}
				},
				eof: func(*loop.Conn) {},
				close: func(c *loop.Conn, err error) {
					if err != nil || s.in != 5+up {
						t.Errorf("the connection ended with %v after %d of %d bytes", err, s.in-5, up)
					}
				},
			}
		}))
		var parts []func() error
		for i := range 4 {
			c := r.dial(ln)
			parts = append(parts,
				func() error { return c.sendLedger(rand.New(rand.NewPCG(4, uint64(i))), 5, up) },
				func() error { return c.receiveLedger(rand.New(rand.NewPCG(5, uint64(i))), 7, down, i%2 == 0) })
		}
		all(t, parts...)
		until(t, "the connections have ended by themselves", func() bool { return r.engine.Stats().Conns == 0 })
	})
}
