package subject

// This engine as a server, and what it is asked while it runs.

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// engine is the server with this engine.
type engine struct {
	cfg    Config
	e      *loop.Engine // set, with addr, before it is ready
	addr   string
	echoed atomic.Int64

	release chan struct{} // closed, it lets blocked callbacks go on

	mu     sync.Mutex
	seen   Report
	armed  []Arm              // for the next connections
	bound  map[*loop.Conn]Arm // for these
	newest loop.Ref           // of the connection that was opened last
	rivals rivals             // of that protocol

	sessions map[*loop.Conn]*session // until OnClose
	flock    []loop.Ref              // of all, where that is the protocol
	still    []still                 // of the first loop
	ended    Dialed                  // of the dials that were asked for last
}

func newEngine(cfg Config) *engine {
	return &engine{cfg: cfg, release: make(chan struct{}), seen: Report{Causes: map[string]int{}}, bound: map[*loop.Conn]Arm{}, sessions: map[*loop.Conn]*session{}}
}

// serve runs the engine, and holds it to C2 when it has ended.
func (g *engine) serve(ctx context.Context, addr string, ready func(string)) error {
	e, err := loop.New(loop.Config{
		Loops:         max(1, g.cfg.Loops),
		MaxTasks:      g.cfg.MaxTasks,
		LingerTimeout: g.cfg.Linger,
		ReadBuffer:    g.cfg.Budget / 2,
		ReadBudget:    g.cfg.Budget,
		Logger:        slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", addr, g.handler)
	if err != nil {
		e.Close()
		return err
	}
	g.e, g.addr = e, ln.Addr().String()
	ready(g.addr)
	err = e.Run(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen.Opened != g.seen.Closed {
		g.seen.Wrong = append(g.seen.Wrong, fmt.Sprintf("Run returned when %d of %d handlers had heard OnClose", g.seen.Closed, g.seen.Opened))
	}
	return err
}

func (g *engine) report() Report {
	stats := g.e.Stats()
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.seen
	r.Causes = maps.Clone(r.Causes)
	r.Wrong, r.Fired, r.Late = slices.Clone(r.Wrong), slices.Clone(r.Fired), slices.Clone(r.Late)
	r.Within = slices.Clone(r.Within)
	r.Echoed = g.echoed.Load()
	r.Panics, r.Pauses, r.Turns = stats.Panics, stats.AcceptPauses, stats.Turns
	return r
}

// do answers what only this engine is asked.
func (g *engine) do(op string, arg []byte) (any, error) {
	switch op {
	case "arm":
		a, err := decode[Arm](arg)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.armed = append(g.armed, a)
		return struct{}{}, nil
	case "release":
		close(g.release)
		return struct{}{}, nil
	case "shutdown":
		return g.shutdown(arg)
	case "flood":
		return g.flood(arg)
	case "writers":
		return struct{}{}, g.write(arg)
	case "deadline":
		return struct{}{}, g.deadline(arg)
	case "within":
		return struct{}{}, g.within(arg)
	case "wrote":
		return g.wrote(arg)
	case "timers":
		return struct{}{}, g.timers()
	case "strike":
		return struct{}{}, g.strike(arg)
	case "idle":
		return struct{}{}, g.each(func(c *loop.Conn) { c.SetIdleTimeout(g.cfg.Limit) })
	case "forget":
		return struct{}{}, g.each(func(*loop.Conn) {})
	case "close":
		return struct{}{}, g.each(func(c *loop.Conn) { c.Close() })
	case "end":
		return struct{}{}, g.endThose(arg)
	case "sink":
		return struct{}{}, g.sink()
	case "register":
		return struct{}{}, g.watch(arg)
	case "deregister":
		return struct{}{}, g.unwatch()
	case "setup":
		return setup()
	case "dials":
		return struct{}{}, g.dials(arg)
	case "dialed":
		return g.dialed(), nil
	case "attempts":
		return attempts(arg)
	}
	return nil, fmt.Errorf("unknown request %q", op)
}

// shutdown ends the engine in order and tells how that went.
func (g *engine) shutdown(arg []byte) (any, error) {
	limit, err := decode[time.Duration](arg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return struct{}{}, g.e.Shutdown(ctx)
}

// wrong notes what must not be; a few are enough.
func (g *engine) wrong(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen.Wrong) < 16 {
		g.seen.Wrong = append(g.seen.Wrong, fmt.Sprintf(format, args...))
	}
}

// current is the connection that was opened last.
func (g *engine) current() loop.Ref {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.newest
}
