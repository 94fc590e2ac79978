package load

// The generator as a child process.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// Role is the name under which a program offers Child to package child.
const Role = "load"

// countersFD is the descriptor under which a child finds its counters.
const countersFD = 3

// Spec tells a generator what to do.
type Spec struct {
	Addr     string `json:"addr"`     // the server, IPv4 and port
	Size     int    `json:"size"`     // bytes per message
	Pipeline int    `json:"pipeline"` // messages outstanding per connection
	First    int    `json:"first"`    // number of the first connection, so that several generators share no bytes or addresses
}

// Generator is a generator in its own process, seen from the process that
// measures.
type Generator struct {
	*child.Process
	*Counters
}

// Start starts a generator on core cpu with priority nice.
func Start(spec Spec, cpu, nice int) (*Generator, error) {
	counters, file, err := NewCounters()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := child.Start(child.Options{
		Name:   "load generator",
		Role:   Role,
		Config: spec,
		CPU:    cpu,
		Nice:   nice,
		Env:    []string{"GOMAXPROCS=2", "GOGC=off"},
		Extra:  []*os.File{file},
	}, nil)
	if err != nil {
		return nil, errors.Join(err, counters.Close())
	}
	return &Generator{p, counters}, nil
}

// Open adds n connections and proves each with one message.
func (g *Generator) Open(n int) error { return g.Call("open", n, nil) }

// Run begins to send.
func (g *Generator) Run() error { return g.Call("run", nil, nil) }

// Finish ends the sending, waits until every byte has come back and returns what
// went wrong since Run.
func (g *Generator) Finish() error { return g.Call("finish", nil, nil) }

// Stop resets the connections and ends the process.
func (g *Generator) Stop() error {
	return errors.Join(g.Process.Stop(), g.Counters.Close())
}

// Child is the role of a generator's process.
func Child(c *child.Control) error {
	var spec Spec
	if err := c.Config(&spec); err != nil {
		return err
	}
	counters, err := mapCounters(countersFD)
	if err != nil {
		return err
	}
	g, err := newGenerator(spec, counters)
	if err != nil {
		return err
	}
	if err := c.Reply(struct{}{}); err != nil {
		return err
	}
	return serve(c, g)
}

func serve(c *child.Control, g *generator) error {
	var result chan error // of the run under way
	for {
		op, arg, err := c.Next()
		if err == io.EOF {
			return g.close()
		}
		if err != nil {
			return err
		}
		switch op {
		case "open":
			err = openMore(g, arg)
		case "run":
			g.stopping.Store(false)
			result = make(chan error, 1)
			go func() { result <- g.report(g.run()) }()
		case "finish":
			g.stopping.Store(true)
			err = <-result
		default:
			err = fmt.Errorf("unknown request %q", op)
		}
		if err != nil {
			err = c.Fail(err)
		} else {
			err = c.Reply(struct{}{})
		}
		if err != nil {
			return err
		}
	}
}

func openMore(g *generator, arg []byte) error {
	var n int
	if err := json.Unmarshal(arg, &n); err != nil {
		return fmt.Errorf("number of connections: %w", err)
	}
	return g.open(n)
}

// report raises the flag that tells the measuring process to look no further.
func (g *generator) report(err error) error {
	if err != nil {
		g.counters.Failed.Store(1)
	}
	return err
}
