package block

// What it costs to keep bytes that the socket did not take.

import (
	"fmt"
	"testing"
)

// stuffed returns a queue that holds n bytes, and its pool.
func stuffed(n int) (*Pool, *Queue) {
	p, q := NewPool(4<<20), new(Queue)
	q.Append(p, make([]byte, n))
	return p, q
}

// BenchmarkQueue is a piece of size bytes on its way through a queue that holds
// held bytes all the time: it is appended, the queue's views are taken for a
// vectored send, and as much is discarded.
func BenchmarkQueue(b *testing.B) {
	for _, held := range []int{0, 64 << 10, 1 << 20} {
		for _, size := range []int{64, 4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("held=%d/size=%d", held, size), func(b *testing.B) {
				p, q := stuffed(held)
				piece := make([]byte, size)
				views := make([][]byte, 0, 64)
				viewed := 0
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					q.Append(p, piece)
					viewed += len(q.Vec(views))
					q.Discard(p, size)
				}
				if viewed < b.N || q.Len() != held {
					b.Fatalf("%d bytes are left, not %d, after %d views", q.Len(), held, viewed)
				}
			})
		}
	}
}

// BenchmarkQueueVec is the list of views that a send is given, of a queue of blocks
// of 64 KiB.
func BenchmarkQueueVec(b *testing.B) {
	for _, blocks := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("blocks=%d", blocks), func(b *testing.B) {
			_, q := stuffed(blocks * maxQueueBlock)
			views := make([][]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				views = q.Vec(views[:0])
			}
			if len(views) != blocks {
				b.Fatalf("%d views of %d blocks", len(views), blocks)
			}
		})
	}
}

// BenchmarkQueueDrain is a queue of 1 MiB that is filled at once and goes out in
// sends of sent bytes, which is how a socket takes it.
func BenchmarkQueueDrain(b *testing.B) {
	const total = 1 << 20
	for _, sent := range []int{1 << 10, 64 << 10, total} {
		b.Run(fmt.Sprintf("sent=%d", sent), func(b *testing.B) {
			p, q := stuffed(0)
			content := make([]byte, total)
			sends := 0
			b.SetBytes(total)
			b.ReportAllocs()
			for b.Loop() {
				q.Append(p, content)
				for q.Len() > 0 {
					q.Discard(p, sent)
					sends++
				}
			}
			if sends != b.N*total/sent || p.InUse() != 0 {
				b.Fatalf("%d sends for %d queues; %d bytes are still in use", sends, b.N, p.InUse())
			}
		})
	}
}

// BenchmarkBufferLeftover is a handler that leaves 100 bytes and takes them with
// the next 100.
func BenchmarkBufferLeftover(b *testing.B) {
	p := NewPool(1 << 20)
	var buf Buffer
	piece := make([]byte, 100)
	whole := 0
	b.ReportAllocs()
	for b.Loop() {
		buf.Store(p, piece)
		buf.Advance(copy(buf.Tail(p, 100), piece))
		if buf.Len() == 200 {
			whole++
		}
		buf.Consume(p, 200)
	}
	if whole != b.N || buf.Len() != 0 || p.InUse() != 0 {
		b.Fatalf("%d of %d were whole, %d bytes are left, %d in use", whole, b.N, buf.Len(), p.InUse())
	}
}

// BenchmarkBufferTrickle is a message of 1 MiB that comes in pieces of 512 bytes and
// is taken at its end.
func BenchmarkBufferTrickle(b *testing.B) {
	const total, piece = 1 << 20, 512
	p := NewPool(4 << 20)
	whole := 0
	b.ReportAllocs()
	b.SetBytes(total)
	for b.Loop() {
		var buf Buffer
		for range total / piece {
			buf.Tail(p, piece)
			buf.Advance(piece)
			buf.Consume(p, 0)
		}
		if buf.Len() == total {
			whole++
		}
		buf.Reset(p)
	}
	if whole != b.N || p.InUse() != 0 {
		b.Fatalf("%d of %d were whole, %d bytes are in use", whole, b.N, p.InUse())
	}
}

// BenchmarkGetPut is a block that is borrowed and given back.
func BenchmarkGetPut(b *testing.B) {
	p := NewPool(1 << 20)
	room := 0
	b.ReportAllocs()
	for b.Loop() {
		block := p.Get(4096)
		room += cap(block)
		p.Put(block)
	}
	if room != b.N*4096 || p.InUse() != 0 {
		b.Fatalf("%d bytes in %d blocks; %d are in use", room, b.N, p.InUse())
	}
}
