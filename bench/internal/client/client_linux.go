package client

// The generator seen from the process that measures.

import (
	"errors"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// Role is the name under which a program offers Child to package child.
const Role = "client"

// environment keeps the collector away from a generator, which allocates only
// where it opens connections, until opening very many has used up the limit.
// One processor, since there is one core: with two, the runtime's threads take it from
// each other for milliseconds.
var environment = []string{"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=512MiB", "GODEBUG="}

// long is how long opening and finishing may take while they make progress;
// without any they fail much earlier.
const long = 5 * time.Minute

// Client is a generator in its own process. Its methods may be called from one
// goroutine at a time. After an error the generator is of no more use: its later
// methods return the same error, and Kill is what is left to do.
type Client struct {
	p *child.Process
}

// Start starts a generator on core cpu, negative for any, with priority nice. It
// does not connect yet.
func Start(spec Spec, cpu, nice int) (*Client, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	p, err := child.Start(child.Options{
		Name: "load generator",
		Role: Role,
		CPU:  cpu,
		Nice: nice,
		Env:  environment,
	}, nil)
	if err != nil {
		return nil, err
	}
	// Not by way of the role's configuration, which is a variable of the
	// environment: a request may be longer than the kernel allows there.
	if err := p.Call("spec", spec, nil); err != nil {
		p.Kill()
		return nil, err
	}
	return &Client{p}, nil
}

// Open makes all connections and proves each: with one message and its reply, in
// mode Fanout with a message that all of them received; in mode Churn each place
// has one life; in mode Bulk being connected is all.
func (c *Client) Open() error { return c.p.CallWithin(long, "open", nil, nil) }

// Begin starts the load.
func (c *Client) Begin() error { return c.p.Call("begin", nil, nil) }

// Measure returns what happens within d from now.
func (c *Client) Measure(d time.Duration) (Result, error) {
	if d <= 0 {
		return Result{}, errors.New("a window without length")
	}
	var w window
	if err := c.p.CallWithin(d+patience, "measure", d, &w); err != nil {
		return Result{}, err
	}
	return describe([]window{w})
}

// Finish ends the load and waits until every outstanding byte has come back, in
// mode Bulk until the server's kernel has all, in mode Datagrams until those that
// are lost are given up. The error is the first thing that
// went wrong since Begin: a wrong byte, a lost connection, or no progress for 10 s.
// After Finish, Begin may be called again.
func (c *Client) Finish() (Total, error) {
	var t Total
	err := c.p.CallWithin(long, "finish", nil, &t)
	return t, err
}

// Stop resets the connections and ends the process.
func (c *Client) Stop() error { return c.p.Stop() }

// Kill ends the process, whatever it is doing.
func (c *Client) Kill() { c.p.Kill() }

// Process returns the generator's process, to ask for its share of the machine.
func (c *Client) Process() *child.Process { return c.p }
