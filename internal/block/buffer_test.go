package block

// The buffer against a plain byte slice, its bounds, and what copying costs.

import (
	"bytes"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// expectContent holds the buffer against the bytes that must be in it.
func (b *Buffer) expectContent(t failer, p *Pool, want []byte) {
	t.Helper()
	if b.Len() != len(want) || !bytes.Equal(b.Bytes(), want) {
		t.Fatalf("the buffer holds %d bytes that are not the %d expected", b.Len(), len(want))
	}
	if got := b.Bytes(); cap(got) != len(got) {
		t.Fatalf("Bytes has room for %d more: an append would write into the buffer", cap(got)-len(got))
	}
	p.expectAccounts(t, int64(cap(b.block)))
}

func TestBufferModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPool(rapid.SampledFrom([]int{0, 4096, 4 << 20}).Draw(t, "limit"))
		var b Buffer
		var want []byte
		position := 0
		size := rapid.OneOf(rapid.IntRange(0, 700), rapid.IntRange(0, 20_000))
		grown := false
		receive := func(n int) []byte {
			piece := counted(position, n)
			position += n
			want = append(want, piece...)
			return piece
		}
		t.Repeat(map[string]func(*rapid.T){
			"receive": func(t *rapid.T) {
				n := size.Draw(t, "min")
				tail := b.Tail(p, n)
				if len(tail) < max(n, 1) {
					t.Fatalf("Tail(%d) has %d bytes", n, len(tail))
				}
				copy(tail, garbage) // all of it is the caller's
				n = rapid.IntRange(0, min(len(tail), 20_000)).Draw(t, "received")
				copy(tail, receive(n))
				b.Advance(n)
				if b.Len() == 0 {
					b.Consume(p, 0)
				}
			},
			"store": func(t *rapid.T) {
				piece := receive(size.Draw(t, "n"))
				b.Store(p, piece)
				clear(piece)
			},
			"outgrow the pool": func(t *rapid.T) {
				if !grown && rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					grown = true
					b.Store(p, receive(maxBlock))
				}
			},
			"consume": func(t *rapid.T) {
				n := rapid.OneOf(rapid.IntRange(-1, 700), rapid.IntRange(0, len(want)+1), rapid.Just(len(want)-1)).Draw(t, "n")
				b.Consume(p, n)
				want = want[min(max(n, 0), len(want)):]
			},
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					b.Reset(p)
					want = nil
				}
			},
			"": func(t *rapid.T) {
				p.poison()
				b.expectContent(t, p, want)
				if len(want) == 0 && b.block != nil {
					t.Fatalf("an empty buffer holds a block")
				}
			},
		})
	})
}

func TestEmptyBufferGivesItsBlockBack(t *testing.T) {
	p := NewPool(1 << 20)
	var b Buffer
	b.Tail(p, 100)
	if p.InUse() != 512 {
		t.Fatalf("%d bytes in use for 100", p.InUse())
	}
	b.Consume(p, 0) // nothing was received
	if p.InUse() != 0 {
		t.Fatal("a buffer into which nothing was received keeps its block")
	}
	b.Store(p, nil)
	if p.InUse() != 0 {
		t.Fatal("storing nothing takes a block")
	}
	b.Store(p, []byte("0123456789"))
	b.Consume(p, 4)
	b.expectContent(t, p, []byte("456789"))
	b.Consume(p, 6)
	if p.InUse() != 0 || b.block != nil || b.off != 0 {
		t.Fatal("a consumed buffer keeps its block")
	}
	b.Reset(p)
	p.expectAccounts(t, 0)
}

func TestAdvancePastTheTailPanics(t *testing.T) {
	p := NewPool(1 << 20)
	for _, n := range []int{-1, 513} {
		var b Buffer
		b.Tail(p, 1)
		panicked := func() (panicked bool) {
			defer func() { panicked = recover() != nil }()
			b.Advance(n)
			return false
		}()
		if !panicked {
			t.Errorf("Advance(%d) with 512 bytes of tail does not panic", n)
		}
	}
}

// Little left of a large message must not hold the large block (HAZARDS 35).
func TestLittleLeftHoldsASmallBlock(t *testing.T) {
	p := NewPool(4 << 20)
	var b Buffer
	b.Store(p, counted(0, 100_000))
	b.Consume(p, 99_990)
	if p.InUse() != 512 {
		t.Fatalf("10 bytes left hold a block of %d", p.InUse())
	}
	b.expectContent(t, p, counted(99_990, 10))
}

// copied runs a handler that leaves a backlog of about keep bytes, fed and consuming piece by piece with room for min, and
// returns how many bytes the buffer moved for each byte that passed, and the largest block it took.
func copied(t *testing.T, keep, piece, min, total int) (perByte float64, largest int) {
	t.Helper()
	p := NewPool(16 << 20)
	var b Buffer
	moved := 0
	// A move shows as another place for the first byte of the content.
	watch := func(step func()) {
		n, before := b.Len(), unsafe.SliceData(b.Bytes())
		step()
		after := unsafe.SliceData(b.Bytes())
		if n > 0 && b.Len() >= n && after != before {
			moved += n
		}
		largest = max(largest, cap(b.block))
	}
	for received, consumed := 0, 0; received < total; received += piece {
		watch(func() {
			copy(b.Tail(p, max(min, piece)), counted(received, piece))
			b.Advance(piece)
		})
		if b.Len() <= keep {
			continue
		}
		if b.Bytes()[0] != byte(consumed%period) {
			t.Fatalf("the byte at %d is wrong", consumed)
		}
		rest := b.Len() - piece
		before := unsafe.SliceData(b.Bytes()[piece:])
		b.Consume(p, piece)
		consumed += piece
		if unsafe.SliceData(b.Bytes()) != before {
			moved += rest
		}
	}
	return float64(moved) / float64(total), largest
}

func TestCopyingIsLinear(t *testing.T) {
	for _, test := range []struct{ keep, piece, min, total int }{
		{1 << 30, 1, 1, 1 << 17},    // a large frame that trickles in (HAZARDS 27)
		{1 << 30, 1000, 1, 4 << 20}, // above the largest pooled block
		{40_000, 1, 1, 1 << 17},     // a backlog that just fits its block
		{65_000, 100, 1, 1 << 20},
		{65_535, 1, 1, 1 << 18},
		{10, 1, 1, 1 << 16},
		{1, 60_000, 1, 4 << 20},
		{100_000, 30_000, 1, 4 << 20},
		{5000, 1, 64 << 10, 1 << 17}, // a small backlog beside the room asked for
	} {
		perByte, largest := copied(t, test.keep, test.piece, test.min, test.total)
		if perByte > 4 {
			t.Errorf("%+v: %.1f bytes are moved for each that passes", test, perByte)
		}
		content := min(test.keep, test.total) + test.piece
		if limit := 3*content + 2*max(test.min, test.piece); largest > max(limit, minBlock) {
			t.Errorf("%+v: a block of %d for at most %d bytes", test, largest, content)
		}
	}
}

func TestBufferIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Buffer{}); size > 32 {
		t.Fatalf("a Buffer takes %d bytes", size)
	}
}

func TestBufferAllocatesNothing(t *testing.T) {
	p := NewPool(1 << 20)
	var b Buffer
	piece := make([]byte, 3000)
	allocs := testing.AllocsPerRun(100, func() {
		b.Store(p, piece)
		for range 40 {
			b.Advance(copy(b.Tail(p, 1), piece))
			b.Consume(p, 1500)
		}
		b.Reset(p)
	})
	if allocs != 0 {
		t.Fatalf("%v allocations per run", allocs)
	}
}
