package mailbox

// The mailbox's promises one by one, and all at once against a slice.

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"pgregory.net/rapid"
)

// mustPush pushes and expects no error.
func mustPush[T any](t *testing.T, m *Mailbox[T], v T, size int) (wake bool) {
	t.Helper()
	wake, err := m.Push(v, size)
	if err != nil {
		t.Fatalf("Push(%v, %d): %v", v, size, err)
	}
	return wake
}

// mustForce forces and expects no error.
func mustForce[T any](t *testing.T, m *Mailbox[T], v T) (wake bool) {
	t.Helper()
	wake, err := m.Force(v)
	if err != nil {
		t.Fatalf("Force(%v): %v", v, err)
	}
	return wake
}

func TestBoundsAreExact(t *testing.T) {
	tests := []struct {
		name     string
		maxTasks int
		maxBytes int64
		sizes    []int
		fits     []bool
	}{
		{"count", 3, 100, []int{0, 0, 0, 0}, []bool{true, true, true, false}},
		{"bytes to the last", 9, 10, []int{4, 6, 1, 0}, []bool{true, true, false, true}},
		{"a smaller one still fits", 9, 10, []int{4, 7, 6}, []bool{true, false, true}},
		{"larger than the bound", 9, 10, []int{11, 10}, []bool{false, true}},
		{"negative counts as nothing", 9, 10, []int{-1 << 31, 10, 1}, []bool{true, true, false}},
		{"greatest size", 9, 10, []int{1, int(^uint(0) >> 1)}, []bool{true, false}},
		{"no room at all", 0, 10, []int{0}, []bool{false}},
		{"negative bounds", -1, -1, []int{0}, []bool{false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := New[int](test.maxTasks, test.maxBytes)
			var want []int
			for i, size := range test.sizes {
				_, err := m.Push(i, size)
				if test.fits[i] != (err == nil) || (err != nil && !errors.Is(err, ErrFull)) {
					t.Fatalf("push %d of size %d: %v", i, size, err)
				}
				if err == nil {
					want = append(want, i)
				}
			}
			if m.Len() != len(want) {
				t.Fatalf("Len is %d after a refused push, want %d", m.Len(), len(want))
			}
			if got := m.Take(nil, 100); !slices.Equal(got, want) {
				t.Fatalf("took %v, want %v", got, want)
			}
			if len(want) > 0 {
				mustPush(t, m, 0, int(test.maxBytes)) // taking gave everything back
			}
		})
	}
}

func TestCloseReturnsTheRest(t *testing.T) {
	m := New[int](1000, 1000)
	for i := range 200 {
		mustPush(t, m, i, 1)
	}
	if got := m.Take([]int{-1}, 2); !slices.Equal(got, []int{-1, 0, 1}) {
		t.Fatalf("Take appended %v", got)
	}
	left := m.Close()
	if len(left) != 198 || left[0] != 2 || left[197] != 199 {
		t.Fatalf("Close returned %d values", len(left))
	}
	if _, err := m.Push(0, 0); !errors.Is(err, ErrClosed) {
		t.Fatalf("Push after Close: %v", err)
	}
	if m.Close() != nil || m.Take(nil, 1) != nil || !m.Empty() || m.Len() != 0 || !m.Sleep() {
		t.Fatal("something is left after Close")
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type task struct{ id, size int }
		const maxTasks, maxBytes = 200, 1000
		m := New[task](maxTasks, maxBytes)
		var queued []task
		bytes, pushed := 0, 0
		asleep, closed := false, false
		push := func(t *rapid.T, size int) {
			v := task{pushed, size}
			wake, err := m.Push(v, size)
			switch {
			case closed:
				if err != ErrClosed || wake {
					t.Fatalf("Push to a closed mailbox: %v, %v", wake, err)
				}
			case len(queued) >= maxTasks || bytes+size > maxBytes:
				if err != ErrFull || wake {
					t.Fatalf("Push to a full mailbox: %v, %v", wake, err)
				}
			default:
				if err != nil || wake != asleep {
					t.Fatalf("Push returned %v, %v with the consumer asleep: %v", wake, err, asleep)
				}
				queued = append(queued, v)
				pushed++
				bytes += size
				asleep = false
			}
		}
		force := func(t *rapid.T) {
			v := task{pushed, 0}
			wake, err := m.Force(v)
			if closed {
				if err != ErrClosed || wake {
					t.Fatalf("Force to a closed mailbox: %v, %v", wake, err)
				}
				return
			}
			if err != nil || wake != asleep {
				t.Fatalf("Force returned %v, %v with %d queued and the consumer asleep: %v",
					wake, err, len(queued), asleep)
			}
			queued = append(queued, v)
			pushed++
			asleep = false
		}
		drop := func(n int) {
			for _, v := range queued[:n] {
				bytes -= v.size
			}
			queued = queued[n:]
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) { push(t, rapid.IntRange(0, 300).Draw(t, "size")) },
			"push many": func(t *rapid.T) {
				for range rapid.IntRange(0, 150).Draw(t, "count") {
					push(t, 1)
				}
			},
			"force": force,
			"force many": func(t *rapid.T) { // far past the bound, which pushes must still see
				for range rapid.IntRange(0, 150).Draw(t, "count") {
					force(t)
				}
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(-1, 150).Draw(t, "max")
				got := m.Take(nil, n)
				n = min(max(n, 0), len(queued))
				if !slices.Equal(got, queued[:n]) {
					t.Fatalf("took %v, want %v", got, queued[:n])
				}
				drop(n)
			},
			"sleep": func(t *rapid.T) {
				asleep = len(queued) == 0
				if got := m.Sleep(); got != asleep {
					t.Fatalf("Sleep is %v with %d queued", got, len(queued))
				}
			},
			"awake": func(*rapid.T) {
				m.Awake()
				asleep = false
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") > 0 {
					return
				}
				if got := m.Close(); !slices.Equal(got, queued) {
					t.Fatalf("Close returned %v, want %v", got, queued)
				}
				drop(len(queued))
				closed = true
			},
			"": func(t *rapid.T) {
				if m.Len() != len(queued) || m.Empty() != (len(queued) == 0) {
					t.Fatalf("Len %d, Empty %v with %d queued", m.Len(), m.Empty(), len(queued))
				}
				if m.bytes != int64(bytes) {
					t.Fatalf("%d bytes are counted, want %d", m.bytes, bytes)
				}
			},
		})
	})
}

// schedule runs two producers of two values each and one consumer that sleeps when it finds nothing, step by
// step in the order that choices give: choices[i] picks among the parties that can take a step. Each producer
// forces one of its values, one the first and one the second. It returns how many could take a step at the
// first that choices does not cover, or 0 if all was done by then.
func schedule(t *testing.T, choices []int) int {
	m := New[int](10, 10)
	woken := false // what the poller remembers: wakes coalesce
	received := 0

	var producers [2]struct {
		pushed   int
		mustWake bool
	}
	const taking, sleeping, blocked = 0, 1, 2
	consumer := taking

	for step := 0; ; step++ {
		var ready []func()
		for i := range producers {
			p := &producers[i]
			switch {
			case p.mustWake:
				ready = append(ready, func() { woken, p.mustWake = true, false })
			case p.pushed < 2:
				ready = append(ready, func() {
					if p.pushed == i {
						p.mustWake = mustForce(t, m, p.pushed)
					} else {
						p.mustWake = mustPush(t, m, p.pushed, 1)
					}
					p.pushed++
				})
			}
		}
		switch {
		case received == 4: // the consumer is done
		case consumer == taking:
			ready = append(ready, func() {
				received += len(m.Take(nil, 1))
				consumer = sleeping
			})
		case consumer == sleeping:
			ready = append(ready, func() {
				consumer = taking
				if m.Sleep() {
					consumer = blocked
				}
			})
		case woken:
			ready = append(ready, func() {
				m.Awake()
				woken, consumer = false, taking
			})
		}
		if len(ready) == 0 {
			if received != 4 {
				t.Fatalf("lost wake: the consumer sleeps with %d queued after %v", m.Len(), choices)
			}
			return 0
		}
		if step == len(choices) {
			return len(ready)
		}
		ready[choices[step]]()
	}
}

// Every interleaving of pushes, forces, wakes, takes and sleeps must deliver everything. It takes each of them
// to be atomic; whether Sleep is, the two tests below ask.
func TestEveryInterleaving(t *testing.T) {
	schedules := 0
	var explore func(choices []int)
	explore = func(choices []int) {
		n := schedule(t, choices)
		if n == 0 {
			schedules++
		}
		for i := range n {
			explore(append(slices.Clone(choices), i))
		}
	}
	explore(nil)
	if schedules < 1000 {
		t.Fatalf("only %d interleavings were tried", schedules)
	}
}

// A push holds the lock while Sleep is called: what counts is what it leaves behind, not what showed before.
func TestSleepSeesThePushItWaitsFor(t *testing.T) {
	for range 50 {
		m := New[int](10, 10)
		calling, slept := make(chan struct{}), make(chan bool)
		m.mu.Lock()
		go func() {
			close(calling)
			slept <- m.Sleep()
		}()
		<-calling
		time.Sleep(200 * time.Microsecond) // until it waits for the lock; too short only proves less
		wake := m.append(0, 1)
		m.mu.Unlock()
		if <-slept != wake {
			t.Fatalf("the consumer sleeps with %d queued, and nobody was told to wake it", m.Len())
		}
	}
}

// One Sleep against one value, both at the same moment: whichever is first, the consumer sleeps if and only
// if the producer was told to wake it. Nothing comes later that could make up for a lost wake.
func TestSleepRacingAValue(t *testing.T) {
	const rounds = 50_000
	end := time.Now().Add(500 * time.Millisecond) // on a busy machine, where spinning goroutines wait for each other
	m := New[int](10, 10)
	var begun, done atomic.Int64 // the round that may begin, the round that the producer has finished
	var woke bool                // what done publishes
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for round := int64(1); round <= rounds; round++ {
			for spins := 1; begun.Load() < round; spins++ {
				if stop.Load() {
					return
				}
				if spins%1000 == 0 { // seldom: who yields comes late
					runtime.Gosched()
				}
			}
			if round%2 == 0 {
				woke, _ = m.Push(0, 1)
			} else {
				woke, _ = m.Force(0)
			}
			done.Store(round)
		}
	}()
	for round := int64(1); round <= rounds && time.Now().Before(end); round++ {
		begun.Store(round)
		for range round % 509 { // the producer needs a while to notice
			begun.Load()
		}
		slept := m.Sleep()
		for spins := 1; done.Load() < round; spins++ {
			if spins%1000 == 0 {
				runtime.Gosched()
			}
		}
		if slept != woke {
			t.Fatalf("round %d: the consumer sleeps: %v; the producer was told to wake it: %v", round, slept, woke)
		}
		m.Awake()
		if n := len(m.Take(nil, 2)); n != 1 {
			t.Fatalf("round %d: took %d values of one", round, n)
		}
	}
}

// sleeper is a consumer that blocks on a channel as a loop blocks in its poller.
type sleeper chan struct{}

func newSleeper() sleeper { return make(sleeper, 1) }

func (s sleeper) notify() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// takeAll receives n values, sleeping whenever there are none.
func (s sleeper) takeAll(t *testing.T, m *Mailbox[[2]int], n int, each func([2]int)) {
	t.Helper()
	stuck := time.After(time.Minute)
	var batch [][2]int
	for taken := 0; taken < n; {
		batch = m.Take(batch[:0], 7)
		for _, v := range batch {
			each(v)
		}
		taken += len(batch)
		if len(batch) > 0 || !m.Sleep() {
			continue
		}
		select {
		case <-s:
		case <-stuck:
			t.Fatalf("the consumer sleeps for ever: %d of %d received, %d queued", taken, n, m.Len())
		}
		m.Awake()
	}
}

func TestProducersAgainstASleepingConsumer(t *testing.T) {
	const producers, each = 8, 5000
	m := New[[2]int](100, 1<<20)
	s := newSleeper()
	var group sync.WaitGroup
	for p := range producers {
		group.Go(func() {
			for i := 0; i < each; {
				wake, err := m.Push([2]int{p, i}, 8)
				if err != nil {
					runtime.Gosched() // full
					continue
				}
				i++
				if wake {
					s.notify()
				}
			}
		})
	}
	var next [producers]int
	s.takeAll(t, m, producers*each, func(v [2]int) {
		if v[1] != next[v[0]] {
			t.Fatalf("producer %d: got value %d, want %d", v[0], v[1], next[v[0]])
		}
		next[v[0]]++
	})
	group.Wait()
	if m.Len() != 0 || m.bytes != 0 {
		t.Fatalf("%d values, %d bytes are left", m.Len(), m.bytes)
	}
}

// One value at a time, so that no later push can make up for a lost wake.
func TestSingleValuesNeverGetStuck(t *testing.T) {
	m := New[[2]int](10, 10)
	s := newSleeper()
	const rounds = 20_000
	acknowledged := make(chan struct{})
	go func() {
		for i := range rounds {
			if wake, _ := m.Push([2]int{0, i}, 1); wake {
				s.notify()
			}
			<-acknowledged
		}
	}()
	s.takeAll(t, m, rounds, func([2]int) { acknowledged <- struct{}{} })
}

func TestExactlyOneProducerIsToldToWake(t *testing.T) {
	m := New[int](1000, 1000)
	for range 200 {
		if !m.Sleep() {
			t.Fatal("an empty mailbox refuses sleep")
		}
		var told atomic.Int32
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if wake, _ := m.Push(0, 1); wake {
					told.Add(1)
				}
			})
		}
		group.Wait()
		if told.Load() != 1 {
			t.Fatalf("%d producers were told to wake the consumer", told.Load())
		}
		m.Awake()
		m.Take(nil, 4)
	}
}

func TestCloseRacingPushesLosesNothing(t *testing.T) {
	for range 200 {
		m := New[int](1000, 1000)
		var accepted atomic.Int32
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 20 {
					if _, err := m.Push(0, 1); err == nil {
						accepted.Add(1)
					}
				}
			})
		}
		left := m.Close()
		group.Wait()
		if int(accepted.Load()) != len(left) {
			t.Fatalf("%d pushes were accepted, %d values came out", accepted.Load(), len(left))
		}
	}
}

func TestTakenValuesAreNotKept(t *testing.T) {
	m := New[*[64]byte](1000, 1000)
	var pointers []weak.Pointer[[64]byte]
	for range 3 * chunkLen {
		v := new([64]byte)
		pointers = append(pointers, weak.Make(v))
		mustPush(t, m, v, 1)
	}
	m.Take(nil, 2*chunkLen+5)
	runtime.GC()
	for i, p := range pointers {
		if taken := i < 2*chunkLen+5; taken != (p.Value() == nil) {
			t.Fatalf("value %d: taken %v, collected %v", i, taken, p.Value() == nil)
		}
	}
	runtime.KeepAlive(m)
}

// chunks counts all that a mailbox holds on to.
func (m *Mailbox[T]) chunks() int {
	n := 0
	for c := m.head; c != nil; c = c.next {
		n++
	}
	for c := m.spares; c != nil; c = c.next {
		n++
	}
	return n
}

func TestMemoryShrinksAfterABurst(t *testing.T) {
	m := New[int](100_000, 100_000)
	if m.chunks() != 0 {
		t.Fatal("a new mailbox holds memory")
	}
	for i := range 100_000 {
		mustPush(t, m, i, 1)
	}
	if got, want := m.chunks(), (100_000+chunkLen-1)/chunkLen; got != want {
		t.Fatalf("%d chunks hold the burst, want %d", got, want)
	}
	m.Take(nil, 50_000)
	if got, limit := m.chunks(), 50_000/chunkLen+2+maxSpares; got > limit {
		t.Fatalf("%d chunks hold half of the burst, want at most %d", got, limit)
	}
	m.Take(nil, 50_000)
	if got := m.chunks(); got > maxSpares+1 {
		t.Fatalf("%d chunks stay after the burst", got)
	}
	m.Close()
	if m.chunks() != 0 {
		t.Fatal("a closed mailbox holds memory")
	}
}

// Sparse traffic must stay in the same few cache lines.
func TestOneAtATimeReusesOnePlace(t *testing.T) {
	m := New[int](1000, 1000)
	for i := range 2 * chunkLen {
		mustPush(t, m, i, 1)
		if m.first != 0 || m.free != 1 {
			t.Fatalf("value %d is at %d, the next goes to %d", i, m.first, m.free)
		}
		m.Take(nil, 1)
	}
	if m.chunks() != 1 {
		t.Fatalf("%d chunks for one value at a time", m.chunks())
	}
}

func TestNothingIsAllocated(t *testing.T) {
	m := New[func()](10_000, 1<<20)
	buf := make([]func(), 0, 2048)
	for _, burst := range []int{1, chunkLen, chunkLen + 1, chunkLen * maxSpares} {
		allocs := testing.AllocsPerRun(100, func() {
			for range burst {
				mustPush(t, m, func() {}, 100)
			}
			m.Take(buf, burst/2)
			m.Sleep()
			m.Take(buf, burst)
			m.Sleep()
			m.Awake()
		})
		if allocs != 0 {
			t.Errorf("%v allocations in a burst of %d", allocs, burst)
		}
	}
}
