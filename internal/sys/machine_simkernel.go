//go:build linux && simkernel

package sys

// The model kernel behind the calls of this package, and how they wait for it.

import (
	"sync"
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

// machine is the one that the calls reach. A live one delivers at once, goes by
// the real clock, and its waits block; a stepped one does only what its driver
// makes it do.
var machine = struct {
	sync.Mutex
	kernel  *sim.Kernel
	live    bool
	start   time.Time // what the clock of a stepped one counts from
	idle    func(timeout time.Duration) bool
	polled  func()
	waits   int           // how many more its driver allows, below 0 any number
	changed chan struct{} // closed by the next change; nil when nobody waits for it
	events  []sim.Event
	kevents []sim.Kevent
	asked   []sim.Kevent
}{start: time.Now()}

func init() { replace(0, true, sim.Options{Immediate: true}) }

func replace(seed uint64, live bool, o sim.Options) {
	machine.Lock()
	defer machine.Unlock()
	machine.kernel = sim.New(seed, o)
	machine.kernel.OnChange(announce)
	machine.live = live
	machine.waits = -1
	announce()
}

// announce wakes all that wait. The machine is locked.
func announce() {
	if machine.changed != nil {
		close(machine.changed)
		machine.changed = nil
	}
}

// locked calls f with the kernel.
func locked[T any](f func(k *sim.Kernel) T) T {
	machine.Lock()
	defer machine.Unlock()
	return f(machine.kernel)
}

// await calls look, with the machine locked, until that finds something or fails,
// or until timeout has passed; below 0 that is never. It fails with EDEADLK where the
// driver allows no more waits.
func await(timeout time.Duration, look func(k *sim.Kernel) (int, sim.Errno)) (int, Errno) {
	if !allowed() {
		return 0, Errno(sim.EDEADLK)
	}
	var start time.Time
	if timeout > 0 {
		start = Now()
	}
	for {
		machine.Lock()
		n, e := look(machine.kernel)
		left := timeout
		if timeout > 0 {
			left = max(0, timeout-sinceLocked(start))
		}
		if n != 0 || e != 0 || left == 0 {
			machine.Unlock()
			return n, Errno(e)
		}
		if e := pass(left); e != 0 {
			return 0, e
		}
	}
}

// awaitEvents is await of a poller, whose polls take time.
func awaitEvents(timeout time.Duration, look func(k *sim.Kernel) (int, sim.Errno)) (int, Errno) {
	n, e := await(timeout, look)
	if timeout == 0 && n == 0 && e == 0 {
		machine.Lock()
		polled := machine.polled
		machine.Unlock()
		if polled != nil {
			polled()
		}
	}
	return n, e
}

// allowed counts a wait.
func allowed() bool {
	machine.Lock()
	defer machine.Unlock()
	if machine.waits > 0 {
		machine.waits--
		return true
	}
	return machine.waits < 0
}

// pass lets something happen, or time go by, and unlocks the machine.
func pass(left time.Duration) Errno {
	if machine.live {
		block(left)
		return 0
	}
	defer machine.Unlock()
	if f := machine.idle; f != nil {
		machine.Unlock()
		again := f(left)
		machine.Lock()
		if again {
			return 0
		}
	} else if machine.kernel.Step() {
		return 0
	}
	if p := machine.kernel.Pending(); p >= 0 && (left < 0 || p < left) {
		left = p
	}
	if left < 0 {
		return Errno(sim.EDEADLK)
	}
	machine.kernel.Advance(left)
	return 0
}

// block waits for a change, at most for left.
func block(left time.Duration) {
	if machine.changed == nil {
		machine.changed = make(chan struct{})
	}
	changed := machine.changed
	machine.Unlock()
	if left < 0 {
		<-changed
		return
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	}
}

// Now is the model's time.
func Now() time.Time {
	machine.Lock()
	defer machine.Unlock()
	return nowLocked()
}

func nowLocked() time.Time {
	if machine.live {
		return time.Now()
	}
	return machine.start.Add(machine.kernel.Now())
}

func sinceLocked(t time.Time) time.Duration { return nowLocked().Sub(t) }

// Since is the model's time since t.
func Since(t time.Time) time.Duration { return Now().Sub(t) }

// Until is the model's time until t.
func Until(t time.Time) time.Duration { return t.Sub(Now()) }
