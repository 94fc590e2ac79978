package soak

// The server: an engine in a process of its own.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/loop"
)

// The names under which a program offers Roles to package child.
const (
	serverRole  = "soak"
	controlRole = "soak-control"
)

// Roles are the processes of a run.
var Roles = map[string]child.Role{serverRole: serve, controlRole: control}

// serverConfig is the configuration of the server's process.
type serverConfig struct {
	Seed   uint64 `json:"seed"`
	Faults bool   `json:"faults"` // while there is load
}

// account is what the server says of itself.
type account struct {
	Heap       int64  `json:"heap"`
	Goroutines int    `json:"goroutines"`
	Conns      int64  `json:"conns"`
	Dials      int64  `json:"dials"`    // begun
	Outcomes   int64  `json:"outcomes"` // of them
	Failed     int64  `json:"failed"`   // dials, of those that were not called off
	Echoed     int64  `json:"echoed"`   // exchanges of dialed connections that came back whole
	Broken     int64  `json:"broken"`   // exchanges that did not
	Wrong      int64  `json:"wrong"`    // times that a handler saw what must not be
	Why        string `json:"why"`      // the first of these failures

	Injected []Count `json:"injected"` // faults of system calls
	Seen     []Count `json:"seen"`     // what the load is meant to bring about
}

// server is the engine and what is counted.
type server struct {
	engine                                            *loop.Engine
	addresses                                         listening
	relayed                                           chan relay
	seed                                              uint64 // of the faults; 0 is none
	mend                                              func() // ends the faults
	quiet                                             atomic.Bool
	dials, outcomes, failures, exchanged, torn, wrong atomic.Int64
	why                                               atomic.Pointer[string]
	seen                                              sights
}

// sights are counted where they are seen.
type sights struct {
	filled, drained, idled, unwritten, detached, paused, relayed atomic.Int64
}

func (s *sights) counts() []Count {
	return []Count{
		{"output above the high mark", s.filled.Load()},
		{"output drained (OnDrain)", s.drained.Load()},
		{"idle timeout", s.idled.Load()},
		{"write deadline", s.unwritten.Load()},
		{"hand-over (Detach, AdoptStream)", s.detached.Load()},
		{"Pause, Resume by a timer", s.paused.Load()},
		{"Ref.Write by another goroutine", s.relayed.Load()},
	}
}

// serve is the role of the server's process.
func serve(c *child.Control) error {
	var cfg serverConfig
	if err := c.Config(&cfg); err != nil {
		return err
	}
	e, err := loop.New(loop.Config{Loops: 2})
	if err != nil {
		return err
	}
	s := &server{engine: e, mend: func() {}, addresses: listening{}, relayed: make(chan relay, relays)}
	if cfg.Faults {
		s.seed = cfg.Seed
	}
	if err := s.listen(); err != nil {
		return errors.Join(err, e.Close())
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	go s.relay()
	if err := s.dialItself(rand.New(rand.NewPCG(cfg.Seed, 'd'))); err != nil {
		return errors.Join(err, e.Close())
	}
	if err := c.Reply(s.addresses); err != nil {
		return err
	}
	err = s.answer(c)
	return errors.Join(err, e.Close(), <-ran)
}

// answer serves requests until there are no more.
func (s *server) answer(c *child.Control) error {
	for {
		op, _, err := c.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch op {
		case "quiet": // no more dials and faults
			s.quiet.Store(true)
			s.mend()
		case "resume":
			s.quiet.Store(false)
			if s.seed != 0 {
				s.mend, err = inject(s.seed)
			}
		case "settle":
			runtime.GC()
			debug.FreeOSMemory()
		case "account":
		default:
			return fmt.Errorf("unknown request %q", op)
		}
		if err != nil {
			return err
		}
		if err := c.Reply(s.account()); err != nil {
			return err
		}
	}
}

func (s *server) account() account {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	engine := s.engine.Stats()
	a := account{
		Heap:       int64(mem.HeapAlloc),
		Goroutines: runtime.NumGoroutine(),
		Conns:      engine.Conns,
		Injected:   injected(),
		Seen:       s.seen.counts(),
		Dials:      s.dials.Load(),
		Outcomes:   s.outcomes.Load(),
		Failed:     s.failures.Load(),
		Echoed:     s.exchanged.Load(),
		Broken:     s.torn.Load(),
		Wrong:      s.wrong.Load(),
	}
	if why := s.why.Load(); why != nil {
		a.Why = *why
	}
	return a
}

// fault counts what must not be, and keeps the first reason.
func (s *server) fault(n *atomic.Int64, err error) {
	n.Add(1)
	text := err.Error()
	s.why.CompareAndSwap(nil, &text)
}
