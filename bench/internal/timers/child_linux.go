package timers

// The measurement itself, in a process of its own: a million timers are a heap
// that would burden whatever is measured next to it.

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/loop"
)

// Role is the name under which a program offers Child to package child.
const Role = "timers"

type spec struct {
	Kind    Kind    `json:"kind"`
	Pattern Pattern `json:"pattern"`
	Timers  int     `json:"timers"`
}

// Child is the role of a process that measures one kind under one pattern.
func Child(c *child.Control) error {
	var sp spec
	if err := c.Config(&sp); err != nil {
		return err
	}
	if err := c.Reply(struct{}{}); err != nil {
		return err
	}
	for {
		op, _, err := c.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if op != "measure" {
			return fmt.Errorf("unknown request %q", op)
		}
		s, err := sp.measure()
		if err != nil {
			err = c.Fail(err)
		} else {
			err = c.Reply(s)
		}
		if err != nil {
			return err
		}
	}
}

func (sp spec) measure() (Sample, error) {
	switch sp.Kind {
	case Standard, Again:
		return sp.standard(), nil
	case Engine:
		return sp.engine()
	default:
		return Sample{}, fmt.Errorf("no kind of timers %q", sp.Kind)
	}
}

func (sp spec) standard() Sample {
	var fired atomic.Int64
	timers := make([]*time.Timer, sp.Timers)
	w := newWork(sp, func(from, to int, delays []time.Duration) {
		for i, t := range timers[from:to] {
			t.Reset(delays[i])
		}
	})
	for i := range timers {
		timers[w.order[i]] = time.AfterFunc(sp.first(i), func() { fired.Add(1) })
	}
	for w.step() {
		// Here the scheduler gets to look at its timers, as it does in a program that
		// does anything besides.
		runtime.Gosched()
	}
	return w.end(int(fired.Load()))
}

// engine does the same within a loop, a step in each turn.
func (sp spec) engine() (s Sample, err error) {
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		return s, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := e.Loops()[0]
	fired := 0
	timers := make([]*loop.Timer, sp.Timers)
	w := newWork(sp, func(from, to int, delays []time.Duration) {
		for i, t := range timers[from:to] {
			t.Reset(delays[i])
		}
	})
	made := 0
	step := func() bool {
		if made == sp.Timers {
			return w.step()
		}
		for end := min(made+stepSize, sp.Timers); made < end; made++ {
			timers[w.order[made]] = l.AfterFunc(sp.first(made), func() { fired++ })
		}
		return true
	}
	var turn func()
	turn = func() {
		if !step() {
			s = w.end(fired)
			cancel()
		} else if err = l.Post(turn); err != nil {
			cancel()
		}
	}
	if err := l.Post(turn); err != nil {
		return s, err
	}
	if ran := e.Run(ctx); ran != nil {
		return s, ran
	}
	return s, err
}

// work is what is done with the timers, whatever their kind.
type work struct {
	pattern Pattern
	rearm   func(from, to int, delays []time.Duration) // resets one timer after another
	order   []int32                                    // in which they are re-armed, pass after pass
	delays  []time.Duration                            // for the i-th re-arm of a pass
	next    int
	rearms  int
	passes  int

	counting bool // the preparations are over
	until    time.Time
	mem      runtime.MemStats
	cpu      time.Duration
}

const (
	stepSize   = 4096            // re-arms per turn: with so many, the turn around them hardly counts
	leastTime  = 3 * time.Second // for Passing: several times its delay
	mostPasses = 4               // for the others
	passing    = time.Second
	far        = 10 * time.Minute
)

func newWork(sp spec, rearm func(from, to int, delays []time.Duration)) *work {
	w := &work{
		pattern: sp.Pattern,
		rearm:   rearm,
		order:   make([]int32, sp.Timers),
		delays:  make([]time.Duration, sp.Timers),
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range w.order {
		w.order[i] = int32(i)
	}
	if sp.Pattern != InOrder {
		rng.Shuffle(len(w.order), func(i, j int) { w.order[i], w.order[j] = w.order[j], w.order[i] })
	}
	for i := range w.delays {
		switch sp.Pattern {
		case Passing:
			w.delays[i] = passing
		case Mixed:
			w.delays[i] = far + time.Duration(rng.Int64N(int64(far)))
		default:
			w.delays[i] = 2 * far
		}
	}
	return w
}

// first returns the delay with which timer i is made.
func (sp spec) first(i int) time.Duration {
	if sp.Pattern == Passing {
		return 5 * passing // making a million takes a while
	}
	return far + far*time.Duration(i)/time.Duration(sp.Timers)
}

// step re-arms some timers and tells whether there is more to do. The first pass
// is a preparation.
func (w *work) step() bool {
	if w.over() {
		return false
	}
	w.batch()
	if !w.counting && w.passes == 1 {
		w.count()
	}
	return true
}

func (w *work) over() bool {
	if w.pattern == Passing {
		return w.counting && time.Now().After(w.until)
	}
	return w.counting && w.passes == mostPasses
}

// count begins the measurement.
func (w *work) count() {
	runtime.GC()
	w.counting = true
	w.rearms, w.passes = 0, 0
	w.until = time.Now().Add(leastTime)
	runtime.ReadMemStats(&w.mem)
	w.cpu = processTime()
}

func (w *work) batch() {
	end := min(w.next+stepSize, len(w.order))
	w.rearm(w.next, end, w.delays[w.next:end])
	w.rearms += end - w.next
	if w.next = end; end == len(w.order) {
		w.next = 0
		w.passes++
	}
}

func (w *work) end(fired int) Sample {
	spent := processTime() - w.cpu
	before := w.mem.Mallocs
	runtime.ReadMemStats(&w.mem)
	return Sample{
		NS:     float64(spent.Nanoseconds()) / float64(w.rearms),
		Allocs: float64(w.mem.Mallocs-before) / float64(w.rearms),
		Rearms: w.rearms,
		Fired:  fired,
	}
}

// processTime returns the processor time of all threads so far.
func processTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		fmt.Fprintln(os.Stderr, "clock_gettime:", err)
		os.Exit(1)
	}
	return time.Duration(ts.Nano())
}
