package soak

// The server: an engine in a process of its own, which also dials itself.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/loop"
)

// Role is the name under which a program offers Server to package child.
const Role = "soak"

// readLimit is the read deadline of the connections that get one, and dialEvery
// the time between two dials of the server to itself.
const (
	readLimit = 200 * time.Millisecond
	dialEvery = 5 * time.Millisecond
)

// serverConfig is the configuration of the server's process.
type serverConfig struct {
	Seed   uint64 `json:"seed"`
	Faults bool   `json:"faults"` // while there is load
}

// listening is the server's first reply.
type listening struct {
	Echo    string `json:"echo"`
	Limited string `json:"limited"` // connections that get a read deadline
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
	Why        string `json:"why"`      // the first of these failures

	Injected []Count `json:"injected"` // faults of system calls
}

// server is the engine and what is counted.
type server struct {
	engine                                     *loop.Engine
	echo                                       string
	seed                                       uint64 // of the faults; 0 is none
	mend                                       func() // ends the faults
	quiet                                      atomic.Bool
	dials, outcomes, failures, exchanged, torn atomic.Int64
	why                                        atomic.Pointer[string]
}

// Server is the role of the server's process.
func Server(c *child.Control) error {
	var cfg serverConfig
	if err := c.Config(&cfg); err != nil {
		return err
	}
	e, err := loop.New(loop.Config{Loops: 2})
	if err != nil {
		return err
	}
	s := &server{engine: e, mend: func() {}}
	if cfg.Faults {
		s.seed = cfg.Seed
	}
	addrs, err := s.listen()
	if err != nil {
		return errors.Join(err, e.Close())
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	if err := s.dialItself(rand.New(rand.NewPCG(cfg.Seed, 'd'))); err != nil {
		return errors.Join(err, e.Close())
	}
	if err := c.Reply(addrs); err != nil {
		return err
	}
	err = s.answer(c)
	return errors.Join(err, e.Close(), <-ran)
}

func (s *server) listen() (listening, error) {
	echo, err := s.engine.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", func(c *loop.Conn) loop.Handler {
		c.SetIdleTimeout(time.Minute)
		return echoHandler{}
	})
	if err != nil {
		return listening{}, err
	}
	limited, err := s.engine.Listen(loop.ListenConfig{Balance: loop.LeastConns}, "tcp", "127.0.0.1:0", func(c *loop.Conn) loop.Handler {
		c.SetReadDeadline(time.Now().Add(readLimit))
		return loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil })
	})
	if err != nil {
		return listening{}, err
	}
	s.echo = echo.Addr().String()
	return listening{s.echo, limited.Addr().String()}, nil
}

// echoHandler sends back what comes and, after the peer's FIN, its own.
type echoHandler struct{}

func (echoHandler) OnData(c *loop.Conn, in []byte) (int, error) { return c.Write(in) }
func (echoHandler) OnEOF(c *loop.Conn)                          { _ = c.CloseWrite() }
func (echoHandler) OnClose(*loop.Conn, error)                   {}

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
		Dials:      s.dials.Load(),
		Outcomes:   s.outcomes.Load(),
		Failed:     s.failures.Load(),
		Echoed:     s.exchanged.Load(),
		Broken:     s.torn.Load(),
	}
	if why := s.why.Load(); why != nil {
		a.Why = *why
	}
	return a
}

// fault keeps the first reason.
func (s *server) fault(n *atomic.Int64, err error) {
	n.Add(1)
	text := err.Error()
	s.why.CompareAndSwap(nil, &text)
}

// dialItself lets the first loop dial the server's own listener again and again.
func (s *server) dialItself(rng *rand.Rand) error {
	l := s.engine.Loops()[0]
	return l.Post(func() {
		_, _ = l.Every(dialEvery, func() {
			if !s.quiet.Load() {
				s.dial(rng)
			}
		})
	})
}

// dial makes one dial; one in four is called off.
func (s *server) dial(rng *rand.Rand) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := stream(rng)
	d := &dialed{server: s, out: out, in: in, total: 1 + rng.IntN(32<<10)}
	off := rng.IntN(4) == 0
	s.dials.Add(1)
	err := s.engine.Dial(ctx, loop.DialConfig{}, "tcp", s.echo, func(*loop.Conn) loop.Handler { return d }, func(_ *loop.Conn, err error) {
		cancel()
		s.outcomes.Add(1)
		if err != nil && !off {
			s.fault(&s.failures, err)
		}
	})
	if err != nil {
		cancel()
		s.outcomes.Add(1)
		s.fault(&s.failures, err)
	}
	if off {
		cancel()
	}
}

// dialed is a connection of the server to itself: it sends total bytes, wants
// them back and closes.
type dialed struct {
	*server
	out, in *ledger.Stream
	total   int
}

func (d *dialed) OnOpen(c *loop.Conn) error {
	_, err := c.Write(d.out.Next(d.total))
	return err
}

func (d *dialed) OnData(c *loop.Conn, in []byte) (int, error) {
	if err := d.in.Check(in); err != nil {
		return 0, err
	}
	if d.in.Done() < int64(d.total) {
		return len(in), nil
	}
	return len(in), c.Close()
}

func (d *dialed) OnClose(_ *loop.Conn, err error) {
	if err == nil && d.in.Done() != int64(d.total) {
		err = fmt.Errorf("%d of %d bytes came back", d.in.Done(), d.total)
	}
	if err != nil {
		d.fault(&d.torn, fmt.Errorf("a dialed connection: %w", err))
		return
	}
	d.exchanged.Add(1)
}
