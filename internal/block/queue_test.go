package block

// The queue against a plain byte slice, and its bounds.

import (
	"bytes"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// period is how often the test's bytes repeat: not at the size of a block.
const period = 251

// sequence is what counted cuts from.
var sequence = func() []byte {
	once := make([]byte, period)
	for i := range once {
		once[i] = byte(i)
	}
	return bytes.Repeat(once, 2+(3<<20)/period)
}()

// counted returns n bytes of an endless sequence, from its position start on.
func counted(start, n int) []byte {
	return bytes.Clone(sequence[start%period:][:n])
}

// held returns the bytes of the blocks that the queue holds, and their number.
func (q *Queue) held() (bytes int64, blocks int) {
	for l := q.head; l != nil; l = l.next {
		bytes += int64(cap(l.data))
		blocks++
	}
	return bytes, blocks
}

// expectContent holds the queue against the bytes that must be in it.
func (q *Queue) expectContent(t failer, p *Pool, want []byte) {
	t.Helper()
	if q.Len() != len(want) {
		t.Fatalf("Len is %d, want %d", q.Len(), len(want))
	}
	views := q.Vec(make([][]byte, 0, 4096))
	if got := bytes.Join(views, nil); !bytes.Equal(got, want) {
		t.Fatalf("the queue holds %d bytes that are not the %d expected", len(got), len(want))
	}
	for i, view := range views {
		if len(view) == 0 || cap(view) != len(view) {
			t.Fatalf("view %d has length %d, capacity %d", i, len(view), cap(view))
		}
	}
	held, blocks := q.held()
	if len(want) == 0 && (blocks != 0 || *q != (Queue{})) {
		t.Fatalf("an empty queue holds %d blocks", blocks)
	}
	if q.tail != nil && q.tail.next != nil {
		t.Fatalf("the tail is not the last block")
	}
	p.expectAccounts(t, held)
}

func TestQueueModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPool(rapid.SampledFrom([]int{0, 4096, 1 << 20}).Draw(t, "limit"))
		var q Queue
		var want []byte
		position := 0
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				n := rapid.OneOf(rapid.IntRange(0, 700), rapid.IntRange(0, 100_000)).Draw(t, "n")
				b := counted(position, n)
				position += n
				q.Append(p, b)
				want = append(want, b...)
				clear(b) // the queue must have its own copy
			},
			"discard": func(t *rapid.T) {
				n := rapid.OneOf(rapid.IntRange(-1, 700), rapid.IntRange(0, len(want)+1)).Draw(t, "n")
				q.Discard(p, n)
				want = want[min(max(n, 0), len(want)):]
			},
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					q.Reset(p)
					want = nil
				}
			},
			"some views": func(t *rapid.T) {
				header := []byte("header")
				dst := append(make([][]byte, 0, rapid.IntRange(1, 5).Draw(t, "room")), header)
				room := cap(dst)
				got := q.Vec(dst)
				if len(got) > room || !bytes.Equal(got[0], header) {
					t.Fatalf("Vec used %d of %d places or overwrote the first", len(got), room)
				}
				if joined := bytes.Join(got[1:], nil); !bytes.HasPrefix(want, joined) {
					t.Fatalf("the views are not the head of the queue")
				}
			},
			"": func(t *rapid.T) {
				p.poison()
				q.expectContent(t, p, want)
			},
		})
	})
}

func TestBlocksGrowWithTheQueue(t *testing.T) {
	p := NewPool(1 << 20)
	var q Queue
	for _, test := range []struct{ total, held, blocks int }{
		{100, 512, 1}, {512, 512, 1}, {513, 1024, 2}, {1024, 1024, 2}, {1025, 1536, 3}, {2048, 2048, 4}, {2049, 2560, 5},
	} {
		q.Append(p, make([]byte, test.total-q.Len()))
		if held, blocks := q.held(); held != int64(test.held) || blocks != test.blocks {
			t.Errorf("%d bytes are in %d blocks of %d bytes, want %d of %d", q.Len(), blocks, held, test.blocks, test.held)
		}
	}
	q.Reset(p)
	for total := 1; total <= 1<<20; total *= 2 {
		q.Reset(p)
		q.Append(p, make([]byte, total))
		held, blocks := q.held()
		if held > int64(max(2*total, minBlock)) || blocks > 1+total/maxQueueBlock {
			t.Errorf("%d bytes at once are in %d blocks of %d bytes", total, blocks, held)
		}
	}
	q.Reset(p)
	for range 1 << 20 { // byte by byte
		q.Append(p, []byte{1})
	}
	if held, blocks := q.held(); held > 1<<20+maxQueueBlock || blocks > 16+(1<<20)/maxQueueBlock {
		t.Errorf("%d bytes one by one are in %d blocks of %d bytes", q.Len(), blocks, held)
	}
}

// A thousand peers that do not read hold a thousand queues a little above the high mark (HAZARDS 32): what is
// unused in each counts.
func TestAtMostAThirdOfAQueueOfSmallPiecesIsUnused(t *testing.T) {
	p := NewPool(0)
	for _, piece := range []int{1, 64, 1000, 4 << 10, 8 << 10} {
		var q Queue
		b := make([]byte, piece)
		for q.Len() < 1<<20 {
			q.Append(p, b)
			if q.Len() <= max(4*piece, 2*minBlock) {
				continue
			}
			if held, _ := q.held(); held > int64(q.Len()*3/2) {
				t.Fatalf("%d bytes in pieces of %d are in blocks of %d bytes", q.Len(), piece, held)
			}
		}
		q.Reset(p)
	}
}

// Discarding must cost what it discards (HAZARDS 27). Here the queue's third block is followed by itself, so that
// whoever walks past what is discarded never returns.
func TestDiscardLooksOnlyAtWhatItDiscards(t *testing.T) {
	p := NewPool(1 << 20)
	var q Queue
	content := counted(0, 10*maxQueueBlock)
	q.Append(p, content)
	third := q.head.next.next
	rest := third.next
	third.next = third
	for range 2*maxQueueBlock/1000 + 1 {
		q.Discard(p, 1000)
	}
	third.next = rest
	q.expectContent(t, p, content[len(content)-q.Len():])
	if q.head != third {
		t.Fatal("the test did not reach the third block")
	}
}

func TestQueueIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Queue{}); size > 24 {
		t.Fatalf("a Queue takes %d bytes", size)
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	p := NewPool(1 << 20)
	var q Queue
	b := make([]byte, 3000)
	views := make([][]byte, 0, 16)
	allocs := testing.AllocsPerRun(100, func() {
		for range 40 {
			q.Append(p, b)
		}
		for q.Len() > 0 {
			sent := 0
			for _, view := range q.Vec(views) {
				sent += len(view)
			}
			q.Discard(p, sent*2/3+1)
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations per run", allocs)
	}
}
