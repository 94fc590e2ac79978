//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// Wait's timeouts and what interrupts it.

import (
	"math"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

func TestWaitWithoutRoomIsInvalid(t *testing.T) {
	p := newPoller(t)
	for _, timeout := range []time.Duration{-1, 0, time.Hour} {
		n, err := p.Wait(nil, timeout)
		wantError(t, err, "wait", -1, os.ErrInvalid)
		if n != 0 {
			t.Fatalf("n = %d", n)
		}
	}
}

// Hazard 19: a wait that ends before its time makes a timer loop spin.
func TestWaitIsNeverEarly(t *testing.T) {
	p := newPoller(t)
	events := make([]Event, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	timeouts := []time.Duration{1, time.Microsecond, time.Millisecond - 1, time.Millisecond, time.Millisecond + 1}
	for range 60 {
		timeouts = append(timeouts, time.Duration(rng.Int64N(int64(4*time.Millisecond))))
	}
	for _, timeout := range timeouts {
		start := time.Now()
		n, err := p.Wait(events, timeout)
		took := time.Since(start)
		if n != 0 || err != nil || took < timeout {
			t.Fatalf("Wait(%v) = %d, %v after %v", timeout, n, err, took)
		}
	}
}

// A wait is not rounded to whole milliseconds, nor late otherwise: of many, some come
// in time however busy the machine.
func TestWaitIsPrecise(t *testing.T) {
	const late = 400 * time.Microsecond
	p := newPoller(t)
	events := make([]Event, 1)
	for _, timeout := range []time.Duration{100 * time.Microsecond, 3100 * time.Microsecond} {
		least := time.Hour
		for end := time.Now().Add(patience); least > late; {
			if time.Now().After(end) {
				t.Fatalf("Wait(%v) is late by %v at least", timeout, least)
			}
			start := time.Now()
			if _, err := p.Wait(events, timeout); err != nil {
				t.Fatal(err)
			}
			least = min(least, time.Since(start)-timeout)
		}
	}
}

// Hazard 19: what a kernel's counter cannot hold must not become short, negative
// or an error.
func TestHugeTimeoutsWait(t *testing.T) {
	for _, timeout := range []time.Duration{-1, math.MinInt64, maxBlock, maxBlock + 1,
		math.MaxInt32 * time.Millisecond, (math.MaxInt32 + 1) * time.Millisecond,
		math.MaxUint32 * time.Millisecond, (math.MaxUint32 + 2) * time.Millisecond, math.MaxInt64 - 1, math.MaxInt64} {
		t.Run(timeout.String(), func(t *testing.T) {
			p := newPoller(t)
			var woken atomic.Bool
			early := background(t, func() error {
				n, err := p.Wait(make([]Event, 1), timeout)
				if n != 0 || !woken.Load() {
					t.Errorf("n = %d, woken %v", n, woken.Load())
				}
				return err
			})
			// Some work between, so that a wait that ends at once is seen.
			a, _ := newPair(t)
			must(t, p.Add(a, Read, 1))
			must(t, p.Delete(a))
			woken.Store(true)
			must(t, p.Wake())
			must(t, early())
		})
	}
}

func TestWaitEndsWithAnEventNotWithItsTimeout(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read, 1))
	result := background(t, func() error {
		events := make([]Event, 1)
		n, err := p.Wait(events, time.Hour)
		if n != 1 || events[0] != (Event{1, Readable}) {
			t.Errorf("got %v", events[:n])
		}
		return err
	})
	send(t, b, "x")
	must(t, result())
}

func TestWaitLeavesTheRestOfTheSliceAlone(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Write, 1))
	mark := Event{77, Failed}
	events := []Event{mark, mark, mark}
	must(t, p.Wake())
	n, err := p.Wait(events, 0)
	if n != 1 || err != nil || events[1] != mark || events[2] != mark {
		t.Fatalf("%d, %v, %v", n, err, events)
	}
}

func TestSliceMayGrowAndShrink(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Write, 1))
	must(t, p.Add(b, Write, 2))
	for _, size := range []int{1, 64, 1, maxBatch + 1, 2} {
		n, err := p.Wait(make([]Event, size), 0)
		if n != min(size, 2) || err != nil {
			t.Fatalf("size %d: %d, %v", size, n, err)
		}
	}
}
