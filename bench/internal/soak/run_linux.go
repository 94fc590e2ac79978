package soak

// A run from start to end.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
)

// run is what a Result is made of.
type run struct {
	Config
	process *child.Process
	load    *load
	began   time.Time
	result  *Result
	stops   Count
	resting atomic.Bool  // the server is stopped
	woken   atomic.Int64 // when it was woken last, in nanoseconds since the load began
}

// Run starts the server, puts it under load, ends both and judges. A run that ctx
// ends early is judged by what there is. The error is of the run itself, such as
// a server that does not start, or that crashed.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	var at listening
	process, err := child.Start(child.Options{Name: "soak server", Role: Role, Program: cfg.Program, Config: serverConfig{cfg.Seed, cfg.Faults}, CPU: -1}, &at)
	if err != nil {
		return nil, err
	}
	r := &run{Config: cfg, process: process, load: newLoad(ctx, at), result: &Result{Config: cfg}, stops: Count{What: "server stopped for up to 1.5 s (SIGSTOP)"}}
	if err := r.all(ctx); err != nil {
		process.Kill()
		return nil, err
	}
	return r.result, process.Stop()
}

func (r *run) all(ctx context.Context) error {
	r.load.once(r.Seed)
	baseline, err := r.settled()
	if err != nil {
		return err
	}
	r.result.Baseline = baseline
	if err := r.process.Call("resume", nil, nil); err != nil {
		return err
	}
	loaded, cancel := context.WithTimeout(ctx, r.For)
	defer cancel()
	r.began = time.Now()
	var parts sync.WaitGroup
	parts.Go(func() { r.load.run(loaded, r.Seed, r.Conns) })
	parts.Go(func() { r.stopNowAndThen(loaded) })
	err = r.watch(loaded)
	cancel()
	parts.Wait()
	if err != nil {
		return err
	}
	if r.result.Final, err = r.settled(); err != nil {
		return err
	}
	return r.finish()
}

// watch takes samples until ctx ends.
func (r *run) watch(ctx context.Context) error {
	tick := time.NewTicker(r.every())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s, _, err := r.sample("account")
		if err != nil {
			return err
		}
		s.Stopped = r.disturbed()
		r.result.Samples = append(r.result.Samples, s)
		if r.Step != nil {
			r.Step(s)
		}
	}
}

// disturbed tells whether what is seen now is owed to a stop of the server: echoes
// have waited, connections have come that nobody took.
func (r *run) disturbed() bool {
	woken := r.woken.Load()
	return r.resting.Load() || woken > 0 && time.Since(r.began)-time.Duration(woken) < 2*r.every()
}

// sample asks the server and the kernel.
func (r *run) sample(op string) (Sample, account, error) {
	var a account
	if err := r.process.Call(op, nil, &a); err != nil {
		return Sample{}, a, err
	}
	memory, err := r.process.Memory()
	if err != nil {
		return Sample{}, a, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.process.PID()))
	if err != nil {
		return Sample{}, a, err
	}
	s := Sample{Resident: memory.Resident, Heap: a.Heap, Descriptors: len(files), Goroutines: a.Goroutines, Conns: int(a.Conns)}
	if !r.began.IsZero() {
		s.At = time.Since(r.began)
	}
	l := &r.load.latency
	l.Lock()
	defer l.Unlock()
	s.Echoes = int(l.TotalCount())
	s.P50 = time.Duration(l.ValueAtPercentile(50)) * time.Microsecond
	s.P99 = time.Duration(l.ValueAtPercentile(99)) * time.Microsecond
	l.Reset()
	return s, a, nil
}

// settled waits until the server has no connections and no dials any more, and
// takes a sample then. What does not go away is in the sample, to be judged.
func (r *run) settled() (Sample, error) {
	if err := r.process.Call("quiet", nil, nil); err != nil {
		return Sample{}, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		s, a, err := r.sample("settle")
		if err != nil {
			return s, err
		}
		quiet := a.Conns == 0 && a.Dials == a.Outcomes && a.Echoed+a.Broken >= 1
		back := r.began.IsZero() || s.Descriptors <= r.result.Baseline.Descriptors && s.Goroutines <= r.result.Baseline.Goroutines
		if quiet && back || time.Now().After(end) {
			return s, nil
		}
	}
}

// stopNowAndThen stops the server's process for a moment, again and again.
func (r *run) stopNowAndThen(ctx context.Context) {
	rng := rand.New(rand.NewPCG(r.Seed, 's'))
	for {
		apart := min(max(r.For/8, 200*time.Millisecond), 15*time.Second)
		harness.Sleep(ctx, apart/2+time.Duration(rng.Int64N(int64(apart))))
		if ctx.Err() != nil {
			return
		}
		length := min(r.For/20, 1500*time.Millisecond)
		r.resting.Store(true)
		if syscall.Kill(r.process.PID(), syscall.SIGSTOP) != nil {
			return // it is gone, which the next sample tells
		}
		harness.Sleep(ctx, time.Duration(rng.Int64N(int64(length)))+1)
		_ = syscall.Kill(r.process.PID(), syscall.SIGCONT)
		r.woken.Store(int64(time.Since(r.began)))
		r.resting.Store(false)
		r.stops.Times++
	}
}

// missing are the kinds of faults that should have taken place and have not. A run that is
// too short to be judged in full need not have met all of them.
func (r *run) missing(injected []Count) (never []string) {
	some := false
	for _, c := range injected {
		if some = some || c.Times > 0; c.Times == 0 {
			never = append(never, c.What)
		}
	}
	if r.Faults && !some {
		return []string{"all"}
	}
	if n := len(r.result.Samples); n == 0 || r.result.Samples[n-1].At < shortest {
		return nil
	}
	return never
}

// finish collects what happened and judges it.
func (r *run) finish() error {
	_, a, err := r.sample("account")
	if err != nil {
		return err
	}
	for i, k := range kinds {
		t := &r.load.tallies[i]
		r.result.Actions = append(r.result.Actions, Tally{k.name, t.done.Load(), t.lost.Load(), t.bytes.Load()})
	}
	r.result.Actions = append(r.result.Actions, Tally{Kind: "dial to itself", Done: a.Dials, Lost: a.Failed + a.Broken + a.Dials - a.Outcomes})
	r.result.Faults = append([]Count{r.stops}, a.Injected...)
	for _, name := range slices.Sorted(maps.Keys(r.load.lost.first)) {
		r.result.Lost = append(r.result.Lost, name+": "+r.load.lost.first[name])
	}
	if a.Why != "" {
		r.result.Lost = append(r.result.Lost, "dial to itself: "+a.Why)
	}
	if a.Dials != a.Outcomes {
		r.result.Lost = append(r.result.Lost, fmt.Sprintf("dial to itself: %d dials had %d outcomes", a.Dials, a.Outcomes))
	}
	if a.Conns != 0 {
		r.result.Lost = append(r.result.Lost, fmt.Sprintf("%d connections are left in the engine", a.Conns))
	}
	if never := r.missing(a.Injected); len(never) > 0 {
		return fmt.Errorf("faults that never took place: %s", strings.Join(never, ", "))
	}
	if len(r.result.Samples) == 0 {
		return errors.New("the run was over before its first sample")
	}
	r.result.judge()
	return nil
}
