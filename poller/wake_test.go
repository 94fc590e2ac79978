//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// Wake: never lost, counted once, from anywhere.

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// wantWoken fails unless the next wait, however long, returns with nothing.
func wantWoken(t testing.TB, p *Poller) {
	t.Helper()
	result := background(t, func() error {
		n, err := p.Wait(make([]Event, 4), -1)
		if n != 0 {
			t.Errorf("%d events", n)
		}
		return err
	})
	must(t, result())
}

// wantNoWake fails if a wake-up is left over.
func wantNoWake(t testing.TB, p *Poller) {
	t.Helper()
	const timeout = 3 * time.Millisecond
	start := time.Now()
	n, err := p.Wait(make([]Event, 4), timeout)
	if n != 0 || err != nil || time.Since(start) < timeout {
		t.Fatalf("%d, %v after %v", n, err, time.Since(start))
	}
}

func TestWakeEndsARunningWait(t *testing.T) {
	for _, timeout := range []time.Duration{-1, time.Hour} {
		p := newPoller(t)
		result := background(t, func() error {
			n, err := p.Wait(make([]Event, 1), timeout)
			if n != 0 {
				t.Errorf("%d events", n)
			}
			return err
		})
		must(t, p.Wake())
		must(t, result())
		wantNoWake(t, p)
	}
}

func TestWakeBeforeWaitEndsTheNextOne(t *testing.T) {
	p := newPoller(t)
	for range 3 {
		must(t, p.Wake())
		wantWoken(t, p)
		wantNoWake(t, p)
	}
}

func TestWakeIsConsumedByAPoll(t *testing.T) {
	p := newPoller(t)
	must(t, p.Wake())
	wantNone(t, p)
	wantNoWake(t, p)
}

func TestManyWakesCountAsOne(t *testing.T) {
	p := newPoller(t)
	for range 1000 {
		must(t, p.Wake())
	}
	wantWoken(t, p)
	wantNoWake(t, p)
}

func TestWakeComesAlongWithEvents(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Write|Edge, 1))
	must(t, p.Wake())
	wantOnly(t, p, 1, Writable)
	wantNoWake(t, p)
}

// The bell's own event may not find room in the caller's slice.
func TestWakeIsNotLostWhenTheSliceIsFull(t *testing.T) {
	p := newPoller(t)
	const many = 8
	var fds []int
	for i := range many {
		a, _ := newPair(t)
		must(t, p.Add(a, Write, Token(i)))
		fds = append(fds, a)
	}
	for range 50 {
		must(t, p.Wake())
		events := make([]Event, 1)
		if n, err := p.Wait(events, 0); n > 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	for _, fd := range fds {
		must(t, p.Delete(fd))
	}
	must(t, p.Wake())
	wantWoken(t, p)
	wantNoWake(t, p)
}

// Every post must be seen by a waiter that looks after each Wait, although most
// of the wake-ups fall together.
func TestWakeIsNeverLost(t *testing.T) {
	for _, room := range []int{1, 4} {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			p := newPoller(t)
			busy, _ := newPair(t)
			must(t, p.Add(busy, Write|Edge, 1))
			const producers, rounds = 8, 300
			var posted [producers]atomic.Int64
			acks := make([]chan struct{}, producers)
			var group sync.WaitGroup
			for i := range producers {
				acks[i] = make(chan struct{})
				group.Go(func() {
					for range rounds {
						posted[i].Add(1)
						if err := p.Wake(); err != nil {
							t.Error(err)
						}
						<-acks[i]
					}
				})
			}
			events := make([]Event, room)
			var seen [producers]int64
			for total := 0; total < producers*rounds; {
				n, err := p.Wait(events, patience)
				must(t, err)
				before := total
				for i := range producers {
					if posted[i].Load() > seen[i] {
						seen[i]++
						total++
						acks[i] <- struct{}{}
					}
				}
				if before == total && n == 0 && anyPosted(posted[:], seen[:]) {
					t.Fatal("a wake-up was lost")
				}
			}
			group.Wait()
		})
	}
}

func anyPosted(posted []atomic.Int64, seen []int64) bool {
	for i := range posted {
		if posted[i].Load() > seen[i] {
			return true
		}
	}
	return false
}

// What came before a Wake, also one that only joins another, happens before the
// return of the Wait: plain variables are enough, as the race detector confirms.
// It does not see what goes through the pipe, so the order is Wake's alone.
func TestWakeOrdersMemory(t *testing.T) {
	p := newPoller(t)
	r, w := newPipe(t)
	const producers = 4
	var cells [producers]int
	for i := range producers {
		go func() {
			cells[i] = i + 1
			if err := p.Wake(); err != nil {
				t.Error(err)
			}
			sys.Write(w, []byte{1})
		}()
	}
	buf := make([]byte, producers)
	for done := 0; done < producers; {
		n, e := sys.Read(r, buf)
		if e != 0 && e != sys.EAGAIN {
			t.Fatal(e)
		}
		done += n
		runtime.Gosched()
	}
	_, err := p.Wait(make([]Event, 1), -1)
	must(t, err)
	if cells != [producers]int{1, 2, 3, 4} {
		t.Fatalf("cells %v", cells)
	}
}

func TestWakeAfterCloseIsClosed(t *testing.T) {
	p := newPoller(t)
	must(t, p.Wake())
	must(t, p.Close())
	for range 2 {
		wantError(t, p.Wake(), "wake", -1, net.ErrClosed)
	}
}
