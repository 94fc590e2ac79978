//go:build unix

package loop_test

// What it costs another goroutine to have something done by a loop.

import (
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// BenchmarkPost is the time from a Post to a loop that sleeps until the function's
// answer is received: two goroutines are woken for it, one of them by the kernel.
func BenchmarkPost(b *testing.B) {
	r := newRig(b, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	done := make(chan struct{}, 1)
	answered := 0
	answer := func() {
		answered++
		done <- struct{}{}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Post(answer); err != nil {
			b.Fatal(err)
		}
		<-done
	}
	if answered != b.N {
		b.Fatalf("%d of %d functions ran", answered, b.N)
	}
}

// A Post allocates nothing, nor does the turn that runs it.
func TestPostAllocatesNothing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	done := make(chan struct{}, 1)
	answer := func() { done <- struct{}{} }
	if n := testing.AllocsPerRun(200, func() {
		if err := l.Post(answer); err != nil {
			t.Fatal(err)
		}
		<-done
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
