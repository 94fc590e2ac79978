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
	Exhaust   int              // the descriptor that is one too many: 1 allows no more than there are, 0 any number
	Tally     *Tally           // counts what took place, unless it is nil
}

// String returns the rules in full, so that a failing run can be had again.
func (r Rules) String() string {
	var errnos []string
	for _, c := range slices.Sorted(maps.Keys(r.Errnos)) {
		errnos = append(errnos, fmt.Sprintf("%s: %v", c, r.Errnos[c]))
	}
	return fmt.Sprintf("seed %d, fail %v %q, again %v, short %v, interrupt %v, extra %v, slow %v by %v, exhaust %d",
		r.Seed, r.Fail, errnos, r.Again, r.Short, r.Interrupt, r.Extra, r.Slow, r.Delay, r.Exhaust)
}

// InjectRules is Inject by rules.
func InjectRules(r Rules) (remove func()) {
	d := &dice{rules: r, rng: rand.New(rand.NewPCG(r.Seed, 0))}
	if r.Exhaust > 0 {
		d.before = descriptors()
	}
	return inject(d)
}

// dice are the rules at work.
type dice struct {
	rules  Rules
	before int // descriptors that were open when the rules came
	mu     sync.Mutex
	rng    *rand.Rand
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
	if d.exhausted(c) {
		return EMFILE
	}
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

// exhausted tells whether c would make a descriptor that is one too many. Calls that
// are under way on other goroutines may exceed the limit by what they make.
func (d *dice) exhausted(c Call) bool {
	makes := traits[c].makes
	return d.rules.Exhaust > 0 && makes > 0 && descriptors()-d.before+makes >= d.rules.Exhaust
}

func (d *dice) transfer(c Call, size int) (int, Errno) {
	if e := d.fail(c); e != 0 {
		return 0, e
	}
	t := traits[c]
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.blocks && d.rng.Float64() < d.rules.Again {
		return 0, EAGAIN
	}
	if d.rng.Float64() >= d.rules.Short {
		return size, 0
	}
	return max(d.few(size), min(size, t.moves)), 0
}

// few is a number of bytes, of size: most of the trouble is at one, and at one less
// than all.
func (d *dice) few(size int) int {
	switch d.rng.IntN(3) {
	case 0:
		return 1
	case 1:
		return max(1, size-1)
	default:
		return 1 + d.rng.IntN(size)
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
