package wheel_test

// The wheel against a model that keeps timers in a slice and computes everything from the promises, driven by
// rapid and by the fuzzer.

import (
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/eddyline/eddyline/internal/wheel"
)

// failer is what the model needs of *testing.T and *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// modelTimer is what the model knows of one timer.
type modelTimer struct {
	timer wheel.Timer
	armed bool
	due   bool
	tick  int64 // in which it fires, counted from the origin
	order int   // of the Set that armed it
	moved bool  // was set again while armed: has no place within its tick
	batch int   // number of the Collect that made it due
}

type model struct {
	w       *wheel.Wheel
	origin  int64
	now     int64 // of the last Collect, never backward
	timers  []modelTimer
	sets    int
	batches int
}

func newModel(origin int64, n int) *model {
	return &model{w: wheel.New(origin), origin: origin, now: origin, timers: make([]modelTimer, n)}
}

// curTick is the last tick collected.
func (m *model) curTick() int64 { return int64((uint64(m.now) - uint64(m.origin)) >> 20) }

// firingTick rounds up, and puts what has passed into the current tick.
func (m *model) firingTick(when int64) int64 {
	if when <= m.origin {
		return m.curTick()
	}
	d := uint64(when) - uint64(m.origin)
	up := d / uint64(tick)
	if d%uint64(tick) != 0 {
		up++
	}
	return max(int64(up), m.curTick())
}

func (m *model) set(i int, when int64) {
	t := &m.timers[i]
	m.sets++
	*t = modelTimer{armed: true, tick: m.firingTick(when), order: m.sets, moved: t.armed, timer: t.timer}
	m.w.Set(&t.timer, when)
}

// postpone is what a loop does to a deadline that moves on: a store, if that is
// enough.
func (m *model) postpone(f failer, i int, when int64) {
	f.Helper()
	t := &m.timers[i]
	if !t.timer.Waiting() || when < t.timer.When() {
		if t.armed && !t.due && when >= t.timer.When() && t.tick > m.curTick() {
			f.Fatalf("timer %d waits for %d and cannot be put off to %d", i, t.timer.When(), when)
		}
		m.set(i, when)
		return
	}
	if !t.armed || t.due {
		f.Fatalf("timer %d does not wait, and could be put off", i)
	}
	m.sets++
	*t = modelTimer{armed: true, tick: m.firingTick(when), order: m.sets, moved: true, timer: t.timer}
	t.timer.Postpone(when)
}

func (m *model) stop(f failer, i int) {
	f.Helper()
	t := &m.timers[i]
	if got := m.w.Stop(&t.timer); got != t.armed {
		f.Fatalf("Stop of timer %d reports %v, want %v", i, got, t.armed)
	}
	t.armed, t.due = false, false
}

func (m *model) collect(now int64) {
	m.batches++
	m.now = max(m.now, now)
	for i := range m.timers {
		if t := &m.timers[i]; t.armed && !t.due && t.tick <= m.curTick() {
			t.due, t.batch = true, m.batches
		}
	}
	m.w.Collect(now)
}

// pop takes one timer and reports whether there was one.
func (m *model) pop(f failer) bool {
	f.Helper()
	got := m.w.Pop()
	if got == nil {
		for i := range m.timers {
			if m.timers[i].due {
				f.Fatalf("Pop returned nil though timer %d is due", i)
			}
		}
		return false
	}
	t := m.find(got)
	if t == nil || !t.due {
		f.Fatalf("Pop returned a timer for %d at %d that is not due", got.When(), m.now)
	}
	for i := range m.timers {
		if o := &m.timers[i]; o.due && comesBefore(o, t) {
			f.Fatalf("the timer for tick %d (set %d) was popped before that for tick %d (set %d)", t.tick, t.order, o.tick, o.order)
		}
	}
	if got.When() > m.now {
		f.Fatalf("the timer for %d fired early, at %d", got.When(), m.now)
	}
	t.armed, t.due = false, false
	return true
}

// comesBefore reports whether a must be popped before b, both being due.
func comesBefore(a, b *modelTimer) bool {
	if a.batch != b.batch {
		return a.batch < b.batch
	}
	if a.tick != b.tick {
		return a.tick < b.tick
	}
	return !a.moved && !b.moved && a.order < b.order
}

func (m *model) find(t *wheel.Timer) *modelTimer {
	for i := range m.timers {
		if &m.timers[i].timer == t {
			return &m.timers[i]
		}
	}
	return nil
}

// check holds what can be asked at any time against the model.
func (m *model) check(f failer) {
	f.Helper()
	armed, waiting := 0, false
	first := int64(math.MaxInt64)
	for i := range m.timers {
		t := &m.timers[i]
		if t.timer.Armed() != t.armed {
			f.Fatalf("timer %d: Armed is %v, want %v", i, t.timer.Armed(), t.armed)
		}
		if t.armed {
			armed++
			first = min(first, t.tick)
			waiting = waiting || t.due || t.tick <= m.curTick()
		}
	}
	if m.w.Len() != armed {
		f.Fatalf("Len is %d, want %d", m.w.Len(), armed)
	}
	next, ok := m.w.Next()
	if ok != (armed > 0) {
		f.Fatalf("Next reports %v with %d armed", ok, armed)
	}
	if !ok {
		return
	}
	if waiting && next > m.now {
		f.Fatalf("Next is %d, in the future of %d, though a timer waits", next, m.now)
	}
	if !waiting && next <= m.now && next != math.MaxInt64 {
		f.Fatalf("Next is %d at %d with nothing to do: the caller would spin", next, m.now)
	}
	if !waiting && m.firingTick(next) > first {
		f.Fatalf("Next is %d, in tick %d, after the first timer's tick %d", next, m.firingTick(next), first)
	}
}

// addTime adds without overflow.
func addTime(t, d int64) int64 {
	switch {
	case d > 0 && t > math.MaxInt64-d:
		return math.MaxInt64
	case d < 0 && t < math.MinInt64-d:
		return math.MinInt64
	}
	return t + d
}

// offset makes times around the boundaries of every level likely: base is a count of half ticks, scaled to a level.
func offset(base int64, level uint) int64 { return base << (19 + 6*level) }

func drawOffset(t *rapid.T, label string) int64 {
	level := rapid.UintRange(0, 6).Draw(t, label+" level")
	base := rapid.Int64Range(-3, 140).Draw(t, label+" base")
	return offset(base, level) + rapid.Int64Range(-1, 1).Draw(t, label+" odd")
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		origin := rapid.SampledFrom([]int64{0, 1, -7, 1 << 40, math.MinInt64, math.MaxInt64 - 1<<50}).Draw(t, "origin")
		m := newModel(origin, 12)
		timer := rapid.IntRange(0, len(m.timers)-1)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				m.set(timer.Draw(t, "timer"), addTime(m.now, drawOffset(t, "after")))
			},
			"put off": func(t *rapid.T) {
				i := timer.Draw(t, "timer")
				m.set(i, addTime(m.timers[i].timer.When(), drawOffset(t, "by")))
			},
			"postpone": func(t *rapid.T) {
				i := timer.Draw(t, "timer")
				m.postpone(t, i, addTime(m.timers[i].timer.When(), drawOffset(t, "to")))
			},
			"set to an extreme": func(t *rapid.T) {
				m.set(timer.Draw(t, "timer"), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, math.MaxInt64 - 1}).Draw(t, "when"))
			},
			"stop": func(t *rapid.T) { m.stop(t, timer.Draw(t, "timer")) },
			"collect": func(t *rapid.T) {
				m.collect(addTime(m.now, drawOffset(t, "gap")))
			},
			"sleep until next": func(t *rapid.T) {
				if next, ok := m.w.Next(); ok {
					m.collect(next)
				}
			},
			"pop one": func(t *rapid.T) { m.pop(t) },
			"pop all": func(t *rapid.T) {
				for m.pop(t) {
				}
			},
			"": func(t *rapid.T) { m.check(t) },
		})
	})
}

func FuzzModel(f *testing.F) {
	f.Add(int64(0), []byte{0, 1, 0, 9, 1, 2, 1, 7, 3, 0, 0, 80, 4, 0, 0, 0})
	f.Add(int64(-1), []byte{0, 1, 3, 100, 0, 1, 3, 120, 3, 0, 3, 110, 5, 0, 0, 0, 2, 1, 0, 0})
	f.Fuzz(func(t *testing.T, origin int64, ops []byte) {
		m := newModel(origin, 8)
		for ; len(ops) >= 4; ops = ops[4:] {
			word := binary.LittleEndian.Uint32(ops)
			i := int(word>>8) % len(m.timers)
			after := offset(int64(int8(word>>24)), uint(word>>16)%8)
			switch word % 8 {
			case 0:
				m.set(i, addTime(m.now, after))
			case 1:
				m.set(i, addTime(m.timers[i].timer.When(), after))
			case 2:
				m.stop(t, i)
			case 3:
				m.collect(addTime(m.now, after))
			case 4:
				for m.pop(t) {
				}
			case 5:
				m.pop(t)
			case 6:
				m.postpone(t, i, addTime(m.timers[i].timer.When(), after))
			case 7:
				if next, ok := m.w.Next(); ok {
					m.collect(next)
				}
			}
			m.check(t)
		}
	})
}
