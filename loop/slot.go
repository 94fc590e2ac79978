package loop

// The table that turns a token back into what it stands for.

import "github.com/eddyline/eddyline/poller"

// A source is what readiness is delivered to: a connection, a listener, a dial
// attempt or a raw registration.
type source interface {
	ready(r poller.Ready)
}

// slotChunk is how many slots are allocated together. The table grows by
// chunks and never copies, so growth leaves no garbage of its own size behind.
const slotChunk = 512

// A slot holds one source. Its generation changes when it is freed, so that a
// token from before reaches nobody.
type slot struct {
	source source
	gen    uint32
	next   uint32 // the next free slot, while this one is free
}

// slotTable hands out slots. Slot numbers are dense, so that a token needs no
// map; the zero table is ready.
type slotTable struct {
	chunks []*[slotChunk]slot
	free   uint32 // head of the free list, as index+1; 0 is the end
	used   int
}

func (t *slotTable) at(i uint32) *slot { return &t.chunks[i/slotChunk][i%slotChunk] }

// add puts s into a free slot and returns the slot's number.
func (t *slotTable) add(s source) uint32 {
	if t.free == 0 {
		t.grow()
	}
	i := t.free - 1
	sl := t.at(i)
	t.free = sl.next
	sl.source = s
	t.used++
	return i
}

// token is what the events of slot i shall carry while its source stays.
func (t *slotTable) token(i uint32) poller.Token {
	return poller.Token(uint64(t.at(i).gen)<<32 | uint64(i))
}

func (t *slotTable) grow() {
	base := uint32(len(t.chunks) * slotChunk)
	c := new([slotChunk]slot)
	for i := range c {
		c[i].next = base + uint32(i) + 2
	}
	c[slotChunk-1].next = 0
	t.chunks = append(t.chunks, c)
	t.free = base + 1
}

// get returns the source that token was given out for, or nil when its slot
// has been freed since.
func (t *slotTable) get(token poller.Token) source {
	i, gen := uint32(token), uint32(token>>32)
	sl := t.at(i)
	if sl.gen != gen {
		return nil
	}
	return sl.source
}

// replace puts s into slot i in place of the source that is there; the token
// stays.
func (t *slotTable) replace(i uint32, s source) { t.at(i).source = s }

// remove frees slot i; its token is stale from here on.
func (t *slotTable) remove(i uint32) {
	sl := t.at(i)
	sl.source = nil
	sl.gen++
	sl.next = t.free
	t.free = i + 1
	t.used--
}

// next returns the source in slot i or the first one behind it, nil if there is none,
// and moves i behind that.
func (t *slotTable) next(i *uint32) source {
	for int(*i) < len(t.chunks)*slotChunk {
		s := t.at(*i).source
		*i++
		if s != nil {
			return s
		}
	}
	return nil
}

// all calls f for every source. f may remove it.
func (t *slotTable) all(f func(source)) {
	i := uint32(0)
	for s := t.next(&i); s != nil; s = t.next(&i) {
		f(s)
	}
}
