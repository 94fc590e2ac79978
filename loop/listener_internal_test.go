//go:build unix

package loop

// When a listener pauses, for how long, and what wakes it; whose turn it is.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

func echoing(c *Conn, in []byte) (int, error) { return c.Write(in) }

// soleListener is the one listener of a loop. On the loop.
func soleListener(t *testing.T, l *Loop) (s *listener) {
	l.slots.all(func(each source) {
		if found, ok := each.(*listener); ok {
			s = found
		}
	})
	if s == nil {
		t.Error("the loop has no listener")
	}
	return s
}

// A connection that goes makes room for one that waits: the paused listener does
// not sleep until its next attempt.
func TestAFreedPlaceEndsThePause(t *testing.T) {
	l, ln := running(t, Config{MaxConns: 1}, HandlerFunc(echoing).Protocol())
	served := dialed(t, ln)
	expectEcho(t, served)
	waiting := dialed(t, ln)
	for paused := false; !paused; {
		on(t, l, func() {
			if paused = len(l.starved) == 1; !paused {
				return
			}
			s := l.starved[0]
			if s.armed {
				t.Error("a listener that pauses is armed")
			}
			l.wheel.Set(&s.retry, later(l.clock(), 24*time.Hour))
		})
	}
	served.Close()
	expectEcho(t, waiting)
	on(t, l, func() {
		if s := soleListener(t, l); !s.armed || s.backoff != 0 || len(l.starved) != 0 || s.retry.Armed() {
			t.Errorf("after the pause: armed %v, backoff %v, %d pausing, retry %v", s.armed, s.backoff, len(l.starved), s.retry.Armed())
		}
		if n := l.engine.starving.Load(); n != 0 {
			t.Errorf("%d listeners count as pausing", n)
		}
	})
}

func expectEcho(t *testing.T, nc net.Conn) {
	t.Helper()
	word := []byte("word")
	if _, err := nc.Write(word); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(nc, word); err != nil {
		t.Fatal(err)
	}
}

// A place that is freed between the look for one and the pause is not missed.
func TestAPlaceFreedBeforeThePauseIsNotMissed(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprint("full ", full), func(t *testing.T) {
			l, _ := running(t, Config{MaxConns: 1}, HandlerFunc(echoing).Protocol())
			on(t, l, func() {
				if full {
					l.engine.conns.Add(1)
					defer l.engine.conns.Add(-1)
				}
				s := soleListener(t, l)
				s.starve("MaxConns", ErrMaxConns)
				if rearm := l.control.Load()&controlRearm != 0; rearm == full {
					t.Errorf("it is to try again at once: %v", rearm)
				}
				s.revive()
			})
		})
	}
}

// The pauses of a listener that finds the same again and again double up to a
// second, and begin anew when it has accepted somebody.
func TestThePausesDouble(t *testing.T) {
	l, ln := running(t, Config{}, HandlerFunc(echoing).Protocol())
	want := minBackoff
	on(t, l, func() {
		s := soleListener(t, l)
		for i := range 20 {
			before := l.clock()
			s.starve("accept", errors.New("test"))
			if s.backoff != want || s.retry.When() < later(before, want) {
				t.Errorf("pause %d is %v until %d, want %v", i, s.backoff, s.retry.When(), want)
			}
			want = min(2*want, maxBackoff)
			s.revive()
			if !s.armed {
				t.Error("it is not armed again")
			}
		}
		if want != time.Second {
			t.Errorf("the pauses grow to %v", want)
		}
		if n := l.stats.AcceptPauses; n != 20 {
			t.Errorf("%d pauses are counted, want 20", n)
		}
	})
	expectEcho(t, dialed(t, ln))
	on(t, l, func() {
		if s := soleListener(t, l); s.backoff != 0 {
			t.Errorf("having accepted, it would pause for twice %v", s.backoff)
		}
	})
}

// The round robin goes on where the count passes what an int of 32 bits holds,
// and where it begins anew.
func TestRoundRobinPassesTheSignBit(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 16} {
		loops := make([]*Loop, n)
		for i := range loops {
			loops[i] = &Loop{index: i}
		}
		for _, start := range []uint32{0, math.MaxInt32 - 20, math.MaxUint32 - 20} {
			var turn atomic.Uint32
			turn.Store(start)
			counts := make([]int, n)
			last := -1
			for range 2 * n * 20 {
				i := roundRobin(&turn, loops).index
				counts[i]++
				if last >= 0 && i != (last+1)%n && turn.Load() != 1 {
					t.Errorf("of %d loops, %d follows %d at %d", n, i, last, turn.Load())
				}
				last = i
			}
			for i, count := range counts {
				if count < 39 || count > 41 {
					t.Errorf("loop %d of %d got %d of %d turns from %d on", i, n, count, 40*n, start)
				}
			}
		}
	}
}

// All who hand out loops in turn do so by that count.
func TestEverybodyPassesTheSignBit(t *testing.T) {
	e, err := New(Config{Loops: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.turn.Store(math.MaxInt32 - 5)
	ln := &Listener{engine: e}
	ln.turn.Store(math.MaxInt32 - 5)
	s := &listener{Listener: ln}
	for range 20 {
		e.pick()
		s.choose(stream.Addr{})
	}
	if _, err := e.Listen(ListenConfig{}, "tcp", "127.0.0.1:0", HandlerFunc(echoing).Protocol()); err != nil {
		t.Error(err)
	}
	if err := e.Dial(context.Background(), DialConfig{}, "tcp", "127.0.0.1:1", HandlerFunc(echoing).Protocol(), nil); err != nil {
		t.Error(err)
	}
}

// A loop that was to get a connection and got none may have waited for it alone. What
// tells it must outlast a wake-up: a poll that does not block may take that.
func TestALoopThatGetsNoConnectionLooksAgain(t *testing.T) {
	e, err := New(Config{Loops: 2, MaxTasks: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := HandlerFunc(echoing).Protocol()
	ln, err := e.Listen(ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		t.Fatal(err)
	}
	a, b, err := stream.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fd, err := a.Detach()
	if err != nil {
		t.Fatal(err)
	}
	// Nothing runs yet, so that all of it is this goroutine's.
	s := ln.sockets[0]
	other := e.loops[0]
	if other == s.loop {
		other = e.loops[1]
	}
	if err := other.Post(func() {}); err != nil {
		t.Fatal(err)
	}
	if !e.reserve() {
		t.Fatal("no place")
	}
	s.assign(newConn(other, fd, stream.Addr{}))
	if here, there := s.loop.conns.Load(), other.conns.Load(); here != 1 || there != 0 {
		t.Errorf("%d and %d connections, want it where it was accepted", here, there)
	}
	if other.control.Load()&controlLook == 0 {
		t.Error("the other loop is not told")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Error(err)
	}
}

// A place that was taken in vain, and whose return makes room, wakes those who have begun
// to wait for it; one beyond the bound makes none.
func TestAPlaceTakenInVainWakesWhoWaits(t *testing.T) {
	e, err := New(Config{Loops: 2, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	woken := func() (n int) {
		for _, l := range e.loops {
			if l.control.Swap(0)&controlRearm != 0 {
				n++
			}
		}
		return n
	}
	if !e.reserve() {
		t.Fatal("no place")
	}
	e.starving.Add(1)
	defer e.starving.Add(-1)
	if e.reserve() || woken() != 0 {
		t.Error("a place beyond MaxConns, or one that woke somebody")
	}
	if e.unreserve(); woken() != len(e.loops) {
		t.Error("not everybody is woken for the place that is free again")
	}
	// Two that try at the same moment keep each other from the one place.
	e.conns.Add(1)
	if e.reserve() {
		t.Error("a place beyond MaxConns")
	}
	if e.unreserve(); woken() != len(e.loops) {
		t.Error("not everybody is woken for the place that both left")
	}
}
