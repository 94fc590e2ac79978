//go:build linux && faultinject

package loop_test

// The engine under random faults by a seed: short reads and writes, would-block
// that was none, events that come twice or for nothing, calls that fail, are
// interrupted or take their time. What the contract promises holds all the same,
// and once the faults stop everything finishes.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

var (
	chaosSeed = flag.Uint64("chaos.seed", 1, "first seed of the tests under random faults")
	chaosRuns = flag.Int("chaos.runs", 60, "how many seeds they try")
)

// enoughChaos is how many seeds must have brought about every fault and every
// outcome between them. Fewer, such as one that is replayed, may be right without.
const enoughChaos = 50

// chaosConns is how many connections each seed has.
const chaosConns = 16

// mild faults are those that a caller never hears of: nothing may fail.
func mild(seed uint64) sys.Rules {
	return sys.Rules{
		Seed: seed, Fail: 0.4, Again: 0.15, Short: 0.4, Interrupt: 0.2, Extra: 0.3, Slow: 0.01, Delay: time.Millisecond,
		Errnos: sys.Errnos(sys.Mild),
	}
}

// harsh faults end connections as well. setsockopt is not among them: a
// connection that failed is reset by it, and a second fault could hide the first.
// Even seeds fail transfers, of which a connection makes many, odd ones the calls that
// it makes once.
func harsh(seed uint64) sys.Rules {
	r := mild(seed)
	if seed%2 == 0 {
		r.Fail = 0.02
		maps.Copy(r.Errnos, sys.Errnos(sys.Moving))
	} else {
		r.Fail = 0.3
		maps.Copy(r.Errnos, sys.Errnos(sys.Starting|sys.Steering))
	}
	return r
}

// exchange is one client connection: it sends its bytes, half-closes, and checks
// what comes back.
type exchange struct {
	t        *testing.T
	name     string
	rng      *rand.Rand
	total    int // to send
	sent     int
	received int
}

func (x *exchange) at(i int) byte { return byte(i*7 + i>>8 + len(x.name)*31) }

// send writes until the engine has enough for now, and then the FIN.
func (x *exchange) send(c *loop.Conn) {
	for x.sent < x.total && c.Buffered() < 16<<10 {
		p := make([]byte, min(1+x.rng.IntN(9<<10), x.total-x.sent))
		for i := range p {
			p[i] = x.at(x.sent + i)
		}
		if _, err := c.Write(p); err != nil {
			return // of a failure OnClose tells
		}
		if x.sent += len(p); x.sent == x.total {
			_ = c.CloseWrite()
		}
	}
}

func (x *exchange) data(c *loop.Conn, in []byte) (int, error) {
	n := 1 + x.rng.IntN(len(in))
	for i, b := range in[:n] {
		if want := x.at(x.received + i); b != want {
			x.t.Errorf("%s: byte %d is %#x, want %#x", x.name, x.received+i, b, want)
			return 0, errors.New("wrong byte")
		}
	}
	x.received += n
	x.send(c)
	return n, nil
}

func (x *exchange) hooks(done func(error)) hooks {
	return hooks{
		open:  func(c *loop.Conn) error { x.send(c); return nil },
		data:  x.data,
		drain: x.send,
		close: func(_ *loop.Conn, err error) { done(err) },
	}
}

// chaos runs exchanges under rules and returns how each ended: nil, or an error.
func chaos(t *testing.T, r *rig, rules sys.Rules) []error {
	t.Helper()
	rng := rand.New(rand.NewPCG(rules.Seed, 1))
	serve := rand.New(rand.NewPCG(rules.Seed, 2))
	ln := r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		n := 1 + serve.IntN(len(in))
		if _, err := c.Write(in[:n]); errors.Is(err, loop.ErrBackpressure) {
			return 0, nil
		}
		return n, nil
	}}))
	ended := make(chan error, chaosConns)
	remove := sys.InjectRules(rules)
	defer remove()
	for i := range chaosConns {
		x := &exchange{t: t, name: fmt.Sprintf("connection %d", i), rng: rand.New(rand.NewPCG(rules.Seed, 10+uint64(i))), total: 1 + rng.IntN(200<<10)}
		end := func(err error) {
			if err == nil && x.received != x.total {
				err = fmt.Errorf("%s: ended in order after %d of %d bytes", x.name, x.received, x.total)
				t.Error(err)
			}
			ended <- err
		}
		err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(x.hooks(end)), func(_ *loop.Conn, err error) {
			if err != nil {
				ended <- err // there is no connection to close
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	outcomes := make([]error, chaosConns)
	for i := range outcomes {
		outcomes[i] = take(t, fmt.Sprintf("the end of %d of %d connections", i, chaosConns), ended)
	}
	remove()
	// The faults have stopped: whatever the engine put off it does now.
	until(t, "every connection is gone", func() bool { return r.engine.Stats().Conns == 0 })
	r.dial(ln).echoes()
	return outcomes
}

// underChaos returns which faults took place, of all seeds together.
func underChaos(t *testing.T, rules func(seed uint64) sys.Rules, check func(t *testing.T, r *rig, outcomes []error)) *sys.Tally {
	took := new(sys.Tally)
	for seed := *chaosSeed; seed < *chaosSeed+uint64(*chaosRuns); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rules := rules(seed)
			rules.Tally = took
			defer func() {
				if t.Failed() {
					t.Logf("again with -tags faultinject -chaos.seed %d -chaos.runs 1; the rules: %v", seed, rules)
				}
			}()
			r := newRig(t, loop.Config{Loops: 1, HighMark: 24 << 10, LowMark: 8 << 10, ReadBudget: 4 << 10, ReadBuffer: 8 << 10})
			check(t, r, chaos(t, r, rules))
		})
	}
	return took
}

// checkFaults wants every kind of fault to have taken place that there are rules for.
func checkFaults(t *testing.T, took *sys.Tally, rules func(seed uint64) sys.Rules) {
	t.Helper()
	if *chaosRuns < enoughChaos {
		return
	}
	for _, seed := range []uint64{*chaosSeed, *chaosSeed + 1} { // an even one, and an odd one
		for _, f := range rules(seed).Faults() {
			if took.Count(f) == 0 {
				t.Errorf("no fault of this kind took place: %s %s", f.Call, f.Kind)
			}
		}
	}
}

// C1, C2, C3: faults that nobody is to hear of lose nothing and end nothing. Every
// kind of them took place.
func TestEveryByteUnderMildFaults(t *testing.T) {
	took := underChaos(t, mild, func(t *testing.T, r *rig, outcomes []error) {
		for _, err := range outcomes {
			if err != nil {
				t.Error(err)
			}
		}
	})
	checkFaults(t, took, mild)
}

// C1, C6, C7: faults that end connections end no others, and not the engine. Every
// kind of them took place.
func TestTheEngineOutlivesHarshFaults(t *testing.T) {
	failed, whole := 0, 0
	took := underChaos(t, harsh, func(t *testing.T, r *rig, outcomes []error) {
		for _, err := range outcomes {
			if err != nil {
				failed++
			} else {
				whole++
			}
		}
	})
	checkFaults(t, took, harsh)
	if *chaosRuns >= enoughChaos && (failed == 0 || whole == 0) {
		t.Errorf("%d connections failed and %d did not: the faults are too few or too many to tell anything", failed, whole)
	}
}

// scarce lets a connection be accepted only now and then: beside the dialled ends there
// are descriptors for two.
func scarce(seed uint64) sys.Rules {
	r := mild(seed)
	r.Errnos, r.Exhaust = nil, chaosConns+3
	return r
}

// C1, C6: where descriptors run out, a connection comes about as a whole or not at all,
// and every one that waits gets its turn.
func TestEveryByteWithFewDescriptors(t *testing.T) {
	took := underChaos(t, scarce, func(t *testing.T, r *rig, outcomes []error) {
		for _, err := range outcomes {
			if err != nil && !errors.Is(err, sys.EMFILE) {
				t.Error(err)
			}
		}
	})
	checkFaults(t, took, scarce)
	if *chaosRuns >= enoughChaos && took.Count(sys.Fault{Call: sys.CallAccept, Kind: sys.EMFILE.Error()}) == 0 {
		t.Error("no accept met the limit")
	}
}
