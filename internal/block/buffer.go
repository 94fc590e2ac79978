package block

// This file holds Buffer: incoming bytes that the handler did not consume.

// Buffer holds bytes contiguously: they are appended through [Buffer.Tail] and consumed from the front. The
// zero Buffer is empty and ready, and an empty Buffer holds no block. It takes 32 bytes. All calls for one
// buffer must name the same pool.
//
// Bytes are moved within the block or to another one so rarely that the copying stays linear in the bytes that
// pass through, whatever the sizes of the pieces that come and go.
type Buffer struct {
	block []byte // from the block's first byte to the end of the content
	off   int    // where the content begins
}

// Len returns the number of bytes in the buffer.
func (b *Buffer) Len() int { return len(b.block) - b.off }

// Bytes returns the content. It is valid until the next call of Tail, Store, Consume or Reset, and may
// be written to; appending to it does not reach the buffer.
func (b *Buffer) Bytes() []byte { return b.block[b.off:len(b.block):len(b.block)] }

// Tail returns the free space after the content, at least min bytes and at least one. Write to it from its
// start and call [Buffer.Advance]. A block that has room for min bytes more is held until something is
// consumed, so ask for what is likely to come and not for what was announced.
func (b *Buffer) Tail(p *Pool, min int) []byte {
	min = max(min, 1)
	if cap(b.block)-len(b.block) < min {
		b.makeRoom(p, min)
	}
	return b.block[len(b.block):cap(b.block)]
}

// Advance makes the first n bytes of what Tail returned part of the content. It panics if n is negative or
// more than that.
func (b *Buffer) Advance(n int) { b.block = b.block[:len(b.block)+n] }

// Consume drops the first n bytes, all of them if there are no more than n. It gives the block back if nothing
// is left, also with n = 0 after a Tail into which nothing was received, and changes to a smaller block
// when little is left of much.
func (b *Buffer) Consume(p *Pool, n int) {
	if n >= b.Len() {
		b.Reset(p)
		return
	}
	b.off += max(n, 0)
	if left := b.Len(); left <= cap(b.block)/8 && left <= b.off && cap(b.block) > minBlock {
		b.move(p, left)
	}
}

// Store appends a copy of src, which for an empty buffer takes no larger block than src needs.
func (b *Buffer) Store(p *Pool, src []byte) {
	if len(src) == 0 {
		return
	}
	copy(b.Tail(p, len(src)), src)
	b.Advance(len(src))
}

// Reset drops the content and gives the block back.
func (b *Buffer) Reset(p *Pool) {
	p.Put(b.block)
	*b = Buffer{}
}

// makeRoom slides the content to the front of its block if that makes room for min bytes and if
// enough was consumed since it was last moved to pay for the copying; otherwise it takes a block at least twice
// as large. That a slide was refused means that the content fills most of the block, so the memory stays
// within a small multiple of content and min.
func (b *Buffer) makeRoom(p *Pool, min int) {
	n := b.Len()
	if n+min > cap(b.block) || n > 3*b.off {
		b.move(p, max(n+min, 2*cap(b.block)))
		return
	}
	copy(b.block[:n], b.Bytes())
	b.block, b.off = b.block[:n], 0
}

// move takes the content to a block of at least size bytes.
func (b *Buffer) move(p *Pool, size int) {
	old := *b
	b.block, b.off = append(p.Get(size), old.Bytes()...), 0
	p.Put(old.block)
}
