package loop

// What it costs to find out what an event is for.

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/eddyline/eddyline/poller"
)

// filled returns a table of n slots and their tokens in random order, the order
// in which connections become ready.
func filled(n int) (*slotTable, []poller.Token) {
	table := new(slotTable)
	tokens := make([]poller.Token, n)
	for i := range tokens {
		tokens[i] = table.token(table.add(new(numbered)))
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(n, func(i, j int) { tokens[i], tokens[j] = tokens[j], tokens[i] })
	return table, tokens
}

// tableSizes are powers of two: one that the caches hold, one that they do not.
var tableSizes = []int{1 << 9, 1 << 17}

// BenchmarkSlotGet is what a loop pays to turn an event's token into its source.
func BenchmarkSlotGet(b *testing.B) {
	for _, slots := range tableSizes {
		b.Run(fmt.Sprintf("slots=%d", slots), func(b *testing.B) {
			table, tokens := filled(slots)
			found, i := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				if table.get(tokens[i&(slots-1)]) != nil {
					found++
				}
				i++
			}
			if found != b.N {
				b.Fatalf("%d of %d found", found, b.N)
			}
		})
	}
}

// BenchmarkSlotReplace is one connection that goes and one that comes, in a table
// of slots others.
func BenchmarkSlotReplace(b *testing.B) {
	for _, slots := range tableSizes {
		b.Run(fmt.Sprintf("slots=%d", slots), func(b *testing.B) {
			table, tokens := filled(slots)
			s := new(numbered)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				at := &tokens[i&(slots-1)]
				table.remove(uint32(*at))
				*at = table.token(table.add(s))
				i++
			}
			if table.used != slots || len(table.chunks) != slots/slotChunk {
				b.Fatalf("%d of %d slots are used, in %d chunks", table.used, slots, len(table.chunks))
			}
			for _, token := range tokens {
				if table.get(token) == nil {
					b.Fatalf("token %#x reaches nobody", token)
				}
			}
		})
	}
}

// A table that has grown allocates nothing, however its sources come and go.
func TestSlotsAllocateNothing(t *testing.T) {
	table, tokens := filled(3 * slotChunk)
	s := new(numbered)
	if n := testing.AllocsPerRun(100, func() {
		for _, token := range tokens {
			table.remove(uint32(token))
		}
		for i := range tokens {
			tokens[i] = table.token(table.add(s))
			if table.get(tokens[i]) != s {
				t.Fatalf("token %#x reaches the wrong source", tokens[i])
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
