package soak

// A run from start to end.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
	probe   *probe // of the server
	control *probe
	began   time.Time
	result  *Result
	account account // the last one
	stops   Count
	resting atomic.Bool  // the server is stopped
	woken   atomic.Int64 // when it was woken last, in nanoseconds since the load began
}

// Run starts the server, puts it under load, ends both and judges. Whatever ends a
// run early, what was seen until then is in the Result, with the reason; it is nil
// only if there was nothing to see. The error is of the run itself: the server or
// the control did not start, crashed or did not end.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	var beside place
	neutral, err := child.Start(child.Options{Name: "control", Role: controlRole, CPU: -1}, &beside)
	if err != nil {
		return nil, err
	}
	defer neutral.Kill()
	var at listening
	process, err := child.Start(child.Options{Name: "soak server", Role: serverRole, Program: cfg.Program, Config: serverConfig{cfg.Seed, cfg.Faults}, CPU: -1}, &at)
	if err != nil {
		return nil, err
	}
	r := &run{
		Config:  cfg,
		process: process,
		load:    newLoad(ctx, at),
		probe:   newProbe(cfg.Seed, func() (*conn, error) { return dial(ctx, at["echo"]) }),
		control: newProbe(cfg.Seed, func() (*conn, error) { return dial(ctx, beside) }),
		result:  &Result{Config: cfg},
		stops:   Count{What: "server stopped for up to 1.5 s (SIGSTOP)"},
	}
	err = r.all(ctx)
	if err == nil {
		err = process.Stop()
	} else {
		process.Kill()
	}
	err = errors.Join(err, neutral.Err())
	r.result.Ended = reason(ctx, err)
	r.collect()
	r.result.judge()
	return r.result, err
}

// reason is why a run ended before its time.
func reason(ctx context.Context, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case ctx.Err() != nil:
		return interrupted
	}
	return ""
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
	r.result.Began = r.began.UTC()
	var parts sync.WaitGroup
	parts.Go(func() { r.load.run(loaded, r.Seed, r.Conns) })
	parts.Go(func() { r.stopNowAndThen(loaded) })
	parts.Go(func() { r.probe.run(loaded) })
	parts.Go(func() { r.control.run(loaded) })
	err = r.watch(loaded)
	cancel()
	parts.Wait()
	if err != nil {
		return err
	}
	final, err := r.settled()
	if err != nil {
		return err
	}
	r.result.Final = &final
	return nil
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
		s, err := r.sample("account")
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // it may have seen the load end
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

// sample asks the server, the kernel and the probes.
func (r *run) sample(op string) (Sample, error) {
	if err := r.process.Call(op, nil, &r.account); err != nil {
		return Sample{}, err
	}
	memory, err := r.process.Memory()
	if err != nil {
		return Sample{}, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.process.PID()))
	if err != nil {
		return Sample{}, err
	}
	a := r.account
	s := Sample{
		Resident:    memory.Resident,
		Heap:        a.Heap,
		Descriptors: len(files),
		Goroutines:  a.Goroutines,
		Conns:       int(a.Conns),
		Server:      r.probe.take(),
		Control:     r.control.take(),
	}
	if !r.began.IsZero() {
		s.At = time.Since(r.began)
	}
	return s, nil
}

// settled waits until the server has no connections and no dials any more, and
// takes a sample then. What does not go away is in the sample, to be judged.
func (r *run) settled() (Sample, error) {
	if err := r.process.Call("quiet", nil, nil); err != nil {
		return Sample{}, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		s, err := r.sample("settle")
		if err != nil {
			return s, err
		}
		a := r.account
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
