// Package wheel is a hierarchical timing wheel: the timers of one loop.
//
// What it guarantees:
//
//   - A timer is never handed out early. Its time is rounded up to a tick of 2^20 ns (1.05 ms), and it is due
//     at the first [Wheel.Collect] in or after that tick, however late that is, once per [Wheel.Set].
//   - Due timers come in the order of their ticks. Within a tick they come in the order in which they were
//     set; only a timer that was moved while armed has no particular place among the others of its tick.
//   - What is set after a Collect, even to a time in the past, waits for the next Collect, so a callback that
//     re-arms its timer cannot keep one pass going for ever.
//   - Every int64 is a valid time. A time in the past is due at the next Collect; one beyond the clock's last
//     whole tick never is.
//   - Nothing is ever allocated: timers are links that their owners embed.
//
// What it costs: Set and [Wheel.Stop] take constant time. Moving an armed timer to a later time, which is
// what a deadline does at every read, writes to the timer and touches neither its neighbours nor the wheel:
// the timer stays in its slot and is moved on when that slot expires. A timer is moved at most once per level
// (eight) on its way to its tick, and once more for each time it was found to have been put off. Collect
// visits only slots that hold timers, so the length of a gap in the clock does not matter. [Wheel.Next] looks
// at one word per level.
//
// A Wheel and its timers belong to one goroutine. A Wheel takes 8 KiB, a Timer 40 bytes (28 on 32-bit).
package wheel

import (
	"math"
	"math/bits"
)

const (
	tickBits = 20 // a tick is 2^20 ns
	tickMask = 1<<tickBits - 1

	slotBits = 6 // one occupancy word per level
	slots    = 1 << slotBits
	levels   = 8 // 8*6 bits hold all of the 64-20 bits that a tick number can have
	inSlots  = levels * slots
)

// Where a timer is linked: 0 nowhere, so that the zero Timer is ready, 1 to inSlots in a slot, then two queues.
const (
	unarmed = 0
	overdue = inSlots + 1 // was set to a tick already collected; due at the next Collect
	due     = inSlots + 2 // collected, not popped
)

// Timer is one deadline, to be embedded by its owner. The zero value is ready. It must not be copied or moved
// while it is armed, and belongs to the wheel that armed it until it fires or is stopped.
type Timer struct {
	next, prev *Timer
	when       int64
	place      uint32
	// Mark is the owner's; the wheel does not look at it.
	Mark uint32
	// Expire is for whoever pops the timer to call; the wheel does not look at it. The timer is then no
	// longer armed and may be set again.
	Expire func()
}

// Armed reports whether the timer is set and has been neither popped nor stopped.
func (t *Timer) Armed() bool { return t.place != unarmed }

// When returns the time last given to Set, in the wheel's nanoseconds.
func (t *Timer) When() int64 { return t.when }

// list is a queue of timers linked through their next and prev.
type list struct{ head, tail *Timer }

// Wheel holds the armed timers of one loop.
//
// Level l has 64 slots of 64^l ticks. A timer is in the level of the highest 6-bit digit in which its tick
// differs from cur, in the slot which that digit names. Three things follow. All occupied slots of a level
// lie ahead of cur, so the first one is the lowest bit of the level's occupancy word. Everything in a lower
// level is due before anything in a higher one. And timers of the same tick are always in the same slot, so
// appending keeps their order.
//
// Slots are held to less: a timer may lie in a slot that begins before its tick, in any level. That is what
// lets Set put a timer off by writing to it alone.
type Wheel struct {
	origin   int64  // tick 0
	cur      uint64 // the last tick collected
	armed    int
	occupied [levels]uint64
	lists    [inSlots + 3]list // indexed by Timer.place
}

// New returns an empty wheel whose clock stands at now: monotonic nanoseconds with any origin.
func New(now int64) *Wheel { return &Wheel{origin: now} }

// Len returns the number of armed timers, those that are due but not popped among them.
func (w *Wheel) Len() int { return w.armed }

// Set arms t for the time when, or moves it there if it is armed. A timer that was due but not popped is not
// due any more.
func (w *Wheel) Set(t *Timer, when int64) {
	if t.Waiting() && when >= t.when {
		t.Postpone(when)
		return
	}
	w.place(t, when)
}

// Waiting reports whether t is in the wheel and its time was not found to have come.
func (t *Timer) Waiting() bool {
	return t.place-1 < inSlots // wraps round for an unarmed timer
}

// Postpone is Set for a timer that is Waiting for a time not after when: a single store.
func (t *Timer) Postpone(when int64) { t.when = when }

// place is Set for a timer that is in no slot or moves to an earlier time.
func (w *Wheel) place(t *Timer, when int64) {
	tick := w.tickAfter(when)
	switch {
	case t.place == unarmed:
		w.armed++
	case t.place <= inSlots && tick >= w.slotStart(t.place):
		t.when = when
		return
	default:
		w.unlink(t)
	}
	t.when = when
	w.insert(t, tick, overdue)
}

// Stop disarms t. It reports whether t was armed, which includes having been collected but not popped.
func (w *Wheel) Stop(t *Timer) bool {
	if t.place == unarmed {
		return false
	}
	w.unlink(t)
	t.place = unarmed
	w.armed--
	return true
}

// Collect makes due, for Pop to hand out, every timer whose time has come at now. Timers that an earlier
// Collect made due and that were not popped come first. A clock that goes back counts as standing still.
func (w *Wheel) Collect(now int64) {
	w.redistribute(overdue)
	last := w.sinceOrigin(now) >> tickBits
	for {
		place, ok := w.firstSlot()
		if !ok {
			break
		}
		start := w.slotStart(place)
		if start > last {
			break
		}
		w.cur = start
		w.redistribute(place)
	}
	w.cur = max(w.cur, last)
}

// Pop takes the next due timer and disarms it, or returns nil.
func (w *Wheel) Pop() *Timer {
	t := w.lists[due].head
	if t != nil {
		w.Stop(t)
	}
	return t
}

// Next returns a time until which the caller may sleep before it collects: not later than the tick in which
// the first timer fires. It may be earlier, when timers then only move to a finer level or were put off; each
// such Collect brings the wheel forward. ok is false if no timer is armed. A time that is not after the
// last Collect's means that timers are due or overdue now.
func (w *Wheel) Next() (when int64, ok bool) {
	if w.lists[due].head != nil || w.lists[overdue].head != nil {
		return w.timeOf(w.cur), true
	}
	place, ok := w.firstSlot()
	if !ok {
		return 0, false
	}
	return w.timeOf(w.slotStart(place)), true
}

// firstSlot returns the occupied slot that begins first.
func (w *Wheel) firstSlot() (place uint32, ok bool) {
	for level, word := range w.occupied {
		if word != 0 {
			return uint32(1 + level<<slotBits + bits.TrailingZeros64(word)), true
		}
	}
	return 0, false
}

// slotStart returns the first tick of an occupied slot: cur with the slot's digit in place of its own, and
// zeros below.
func (w *Wheel) slotStart(place uint32) uint64 {
	shift := (place - 1) >> slotBits * slotBits
	digit := uint64(place-1) % slots
	return w.cur>>(shift+slotBits)<<(shift+slotBits) | digit<<shift
}

// redistribute empties a list and puts each of its timers where it belongs now that the clock is at cur. They
// cannot come back to the same list: a slot that begins at cur has no timer placed in it any more.
func (w *Wheel) redistribute(place uint32) {
	t := w.lists[place].head
	w.lists[place] = list{}
	w.vacate(place)
	for t != nil {
		next := t.next
		w.insert(t, w.tickAfter(t.when), due)
		t = next
	}
}

// insert links t, which is in no list, into the slot for tick, or into the queue past if tick has been
// collected.
func (w *Wheel) insert(t *Timer, tick uint64, past uint32) {
	place := past
	if tick > w.cur {
		level := uint32(bits.Len64(tick^w.cur)-1) / slotBits
		digit := uint32(tick>>(level*slotBits)) % slots
		w.occupied[level] |= 1 << digit
		place = 1 + level<<slotBits + digit
	}
	l := &w.lists[place]
	t.place, t.next, t.prev = place, nil, l.tail
	if l.tail == nil {
		l.head = t
	} else {
		l.tail.next = t
	}
	l.tail = t
}

// unlink takes t out of its list. The caller gives it a new place.
func (w *Wheel) unlink(t *Timer) {
	l := &w.lists[t.place]
	if t.prev == nil {
		l.head = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.tail = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil // a stopped timer must not keep its neighbours from being collected
	if l.head == nil {
		w.vacate(t.place)
	}
}

// vacate notes that a list is empty, if it is a slot.
func (w *Wheel) vacate(place uint32) {
	if i := place - 1; i < inSlots {
		w.occupied[i>>slotBits] &^= 1 << (i % slots)
	}
}

// sinceOrigin returns the nanoseconds from the origin to t, 0 for what is before it. The difference of two
// int64 fits in a uint64.
func (w *Wheel) sinceOrigin(t int64) uint64 {
	if t < w.origin {
		return 0
	}
	return uint64(t) - uint64(w.origin)
}

// tickAfter returns the first tick that begins at or after t.
func (w *Wheel) tickAfter(t int64) uint64 {
	d := w.sinceOrigin(t)
	tick := d >> tickBits
	if d&tickMask != 0 {
		tick++
	}
	return tick
}

// timeOf returns the time at which a tick begins, or the greatest time if the tick begins after it.
func (w *Wheel) timeOf(tick uint64) int64 {
	if tick > w.sinceOrigin(math.MaxInt64)>>tickBits {
		return math.MaxInt64
	}
	return int64(uint64(w.origin) + tick<<tickBits)
}
