// Package mailbox is the way from other goroutines into a loop: a queue with many producers and one
// consumer, bounded by the number of values and by the bytes they stand for.
//
// What it guarantees:
//
//   - Values are taken in the order in which they were pushed; a push that returned before another began
//     comes first.
//   - The bounds are exact, and a push that would pass one takes nothing.
//   - No wake is lost and none is doubled: after [Mailbox.Sleep] returned true, the first push, and only
//     that one, is told to wake the consumer.
//   - The mailbox keeps no reference to a value that was taken.
//
// What it costs: a push and a take each hold one mutex for a short, bounded time; the queue grows by chunks,
// so nothing is ever copied to make room. [Mailbox.Empty], which a loop asks every turn, is one atomic
// load. Up to 1,024 values queued at a time there is nothing to allocate once as many have been queued
// before; what a greater burst needed is left to the collector as it is taken.
package mailbox

import (
	"errors"
	"sync"
	"sync/atomic"
)

var (
	// ErrFull means that the value was not taken because a bound would be passed.
	ErrFull = errors.New("mailbox full")
	// ErrClosed means that the value was not taken because the mailbox is closed.
	ErrClosed = errors.New("mailbox closed")
)

const (
	chunkLen  = 64
	maxSpares = 15 // with the chunk in use, 1,024 values
)

type entry[T any] struct {
	value T
	size  int
}

type chunk[T any] struct {
	next    *chunk[T]
	entries [chunkLen]entry[T]
}

// Mailbox is a bounded FIFO queue of values for one consumer. Make one with [New]. Push, Close, Len and Empty
// may be called by any goroutine, Take, Sleep and Awake by the consumer only.
type Mailbox[T any] struct {
	maxTasks int
	maxBytes int64

	occupied atomic.Bool // len != 0; written under mu, read without

	mu     sync.Mutex
	len    int
	bytes  int64
	asleep bool
	closed bool

	// Chunks from head to tail hold the values: the first at head.entries[first], the next free place at
	// tail.entries[free]. Both are nil before the first push.
	head, tail  *chunk[T]
	first, free int
	spares      *chunk[T]
	spareCount  int
}

// New returns an empty mailbox for at most maxTasks values whose sizes add up to at most maxBytes.
func New[T any](maxTasks int, maxBytes int64) *Mailbox[T] {
	return &Mailbox[T]{maxTasks: maxTasks, maxBytes: maxBytes}
}

// Push appends v, which counts as size bytes; a negative size counts as 0. wake is true if the consumer is
// asleep and nobody else was told to wake it: the caller must do so. The error is [ErrFull] or [ErrClosed],
// and the mailbox then has not taken v. A value larger than the bound on bytes is never taken.
func (m *Mailbox[T]) Push(v T, size int) (wake bool, err error) {
	size = max(size, 0)
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false, ErrClosed
	}
	if m.len >= m.maxTasks || int64(size) > m.maxBytes-m.bytes {
		m.mu.Unlock()
		return false, ErrFull
	}
	wake = m.append(v, size)
	m.mu.Unlock()
	return wake, nil
}

// Force is Push past the bounds, for the few values whose number something else bounds; it counts as 0
// bytes. The error is [ErrClosed].
func (m *Mailbox[T]) Force(v T) (wake bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, ErrClosed
	}
	return m.append(v, 0), nil
}

// append is the push itself, under the lock.
func (m *Mailbox[T]) append(v T, size int) (wake bool) {
	if m.tail == nil || m.free == chunkLen {
		m.extend()
	}
	m.tail.entries[m.free] = entry[T]{v, size}
	m.free++
	m.bytes += int64(size)
	m.len++
	if m.len == 1 {
		m.occupied.Store(true)
	}
	wake = m.asleep
	m.asleep = false
	return wake
}

// Take appends the oldest values to dst, at most max of them, and returns the extended slice.
func (m *Mailbox[T]) Take(dst []T, max int) []T {
	if m.Empty() {
		return dst
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.take(dst, max)
}

// Sleep is what the consumer calls before it blocks. True means that nothing is queued and that the next
// push will be told to wake the consumer. False means that something is queued: do not block.
func (m *Mailbox[T]) Sleep() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asleep = m.len == 0
	return m.asleep
}

// Awake is what the consumer calls when it no longer blocks: pushes need not wake it any more. A producer
// that was told to may still be about to.
func (m *Mailbox[T]) Awake() {
	m.mu.Lock()
	m.asleep = false
	m.mu.Unlock()
}

// Close makes every later push fail with [ErrClosed] and returns what was queued, oldest first. It wakes
// nobody. A second Close returns nil.
func (m *Mailbox[T]) Close() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var left []T
	if m.len > 0 {
		left = m.take(make([]T, 0, m.len), m.len)
	}
	m.head, m.tail, m.spares, m.spareCount = nil, nil, nil, 0
	return left
}

// Len returns the number of queued values.
func (m *Mailbox[T]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.len
}

// Empty reports whether nothing is queued, by one atomic load. A push that is still under way may not show
// yet, so the consumer must ask Sleep before it blocks.
func (m *Mailbox[T]) Empty() bool { return !m.occupied.Load() }

// take is Take under the lock.
func (m *Mailbox[T]) take(dst []T, max int) []T {
	for ; max > 0 && m.len > 0; max-- {
		if m.first == chunkLen {
			m.dropHead()
		}
		e := &m.head.entries[m.first]
		dst = append(dst, e.value)
		m.bytes -= int64(e.size)
		*e = entry[T]{}
		m.first++
		m.len--
	}
	if m.len == 0 {
		// One chunk is left; the next push starts again at its front.
		m.first, m.free = 0, 0
		m.occupied.Store(false)
	}
	return dst
}

// extend adds a chunk at the tail.
func (m *Mailbox[T]) extend() {
	c := m.spares
	if c == nil {
		c = new(chunk[T])
	} else {
		m.spares = c.next
		m.spareCount--
		c.next = nil
	}
	if m.tail == nil {
		m.head = c
	} else {
		m.tail.next = c
	}
	m.tail = c
	m.free = 0
}

// dropHead removes the first chunk, all of which has been taken, and keeps it if there are few spares.
func (m *Mailbox[T]) dropHead() {
	c := m.head
	m.head = c.next
	m.first = 0
	c.next = nil
	if m.spareCount < maxSpares {
		c.next = m.spares
		m.spares = c
		m.spareCount++
	}
}
