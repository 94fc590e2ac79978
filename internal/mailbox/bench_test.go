package mailbox

// What a value costs on its way from many goroutines to one.

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// parcel is a value that tells where it comes from and how many came before it.
type parcel struct {
	producer int
	number   int
}

// crowd is a mailbox with producers that push as fast as they can.
type crowd struct {
	*Mailbox[parcel]
	wake    chan struct{} // what a poller's Wake is to a loop
	stop    atomic.Bool
	working sync.WaitGroup
	batch   []parcel // taken, not consumed from next on
	next    int
	want    []int // the number that each producer's next parcel must have
}

func newCrowd(producers int) *crowd {
	c := &crowd{
		Mailbox: New[parcel](1024, 1<<40),
		wake:    make(chan struct{}, 1),
		want:    make([]int, producers),
	}
	for i := range producers {
		c.working.Go(func() { c.produce(i) })
	}
	return c
}

func (c *crowd) produce(producer int) {
	for n := 0; !c.stop.Load(); n++ {
		for !c.push(parcel{producer, n}) {
			if c.stop.Load() {
				return
			}
			runtime.Gosched() // full: the consumer's turn
		}
	}
}

func (c *crowd) push(p parcel) bool {
	wake, err := c.Push(p, 64)
	if wake {
		c.wake <- struct{}{}
	}
	return err == nil
}

// consume takes one parcel, as a loop does: up to 256 at a time, and it sleeps
// when there are none. It tells whether the parcel is the one that is due.
func (c *crowd) consume() bool {
	for c.next == len(c.batch) {
		c.batch, c.next = c.Take(c.batch[:0], 256), 0
		if len(c.batch) == 0 && c.Sleep() {
			<-c.wake
			c.Awake()
		}
	}
	p := c.batch[c.next]
	c.next++
	due := p.number == c.want[p.producer]
	c.want[p.producer] = p.number + 1
	return due
}

// finish ends the producers and drops what they pushed.
func (c *crowd) finish() {
	c.stop.Store(true)
	c.working.Wait()
	c.Close()
}

// BenchmarkProducers is the time per value when producers push without a pause,
// all at once, and one goroutine takes: how many values a second a mailbox passes
// on, waiting for its lock and waking its consumer included.
func BenchmarkProducers(b *testing.B) {
	for _, producers := range []int{1, 4, 64} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			c := newCrowd(producers)
			defer c.finish()
			strays := 0
			b.ReportAllocs()
			for b.Loop() {
				if !c.consume() {
					strays++
				}
			}
			b.StopTimer()
			if strays != 0 {
				b.Fatalf("%d values came out of their order", strays)
			}
			total := 0
			for _, n := range c.want {
				total += n
			}
			if total != b.N {
				b.Fatalf("%d values taken of %d", total, b.N)
			}
		})
	}
}

// BenchmarkTurnaround is a value for a consumer that is asleep: what the mailbox adds
// to a Post that has to wake its loop.
func BenchmarkTurnaround(b *testing.B) {
	m := New[func()](10, 1<<20)
	f := func() {}
	var buf []func()
	woken, taken := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		m.Sleep()
		if wake, _ := m.Push(f, 64); wake {
			woken++
		}
		m.Awake()
		buf = m.Take(buf[:0], 256)
		taken += len(buf)
	}
	if woken != b.N || taken != b.N {
		b.Fatalf("%d wakes and %d values of %d", woken, taken, b.N)
	}
}

// BenchmarkPushTake is the time per value of one goroutine that pushes some and
// takes them: what the mailbox costs when nobody else wants it.
func BenchmarkPushTake(b *testing.B) {
	for _, burst := range []int{1, 16, 512} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			m := New[func()](1024, 1<<62)
			buf := make([]func(), 0, burst)
			f := func() {}
			taken := 0
			b.ReportAllocs()
			for b.Loop() {
				for range burst {
					m.Push(f, 64)
				}
				buf = m.Take(buf[:0], burst)
				taken += len(buf)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/value")
			if taken != b.N*burst || !m.Empty() {
				b.Fatalf("%d values taken of %d", taken, b.N*burst)
			}
		})
	}
}

// BenchmarkEmpty is the question that every turn asks.
func BenchmarkEmpty(b *testing.B) {
	m := New[func()](10, 10)
	empty := 0
	for b.Loop() {
		if m.Empty() {
			empty++
		}
	}
	if empty != b.N {
		b.Fatalf("empty %d times of %d", empty, b.N)
	}
}
