//go:build !simkernel

package sim_test

// The model against the real kernel: random scripts of calls on both, step by
// step, with everything compared that a program could see.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

var (
	differentialSeed  = flag.Uint64("differential.seed", 0, "run the script of this seed alone, and show it")
	differentialFirst = flag.Uint64("differential.first", 1, "seed of the first script")
	differentialRuns  = flag.Uint64("differential.runs", 400, "how many scripts to run")
)

// patience bounds what the real kernel does by and by; only a failing test waits
// so long.
const patience = 5 * time.Second

func TestTheModelBehavesLikeTheKernel(t *testing.T) {
	if *differentialSeed != 0 {
		runScript(t, *differentialSeed)
		return
	}
	for seed := *differentialFirst; seed < *differentialFirst+*differentialRuns; seed++ {
		runScript(t, seed)
		if t.Failed() {
			return
		}
	}
}

// handle is a descriptor on both kernels.
type handle struct {
	kind  kind
	fds   [2]int
	addrs [2]sim.Addr // to connect to
	open  bool
	id    int // of the object: duplicates share it
}

type kind uint8

const (
	aSocket kind = iota
	aListener
	anEventfd
	aPipe
)

// script is a run on both.
type script struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	kernels [2]calls // the model, then the real one
	model   *sim.Kernel
	epolls  [2]int
	handles []*handle
	log     []string
	made    int // names of unix sockets
}

func runScript(t *testing.T, seed uint64) {
	t.Helper()
	k := sim.New(seed, sim.Options{Immediate: seed%2 == 0})
	s := &script{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)),
		kernels: [2]calls{modelCalls(k), realCalls()},
		model:   k,
	}
	defer s.end()
	for i := range s.kernels {
		fd, e := s.kernels[i].epoll()
		if e != 0 {
			t.Fatal(e)
		}
		s.epolls[i] = fd
	}
	for range 60 {
		s.act()
		if !s.settled() || !s.sameEvents() {
			break
		}
	}
	if seed == *differentialSeed {
		t.Logf("seed %d:\n%s", seed, strings.Join(s.log, "\n"))
	}
}

func (s *script) end() {
	for _, h := range s.handles {
		if h.open {
			s.kernels[1].close(h.fds[1])
		}
	}
	s.kernels[1].close(s.epolls[1])
}

func (s *script) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *script) fail(format string, args ...any) {
	s.t.Helper()
	s.note(format, args...)
	s.t.Errorf("replay with -differential.seed=%d:\n%s", s.seed, strings.Join(s.log, "\n"))
}

// both makes a call on both kernels and compares what it says.
func (s *script) both(what string, call func(c *calls, i int) string) {
	s.t.Helper()
	model, real := call(&s.kernels[0], 0), call(&s.kernels[1], 1)
	s.note("%s: %s", what, model)
	if model != real {
		s.fail("the kernel says %s", real)
	}
}

func (s *script) add(kind kind, fds [2]int) int {
	s.handles = append(s.handles, &handle{kind: kind, fds: fds, open: true, id: len(s.handles)})
	return len(s.handles) - 1
}

// opened makes descriptors that both kernels must give.
func (s *script) opened(kind kind, what string, call func(c *calls, i int) (int, sim.Errno)) {
	var fds [2]int
	var ok bool
	s.both(fmt.Sprintf("%d = %s", len(s.handles), what), func(c *calls, i int) string {
		var e sim.Errno
		fds[i], e = call(c, i)
		ok = e == 0
		return verdict(e)
	})
	if ok && !s.t.Failed() {
		s.add(kind, fds)
	}
}

// pick chooses an open handle that suits.
func (s *script) pick(suits func(h *handle) bool) (int, *handle) {
	var list []int
	for i, h := range s.handles {
		if h.open && suits(h) {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return -1, nil
	}
	i := list[s.rng.IntN(len(list))]
	return i, s.handles[i]
}

func (h *handle) is(kinds ...kind) bool { return slices.Contains(kinds, h.kind) }

func verdict(e sim.Errno) string {
	if e == 0 {
		return "ok"
	}
	return e.Error()
}

func count(n int, e sim.Errno) string {
	if e != 0 {
		return e.Error()
	}
	return fmt.Sprint(n)
}

// place is what can be compared of an address.
func place(a sim.Addr, e sim.Errno) string {
	switch {
	case e != 0:
		return e.Error()
	case a.Unix:
		return fmt.Sprintf("unix, named: %v", a.Path != "")
	default:
		return fmt.Sprintf("%v, port: %v", a.IP, a.Port != 0)
	}
}

// settled waits until the real kernel has arrived where the model is, which its
// network and timers may take some time for.
func (s *script) settled() bool {
	s.t.Helper()
	if s.t.Failed() {
		return false
	}
	for s.model.Step() {
	}
	for end := time.Now().Add(patience); ; {
		diff := s.difference()
		if diff == "" {
			return true
		}
		if time.Now().After(end) {
			s.fail("%s", diff)
			return false
		}
		runtime.Gosched()
	}
}

func (s *script) difference() string {
	for n, h := range s.handles {
		if !h.open {
			continue
		}
		var states [2]string
		for i := range s.kernels {
			c := &s.kernels[i]
			states[i] = fmt.Sprintf("%#x, %d unread", c.poll(h.fds[i], sim.In|sim.Out|sim.RdHup|sim.Pri), s.unread(c, h, i))
		}
		if states[0] != states[1] {
			return fmt.Sprintf("%d is %s, and %s in the kernel", n, states[0], states[1])
		}
	}
	return ""
}

func (s *script) unread(c *calls, h *handle, i int) int {
	if h.kind != aSocket {
		return 0
	}
	return c.unread(h.fds[i])
}

// sameEvents compares what the epolls report.
func (s *script) sameEvents() bool {
	s.t.Helper()
	model, real := s.events(0), s.events(1)
	if len(model) > 0 {
		s.note("    events: %s", describe(model))
	}
	if describe(model) != describe(real) {
		s.fail("the kernel reports: %s", describe(real))
		return false
	}
	return true
}

func (s *script) events(i int) []sim.Event {
	list := s.kernels[i].wait(s.epolls[i])
	slices.SortFunc(list, func(a, b sim.Event) int { return int(a.Data) - int(b.Data) })
	return list
}

func describe(list []sim.Event) string {
	var parts []string
	for _, ev := range list {
		parts = append(parts, fmt.Sprintf("%d:%#x", ev.Data, ev.Events))
	}
	return strings.Join(parts, " ")
}
