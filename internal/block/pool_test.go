package block

// The pool's limits and accounting.

import (
	"bytes"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// poison spoils both ends of every idle block, so that whoever still reads one is found out.
func (p *Pool) poison() {
	for _, list := range p.free {
		for _, b := range list {
			b = b[:cap(b)]
			copy(b, garbage)
			copy(b[len(b)-minBlock:], garbage)
		}
	}
}

var garbage = bytes.Repeat([]byte{0xdb}, 1000)

// failer is what checks need of *testing.T and *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// expectAccounts holds the pool's counters against what is there.
func (p *Pool) expectAccounts(t failer, inUse int64) {
	t.Helper()
	idle := int64(0)
	seen := make(map[*byte]bool)
	for class, list := range p.free {
		for _, b := range list {
			idle += int64(cap(b))
			if cap(b) != minBlock<<class || len(b) != 0 {
				t.Fatalf("class %d holds a block of length %d, capacity %d", class, len(b), cap(b))
			}
			if first := unsafe.SliceData(b); seen[first] {
				t.Fatalf("class %d holds a block twice", class)
			} else {
				seen[first] = true
			}
		}
		for i, b := range list[len(list):cap(list)] {
			if b != nil {
				t.Fatalf("class %d refers to a block it handed out, %d after its end", class, i)
			}
		}
	}
	if p.Idle() != idle || idle > p.maxIdle {
		t.Fatalf("Idle is %d with %d idle, limit %d", p.Idle(), idle, p.maxIdle)
	}
	if p.InUse() != inUse {
		t.Fatalf("InUse is %d, want %d", p.InUse(), inUse)
	}
	links := int64(0)
	for l := p.links; l != nil; l = l.next {
		links++
		if l.data != nil || l.off != 0 {
			t.Fatalf("an idle link refers to a block")
		}
	}
	if links != p.linkCount || links > p.maxIdle/minBlock {
		t.Fatalf("%d idle links, counted %d", links, p.linkCount)
	}
}

func TestSizeClasses(t *testing.T) {
	p := NewPool(64 << 20)
	for _, test := range []struct{ n, capacity int }{
		{-1, 512}, {0, 512}, {1, 512}, {511, 512}, {512, 512}, {513, 1024}, {1024, 1024}, {1025, 2048},
		{65536, 65536}, {65537, 131072}, {1<<20 - 1, 1 << 20}, {1 << 20, 1 << 20},
		{1<<20 + 1, 1<<20 + 1}, {3 << 20, 3 << 20}, {4 << 20, 4 << 20},
	} {
		b := p.Get(test.n)
		if len(b) != 0 || cap(b) != test.capacity {
			t.Errorf("Get(%d) has length %d, capacity %d, want capacity %d", test.n, len(b), cap(b), test.capacity)
		}
		p.expectAccounts(t, int64(cap(b)))
		p.Put(b)
		p.expectAccounts(t, 0)
		if again := p.Get(test.n); (unsafe.SliceData(again) == unsafe.SliceData(b)) != (test.n <= maxBlock) {
			t.Errorf("Get(%d) after Put: reuse is wrong", test.n)
		} else {
			p.Put(again)
		}
	}
}

func TestIdleIsBounded(t *testing.T) {
	for _, limit := range []int{0, 511, 512, 100_000, 1 << 20} {
		p := NewPool(limit)
		var blocks [][]byte
		for n := 512; n <= 1<<20; n *= 2 {
			blocks = append(blocks, p.Get(n), p.Get(n))
		}
		for _, b := range blocks {
			p.Put(b)
			p.poison()
		}
		p.expectAccounts(t, 0)
		if limit >= 512 && p.Idle() == 0 {
			t.Errorf("nothing is kept within the limit of %d", limit)
		}
	}
	var zero Pool
	zero.Put(zero.Get(1))
	zero.expectAccounts(t, 0)
}

// A size that went out of use must not keep the one in use from being pooled (HAZARDS 35).
func TestIdleBlocksOfOtherSizesGiveWay(t *testing.T) {
	p := NewPool(128 << 10)
	fill := make([][]byte, 256)
	for i := range fill {
		fill[i] = p.Get(1)
	}
	for _, b := range fill {
		p.Put(b)
	}
	if p.Idle() != 128<<10 {
		t.Fatalf("Idle is %d with the limit filled", p.Idle())
	}
	a, b := p.Get(64<<10), p.Get(64<<10)
	p.Put(a)
	if p.Idle() != 128<<10 {
		t.Fatalf("Idle is %d: more blocks were displaced than had to go", p.Idle())
	}
	p.Put(b) // displaces the other small ones, not its like
	for range 2 {
		if first := unsafe.SliceData(p.Get(64 << 10)); first != unsafe.SliceData(a) && first != unsafe.SliceData(b) {
			t.Fatal("the size in use is not pooled")
		}
	}
	p.expectAccounts(t, 128<<10)
}

func TestPoolModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPool(rapid.SampledFrom([]int{0, 600, 5000, 300_000, 4 << 20}).Draw(t, "limit"))
		var held [][]byte
		inUse := int64(0)
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				n := 1<<rapid.IntRange(0, 21).Draw(t, "bits") + rapid.IntRange(-1, 1).Draw(t, "odd")
				b := p.Get(n)
				if len(b) != 0 || cap(b) < n {
					t.Fatalf("Get(%d): length %d, capacity %d", n, len(b), cap(b))
				}
				for _, other := range held {
					if unsafe.SliceData(other) == unsafe.SliceData(b) {
						t.Fatalf("Get(%d) returned a block in use", n)
					}
				}
				inUse += int64(cap(b))
				held = append(held, b)
			},
			"put": func(t *rapid.T) {
				if len(held) == 0 {
					return
				}
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				b := held[i]
				held = append(held[:i], held[i+1:]...)
				inUse -= int64(cap(b))
				p.Put(b[:rapid.IntRange(0, 9).Draw(t, "length")])
			},
			"": func(t *rapid.T) { p.expectAccounts(t, inUse) },
		})
	})
}
