//go:build linux && !simkernel

package poller

// What a poller's calls cost, next to the bare system calls where that tells.

import (
	"fmt"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// alwaysReadable registers the reading ends of n pipes in which something waits,
// level-triggered: each Wait brings them all. The tokens are 0 to n-1.
func alwaysReadable(b *testing.B, n int) *Poller {
	b.Helper()
	p := newPoller(b)
	for i := range n {
		r, w := newPipe(b)
		send(b, w, "x")
		must(b, p.Add(r, Read, Token(i)))
	}
	return p
}

// BenchmarkWait is a poll that brings ready events. by=calls is the bare
// epoll_wait: the difference is the translation to Events.
func BenchmarkWait(b *testing.B) {
	for _, ready := range []int{1, 128} {
		b.Run(fmt.Sprintf("by=poller/ready=%d", ready), func(b *testing.B) {
			p := alwaysReadable(b, ready)
			events := make([]Event, 128)
			total := 0
			b.ReportAllocs()
			for b.Loop() {
				n, _ := p.Wait(events, 0)
				total += n
			}
			if total != b.N*ready {
				b.Fatalf("%d events in %d waits", total, b.N)
			}
		})
		b.Run(fmt.Sprintf("by=calls/ready=%d", ready), func(b *testing.B) {
			p := alwaysReadable(b, ready)
			events := make([]sys.EpollEvent, 128)
			total := 0
			for b.Loop() {
				n, _ := sys.EpollPoll(p.queue.FD(), events)
				total += n
			}
			if total != b.N*ready {
				b.Fatalf("%d events in %d waits", total, b.N)
			}
		})
	}
}

// BenchmarkAddDelete is what a connection costs in registrations: one that comes
// and goes among others, edge-triggered for reading and writing.
func BenchmarkAddDelete(b *testing.B) {
	for _, others := range []int{0, 1000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			p := newPoller(b)
			for i := range others {
				_, w := newPipe(b)
				must(b, p.Add(w, Read, Token(i)))
			}
			fd, _ := newPair(b)
			failures := 0
			b.ReportAllocs()
			for b.Loop() {
				if p.Add(fd, Read|Write|Edge, 1) != nil || p.Delete(fd) != nil {
					failures++
				}
			}
			if failures != 0 {
				b.Fatalf("%d of %d failed", failures, b.N)
			}
			wantNone(b, p)
			must(b, p.Add(fd, Read|Write|Edge, 1)) // it is not registered
			wantOnly(b, p, 1, Writable)
		})
	}
}

// BenchmarkWakeWait is some Wakes and the poll that hears them: one write and one
// epoll_wait in all, since later Wakes find the bell rung and nobody has to read
// what was written.
func BenchmarkWakeWait(b *testing.B) {
	for _, wakes := range []int{1, 100} {
		b.Run(fmt.Sprintf("wakes=%d", wakes), func(b *testing.B) {
			p := newPoller(b)
			events := make([]Event, 128)
			unheard, failures := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				for range wakes {
					if p.Wake() != nil {
						failures++
					}
				}
				if n, err := p.Wait(events, 0); n != 0 || err != nil {
					failures++
				}
				if p.bell.Load() != 0 {
					unheard++
				}
			}
			if failures != 0 || unheard != 0 {
				b.Fatalf("%d calls failed and %d waits did not hear the wake, of %d", failures, unheard, b.N)
			}
		})
	}
}

// BenchmarkModify is a change of interest.
func BenchmarkModify(b *testing.B) {
	p := newPoller(b)
	fd, _ := newPair(b)
	must(b, p.Add(fd, Read, 1))
	failures := 0
	b.ReportAllocs()
	for b.Loop() {
		if p.Modify(fd, Write, 2) != nil {
			failures++
		}
	}
	if failures != 0 {
		b.Fatalf("%d of %d failed", failures, b.N)
	}
	wantOnly(b, p, 2, Writable)
}

// BenchmarkWake is a Wake that nobody has heard yet: the first writes, and one that
// finds the bell rung does not.
func BenchmarkWake(b *testing.B) {
	for name, rung := range map[string]uint32{"first": 0, "coalesced": bellRung} {
		b.Run(name, func(b *testing.B) {
			p := newPoller(b)
			must(b, p.Wake())
			failures := 0
			b.ReportAllocs()
			for b.Loop() {
				p.bell.Store(rung)
				if p.Wake() != nil {
					failures++
				}
			}
			if failures != 0 {
				b.Fatalf("%d of %d failed", failures, b.N)
			}
			wantWoken(b, p)
			wantNoWake(b, p)
		})
	}
}
