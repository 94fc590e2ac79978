package block

// This file holds Queue: outgoing bytes that the socket did not take.

// maxQueueBlock is the largest block that a queue takes.
const maxQueueBlock = 64 << 10

// link is one block of a queue. data[off:] is what is still to be sent.
type link struct {
	next *link
	data []byte
	off  int
}

// Queue is a FIFO of bytes over a chain of blocks. They are 512 B at least and grow with the queue up to
// 64 KiB; at most the first and the last block of a queue are not full. The zero Queue is empty and
// ready; it takes 24 bytes. All calls for one queue must name the same pool.
type Queue struct {
	head, tail *link
	len        int
}

// Len returns the number of bytes in the queue.
func (q *Queue) Len() int { return q.len }

// Append copies b to the end of the queue.
func (q *Queue) Append(p *Pool, b []byte) {
	for len(b) > 0 {
		if q.tail == nil || len(q.tail.data) == cap(q.tail.data) {
			q.extend(p, len(b))
		}
		t := q.tail
		n := copy(t.data[len(t.data):cap(t.data)], b)
		t.data = t.data[:len(t.data)+n]
		q.len += n
		b = b[n:]
	}
}

// extend adds an empty block for n more bytes, or for a quarter of what the queue holds if that is more. A peer
// that stands still holds its blocks for long, so the step is small: no more than a third is unused behind
// small pieces, and half behind a large one. The number of blocks is logarithmic in the bytes nevertheless, up to
// the largest block.
func (q *Queue) extend(p *Pool, n int) {
	l := p.getLink()
	l.data = p.Get(min(max(n, q.len/4), maxQueueBlock))
	if q.tail == nil {
		q.head = l
	} else {
		q.tail.next = l
	}
	q.tail = l
}

// Vec appends views of the queue's first bytes to dst, in order, until the queue or the capacity of dst is
// used up. The views are valid until the queue is next discarded from or reset; nobody may write to them.
func (q *Queue) Vec(dst [][]byte) [][]byte {
	for l := q.head; l != nil && len(dst) < cap(dst); l = l.next {
		dst = append(dst, l.data[l.off:len(l.data):len(l.data)])
	}
	return dst
}

// Discard drops the first n bytes, all of them if there are no more than n, and gives emptied blocks back.
func (q *Queue) Discard(p *Pool, n int) {
	n = min(n, q.len)
	q.len -= max(n, 0)
	for n > 0 {
		l := q.head
		k := min(n, len(l.data)-l.off)
		l.off += k
		n -= k
		if l.off == len(l.data) {
			q.dropHead(p)
		}
	}
}

// Reset drops everything.
func (q *Queue) Reset(p *Pool) {
	for q.head != nil {
		q.dropHead(p)
	}
	q.len = 0
}

// dropHead gives the first block back.
func (q *Queue) dropHead(p *Pool) {
	l := q.head
	q.head = l.next
	if q.head == nil {
		q.tail = nil
	}
	p.Put(l.data)
	p.putLink(l)
}

// getLink returns a link without a block.
func (p *Pool) getLink() *link {
	l := p.links
	if l == nil {
		return new(link)
	}
	p.links = l.next
	p.linkCount--
	l.next = nil
	return l
}

// putLink takes back a link that is in no queue and drops what it refers to.
func (p *Pool) putLink(l *link) {
	*l = link{}
	if p.linkCount >= p.maxIdle/minBlock {
		return
	}
	l.next = p.links
	p.links = l
	p.linkCount++
}
