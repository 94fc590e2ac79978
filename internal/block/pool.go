// Package block holds bytes that cannot be sent or consumed yet, in pooled blocks.
//
// [Pool] hands out blocks in size classes, [Queue] is a FIFO of outgoing bytes over a chain of blocks, and
// [Buffer] keeps incoming bytes contiguous. A pool and everything that takes blocks from it belong to one
// goroutine; there are no locks.
//
// What the package guarantees: an empty Queue or Buffer holds no block; memory follows the bytes that are
// there and never a length somebody announced; no operation is more than linear, over time, in the bytes that
// pass; a block that went back to the pool is referred to by nobody in this package; and nothing is allocated
// in the steady state, which is to say while the blocks in use come and go within the pool's idle limit.
package block

import "math/bits"

const (
	minBits = 9  // 512 B
	maxBits = 20 // 1 MiB
	classes = maxBits - minBits + 1

	minBlock = 1 << minBits
	maxBlock = 1 << maxBits
)

// Pool hands out byte blocks of power-of-two sizes from 512 B to 1 MiB and keeps those that come back for
// reuse, up to a limit. Sizes have lists of their own; at the limit a block that comes back displaces idle
// blocks of other sizes, so a size that went out of use does not hold the limit for ever. The zero Pool keeps
// nothing idle.
type Pool struct {
	maxIdle int64
	inUse   int64
	idle    int64
	free    [classes][][]byte
	evictor int // the class from which the last block was displaced

	// Links for queues. There is at most one for each smallest block that may be idle.
	links     *link
	linkCount int64
}

// NewPool returns a pool that keeps at most maxIdle bytes of blocks idle.
func NewPool(maxIdle int) *Pool { return &Pool{maxIdle: int64(maxIdle)} }

// InUse returns the bytes of all blocks handed out and not put back.
func (p *Pool) InUse() int64 { return p.inUse }

// Idle returns the bytes of all blocks kept for reuse.
func (p *Pool) Idle() int64 { return p.idle }

// Get returns a block with length 0 and a capacity of at least n, whose bytes are whatever its last user left.
// Above 1 MiB the block is made to measure and not kept when it comes back.
func (p *Pool) Get(n int) []byte {
	if n > maxBlock {
		p.inUse += int64(n)
		return make([]byte, 0, n)
	}
	class := classFor(n)
	size := 1 << (minBits + class)
	p.inUse += int64(size)
	if len(p.free[class]) == 0 {
		return make([]byte, 0, size)
	}
	return p.pop(class)
}

// Put takes back a block that Get returned, with any length but from its first byte on, and nil, which is no
// block. The caller must not use it afterwards.
func (p *Pool) Put(b []byte) {
	size := cap(b)
	p.inUse -= int64(size)
	if size < minBlock || size > maxBlock || size&(size-1) != 0 {
		return
	}
	class := classFor(size)
	if int64(len(p.free[class])+1)*int64(size) > p.maxIdle {
		return
	}
	for p.idle+int64(size) > p.maxIdle {
		p.evict(class)
	}
	p.free[class] = append(p.free[class], b[:0])
	p.idle += int64(size)
}

// evict drops one idle block that is not of the class keep, taking the other classes in turn. There must be one.
func (p *Pool) evict(keep int) {
	for {
		p.evictor = (p.evictor + 1) % classes
		if p.evictor != keep && len(p.free[p.evictor]) > 0 {
			p.pop(p.evictor)
			return
		}
	}
}

// pop takes an idle block of a class that has one.
func (p *Pool) pop(class int) []byte {
	list := p.free[class]
	b := list[len(list)-1]
	list[len(list)-1] = nil
	p.free[class] = list[:len(list)-1]
	p.idle -= int64(cap(b))
	return b
}

// classFor returns the class of the smallest block that holds n bytes, n <= maxBlock.
func classFor(n int) int {
	if n <= minBlock {
		return 0
	}
	return bits.Len(uint(n-1)) - minBits
}
