//go:build unix

package loop_test

// Timers of loops, and the deadlines of connections.

import (
	"errors"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

func TestAfterFuncFiresOnce(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	for _, d := range []time.Duration{-time.Hour, -1, 0, 1, time.Millisecond, 30 * time.Millisecond} {
		fired := make(chan time.Time, 10)
		var set time.Time
		do(t, l, func() {
			set = time.Now()
			l.AfterFunc(d, func() { fired <- time.Now() })
			if len(fired) > 0 {
				t.Errorf("AfterFunc(%v) calls at once", d)
			}
		})
		if at := take(t, "the timer", fired); at.Sub(set) < d {
			t.Errorf("AfterFunc(%v) fired after %v", d, at.Sub(set))
		}
		for range 3 {
			turn(t, l)
		}
		if len(fired) > 0 {
			t.Errorf("AfterFunc(%v) fired again", d)
		}
	}
}

// A timer that was stopped does not fire, not even one that is due in the same
// turn (hazard 40).
func TestAStoppedTimerDoesNotFire(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	fired := make(chan int, 10)
	do(t, l, func() {
		var timers []*loop.Timer
		for i := range 5 {
			timers = append(timers, l.AfterFunc(time.Millisecond, func() {
				fired <- i
				for j, other := range timers {
					if stopped := other.Stop(); stopped != (j > i) {
						t.Errorf("Stop of timer %d, when timer %d fires, returns %v", j, i, stopped)
					}
				}
			}))
		}
		time.Sleep(5 * time.Millisecond) // all are due in the same turn
	})
	if i := take(t, "a timer", fired); i != 0 {
		t.Errorf("timer %d fired first", i)
	}
	for range 10 {
		turn(t, l)
	}
	if len(fired) > 0 {
		t.Errorf("timer %d fired although it was stopped", <-fired)
	}
}

// Reset moves a timer either way, arms one that fired, and says what it was.
func TestTimerReset(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	fired := make(chan time.Time, 10)
	var timer *loop.Timer
	var set time.Time
	do(t, l, func() {
		timer = l.AfterFunc(time.Hour, func() { fired <- time.Now() })
		set = time.Now()
		if !timer.Reset(5 * time.Millisecond) {
			t.Error("Reset of an armed timer returns false")
		}
	})
	if at := take(t, "the earlier time", fired); at.Sub(set) < 5*time.Millisecond {
		t.Errorf("it fired %v after Reset(5ms)", at.Sub(set))
	}
	do(t, l, func() {
		if timer.Reset(time.Millisecond) {
			t.Error("Reset of a timer that has fired returns true")
		}
		set = time.Now()
		if !timer.Reset(40 * time.Millisecond) {
			t.Error("Reset of an armed timer returns false")
		}
	})
	if at := take(t, "the later time", fired); at.Sub(set) < 40*time.Millisecond {
		t.Errorf("it fired %v after Reset(40ms)", at.Sub(set))
	}
	do(t, l, func() {
		timer.Reset(time.Millisecond)
		if !timer.Stop() || timer.Stop() {
			t.Error("Stop does not tell whether the timer was armed")
		}
	})
	turn(t, l)
	if len(fired) > 0 {
		t.Error("a stopped timer fired")
	}
}

func TestEvery(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	const period = 3 * time.Millisecond
	ticks := make(chan time.Time, 100)
	var start time.Time
	var timer *loop.Timer
	do(t, l, func() {
		for _, d := range []time.Duration{0, -1} {
			if _, err := l.Every(d, func() {}); !errors.Is(err, os.ErrInvalid) {
				t.Errorf("Every(%v): %v, want os.ErrInvalid", d, err)
			}
		}
		start = time.Now()
		n := 0
		var err error
		timer, err = l.Every(period, func() {
			ticks <- time.Now()
			if n++; n == 5 && !timer.Stop() {
				t.Error("Stop within the function returns false")
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
	for i := 1; i <= 5; i++ {
		if at := take(t, "a tick", ticks); at.Sub(start) < time.Duration(i)*period {
			t.Errorf("tick %d came after %v", i, at.Sub(start))
		}
	}
	do(t, l, func() { l.AfterFunc(3*period, func() { ticks <- time.Time{} }) })
	if at := take(t, "a later timer", ticks); !at.IsZero() {
		t.Error("a stopped Every goes on")
	}
}

// A timer that re-arms itself without a pause lets everything else go on, and
// does not spin (hazard 40).
func TestATimerThatRearmsItself(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	c := r.dial(r.listen(r.always(hooks{data: echo})))
	fires := 0
	var timer *loop.Timer
	do(t, l, func() { timer = l.AfterFunc(0, func() { fires++; timer.Reset(0) }) })
	for range 20 {
		c.echoes()
	}
	until(t, "the timer fires on", func() (enough bool) {
		do(t, l, func() { enough = fires > 20 })
		return enough
	})
	const window = 200 * time.Millisecond
	var before, after int
	do(t, l, func() { before = fires })
	time.Sleep(window)
	do(t, l, func() { after = fires; timer.Stop() })
	if n := after - before; n > 1000 {
		t.Errorf("it fired %d times in %v", n, window)
	}
}

// A million timers, most of them far away and moved again and again, fire as
// few do.
func TestAMillionTimers(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 10_000
	}
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	timers := make([]*loop.Timer, n)
	fired := 0
	early := 0
	done := make(chan struct{})
	step := n / 10
	for first := 0; first < n; first += step {
		do(t, l, func() {
			for i := first; i < first+step; i++ {
				var set time.Time
				d := time.Duration(i%50) * time.Millisecond
				timers[i] = l.AfterFunc(time.Hour+time.Duration(i)*time.Millisecond, func() {
					if time.Since(set) < d {
						early++
					}
					if fired++; fired == n/2 {
						close(done)
					}
				})
				if i%2 == 0 {
					timers[i].Stop()
					continue
				}
				set = time.Now()
				timers[i].Reset(d)
			}
		})
	}
	take(t, "half of the timers", done)
	turn(t, l)
	do(t, l, func() {
		if fired != n/2 || early != 0 {
			t.Errorf("%d of %d timers fired, %d early", fired, n/2, early)
		}
		for _, timer := range timers {
			if timer.Stop() {
				t.Error("a timer is still armed")
				break
			}
		}
	})
	if got := r.engine.Stats().Timers; got != uint64(n/2) {
		t.Errorf("%d timers are counted", got)
	}
}

// Now is the time of the turn: the same all through it, and never ahead.
func TestNow(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	do(t, l, func() {
		first := l.Now()
		time.Sleep(2 * time.Millisecond)
		if again := l.Now(); !again.Equal(first) {
			t.Errorf("Now moved by %v within a turn", again.Sub(first))
		}
		if time.Since(first) < 0 {
			t.Error("Now is in the future")
		}
	})
	do(t, l, func() {})
	var now time.Time
	before := time.Now()
	turn(t, l)
	do(t, l, func() { now = l.Now() })
	if now.Before(before) {
		t.Errorf("Now is %v old in a turn that began later", before.Sub(now))
	}
}

// A read deadline is about a phase, not about silence: what trickles in does not
// move it (hazard 36).
func TestAReadDeadlineEndsSlowloris(t *testing.T) {
	const limit = 60 * time.Millisecond
	r := newRig(t, loop.Config{Loops: 1})
	var opened time.Time // the loop's
	causes := make(chan error, 1)
	took := make(chan time.Duration, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			opened = time.Now()
			c.SetReadDeadline(opened.Add(limit))
			return nil
		},
		data:  func(*loop.Conn, []byte) (int, error) { return 0, nil },
		close: func(_ *loop.Conn, err error) { took <- time.Since(opened); causes <- err },
	})))
	stop := make(chan struct{})
	trickled := make(chan struct{})
	go func() {
		defer close(trickled)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_, _ = c.Write([]byte("x"))
			}
		}
	}()
	if err := take(t, "OnClose", causes); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("OnClose heard %v, want os.ErrDeadlineExceeded", err)
	}
	if d := take(t, "the time", took); d < limit {
		t.Errorf("the connection was ended after %v, the deadline was %v", d, limit)
	}
	close(stop)
	<-trickled
}

// An idle timeout counts from the last byte, in either direction.
func TestIdleTimeout(t *testing.T) {
	const limit = 50 * time.Millisecond
	for name, own := range map[string]bool{"sent": true, "received": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			var last time.Time // the loop's: when bytes last moved
			type end struct {
				err  error
				idle time.Duration
			}
			ends, opened := make(chan end, 1), make(chan *loop.Conn, 1)
			c := r.dial(r.listen(r.always(hooks{
				open: func(c *loop.Conn) error {
					last = time.Now()
					c.SetIdleTimeout(limit)
					opened <- c
					return nil
				},
				data:  func(_ *loop.Conn, in []byte) (int, error) { last = time.Now(); return len(in), nil },
				close: func(_ *loop.Conn, err error) { ends <- end{err, time.Since(last)} },
			})))
			conn := take(t, "OnOpen", opened)
			moves := 0
			do(t, conn.Loop(), func() {
				var timer *loop.Timer
				timer, _ = conn.Loop().Every(limit/10, func() {
					if moves++; moves == 15 {
						timer.Stop()
					}
					last = time.Now()
					if own {
						_, _ = conn.Write([]byte("x"))
					} else {
						_, _ = c.Write([]byte("x"))
					}
				})
			})
			got := take(t, "OnClose", ends)
			if !errors.Is(got.err, os.ErrDeadlineExceeded) || got.idle < limit {
				t.Errorf("OnClose heard %v after %v without a byte, the limit is %v", got.err, got.idle, limit)
			}
		})
	}
}

// Which deadline it was, is told; the connection goes on if the handler says so,
// and an idle timeout starts anew.
func TestOnTimeoutDecides(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput, FlushTimeout: time.Millisecond})
	ends := make(chan error, 1)
	var told []loop.Deadline // the loop's
	enough := errors.New("enough")
	c := r.dialDoomed(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
			c.SetWriteDeadline(time.Now().Add(4 * time.Millisecond))
			_, err := c.Write(make([]byte, stalledOutput)) // pending until somebody reads
			return err
		},
		data: echo,
		timeout: func(c *loop.Conn, d loop.Deadline) error {
			told = append(told, d)
			switch len(told) {
			case 2:
				c.SetIdleTimeout(5 * time.Millisecond)
			case 5:
				return enough
			}
			return nil
		},
		close: func(_ *loop.Conn, err error) { ends <- err },
	})))
	if err := take(t, "OnClose", ends); err != enough && !errors.Is(err, enough) {
		t.Errorf("OnClose heard %v, want the error of OnTimeout", err)
	}
	want := []loop.Deadline{loop.ReadDeadline, loop.WriteDeadline, loop.IdleTimeout, loop.IdleTimeout, loop.IdleTimeout}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("OnTimeout was told %v, want %v", told, want)
	}
	c.Close()
}

// A write deadline does not fire when the kernel has taken everything.
func TestAWriteDeadlineIsAboutPendingOutput(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	fired := make(chan loop.Deadline, 2)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := c.WriteString("sent")
			return err
		},
		timeout: func(_ *loop.Conn, d loop.Deadline) error { fired <- d; return nil },
	})))
	c.expect("sent")
	if d := take(t, "a deadline", fired); d != loop.ReadDeadline {
		t.Errorf("%v fired, nothing is pending", d)
	}
}

// Deadlines that are cleared, or moved, do not fire at their old time.
func TestClearedDeadlinesDoNotFire(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput})
	fired := make(chan loop.Deadline, 10)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			soon := time.Now().Add(2 * time.Millisecond)
			c.SetReadDeadline(soon)
			c.SetReadDeadline(time.Time{})
			c.SetWriteDeadline(soon)
			c.SetWriteDeadline(time.Now().Add(time.Hour))
			c.SetIdleTimeout(2 * time.Millisecond)
			c.SetIdleTimeout(0)
			_, err := c.Write(make([]byte, stalledOutput))
			return err
		},
		timeout: func(_ *loop.Conn, d loop.Deadline) error { fired <- d; return nil },
	})))
	l := r.engine.Loops()[0]
	later := make(chan struct{})
	do(t, l, func() { l.AfterFunc(10*time.Millisecond, func() { close(later) }) })
	take(t, "a later timer", later)
	if len(fired) > 0 {
		t.Errorf("%v fired", <-fired)
	}
	c.Close()
}

func TestDeadlineNames(t *testing.T) {
	for d, want := range map[loop.Deadline]string{
		loop.ReadDeadline: "read deadline", loop.WriteDeadline: "write deadline", loop.IdleTimeout: "idle timeout",
	} {
		if d.String() != want {
			t.Errorf("%d is %q, want %q", d, d, want)
		}
	}
}

// A period that ends beyond the clock's range does not begin anew: the timer fires when
// Reset says, and no more (hazard 19).
func TestEveryOfTheLongestPeriod(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	for _, period := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2} {
		var fired int
		next := make(chan struct{})
		do(t, l, func() {
			timer, err := l.Every(period, func() {
				if fired++; fired > 1 {
					return
				}
				// Whatever is due meanwhile comes before this one.
				l.AfterFunc(10*time.Millisecond, func() { close(next) })
			})
			if err != nil {
				t.Error(err)
				return
			}
			timer.Reset(time.Millisecond)
		})
		take(t, "the timer", next)
		do(t, l, func() {
			if fired != 1 {
				t.Errorf("Every(%v) fired %d times", period, fired)
			}
		})
	}
}
