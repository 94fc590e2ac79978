package block

// The queue and the buffer against a byte slice, by scripts of the fuzzer. Both
// take their blocks from one pool, whose idle blocks are spoiled after each step.

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// pieces are lengths around the sizes of blocks.
var pieces = []int{0, 1, 511, 512, 513, 1024, 3000, 4096, 20_000, 65_536, 65_537, 200_000}

func scripts(f *testing.F) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 2*(1+rng.IntN(60)))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		f.Add(byte(seed), script)
	}
}

// limit is how much a pool keeps idle.
func limit(kind byte) int { return []int{0, 4096, 1 << 20}[kind%3] }

func FuzzQueue(f *testing.F) {
	scripts(f)
	f.Fuzz(func(t *testing.T, kind byte, script []byte) {
		p := NewPool(limit(kind))
		var q Queue
		var want []byte
		at := 0
		for ; len(script) >= 2 && at < 2<<20; script = script[2:] {
			n := pieces[int(script[1])%len(pieces)]
			switch script[0] % 4 {
			case 0, 1:
				piece := counted(at, n)
				at += n
				q.Append(p, piece)
				want = append(want, piece...)
				clear(piece)
			case 2:
				n -= int(script[0]) / 4
				q.Discard(p, n)
				want = want[min(max(n, 0), len(want)):]
			case 3:
				room := 1 + int(script[1])%5
				views := bytes.Join(q.Vec(make([][]byte, 0, room)), nil)
				if !bytes.HasPrefix(want, views) || len(views) == 0 && len(want) > 0 {
					t.Fatalf("%d views are not the head of the queue", room)
				}
			}
			p.poison()
			q.expectContent(t, p, want)
		}
		q.Reset(p)
		q.expectContent(t, p, nil)
	})
}

func FuzzBuffer(f *testing.F) {
	scripts(f)
	f.Fuzz(func(t *testing.T, kind byte, script []byte) {
		p := NewPool(limit(kind))
		var b Buffer
		var want []byte
		at := 0
		for ; len(script) >= 2 && at < 2<<20; script = script[2:] {
			n := pieces[int(script[1])%len(pieces)]
			switch script[0] % 4 {
			case 0:
				b.Store(p, counted(at, n))
				want = append(want, counted(at, n)...)
				at += n
			case 1:
				tail := b.Tail(p, n)
				if len(tail) < max(n, 1) {
					t.Fatalf("Tail(%d) has room for %d", n, len(tail))
				}
				n = min(n, len(tail)) / (1 + int(script[0])/64)
				b.Advance(copy(tail, counted(at, n)))
				want = append(want, counted(at, n)...)
				at += n
				if b.Len() == 0 {
					b.Consume(p, 0)
				}
			case 2, 3:
				n -= int(script[0]) / 4
				b.Consume(p, n)
				want = want[min(max(n, 0), len(want)):]
			}
			p.poison()
			b.expectContent(t, p, want)
		}
		b.Reset(p)
		b.expectContent(t, p, nil)
	})
}
