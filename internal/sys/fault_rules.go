//go:build faultinject || (linux && simkernel)

package sys

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Rules disturb calls at random, by a seed: the same calls in the same order are
// disturbed in the same way. All odds are from 0 to 1.
type Rules struct {
	Seed      uint64
	Errnos    map[Call][]Errno // what calls fail with, each as likely
	Fail      float64          // the odds that a call which has Errnos fails
	Again     float64          // that a transfer says EAGAIN though it could be made
	Short     float64          // that a transfer moves fewer bytes, down to one
	Interrupt float64          // that a signal interrupts a transfer or an accept, once or several times
	Extra     float64          // that a wait reports events twice, and descriptors that are not ready
	Slow      float64          // that a call takes longer
	Delay     time.Duration    // by so much at most
	Tally     *Tally           // counts what took place, unless it is nil
}

// String returns the rules in full, so that a failing run can be had again.
func (r Rules) String() string {
	var errnos []string
	for _, c := range slices.Sorted(maps.Keys(r.Errnos)) {
		errnos = append(errnos, fmt.Sprintf("%s: %v", c, r.Errnos[c]))
	}
	return fmt.Sprintf("seed %d, fail %v %q, again %v, short %v, interrupt %v, extra %v, slow %v by %v",
		r.Seed, r.Fail, errnos, r.Again, r.Short, r.Interrupt, r.Extra, r.Slow, r.Delay)
}

// InjectRules is Inject by rules.
func InjectRules(r Rules) (remove func()) {
	return inject(&dice{rules: r, rng: rand.New(rand.NewPCG(r.Seed, 0))})
}

// dice are the rules at work.
type dice struct {
	rules Rules
	mu    sync.Mutex
	rng   *rand.Rand
}

func (d *dice) delay(Call) time.Duration {
	if d.rules.Slow == 0 || d.rules.Delay <= 0 {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rng.Float64() >= d.rules.Slow {
		return 0
	}
	return time.Duration(d.rng.Int64N(int64(d.rules.Delay))) + 1
}

func (d *dice) fail(c Call) Errno {
	errnos := d.rules.Errnos[c]
	if len(errnos) == 0 {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rng.Float64() >= d.rules.Fail {
		return 0
	}
	return errnos[d.rng.IntN(len(errnos))]
}

func (d *dice) transfer(c Call, size int) (int, Errno) {
	if e := d.fail(c); e != 0 {
		return 0, e
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rng.Float64() < d.rules.Again {
		return 0, EAGAIN
	}
	if d.rng.Float64() >= d.rules.Short {
		return size, 0
	}
	// Most of the trouble is at one byte, and at one less than all.
	switch d.rng.IntN(3) {
	case 0:
		return 1, 0
	case 1:
		return max(1, size-1), 0
	default:
		return 1 + d.rng.IntN(size), 0
	}
}

func (d *dice) interrupted() bool {
	if d.rules.Interrupt == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < d.rules.Interrupt
}

func (d *dice) extra(n int) (again, spurious int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rng.Float64() >= d.rules.Extra {
		return 0, 0
	}
	return d.rng.IntN(n + 1), d.rng.IntN(4)
}

func (d *dice) choose(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

func (d *dice) note(f Fault) {
	if d.rules.Tally != nil {
		d.rules.Tally.note(f)
	}
}
