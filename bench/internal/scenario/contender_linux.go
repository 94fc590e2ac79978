package scenario

// A server and its load as processes, and what is read from both at the ends of a
// window.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/stats"
)

const (
	quiet     = 0.05            // how much of a core others may have in a window before it is measured again
	retries   = 3               // windows of a round that may be measured again for that
	disturbed = "disturbed %"   // in Round.Extra: how much they had nevertheless
	saturated = 0.95            // share of a core from which on a program of others is the bottleneck
	patience  = 5 * time.Second // how long a window may go on until a first reply comes
	perClient = 5000            // idle connections per process that holds them
)

// Place is where contenders run, and how.
type Place struct {
	Server, Load int      // cores; negative: any
	Nice         int      // priority of both
	Env          []string // of every server
}

// apart tells whether the load has a core of its own.
func (p Place) apart() bool { return p.Load >= 0 && p.Server >= 0 && p.Load != p.Server }

// contender is a server with its load generator.
type contender struct {
	task    Task
	place   Place
	server  *servers.Running
	holders []*client.Client // of idle connections
	client  *client.Client   // nil when a program of others is used

	windows []client.Result
	round   results.Round // what the windows do not tell
	sum     account
	own     own
	again   int // windows measured again so far
}

// Start starts a server and its load, connected and at rest.
func (p Place) Start(ctx context.Context, t Task) (Contender, error) {
	c := &contender{task: t, place: p}
	if err := c.start(ctx); err != nil {
		return nil, c.Kill(err)
	}
	return c, nil
}

func (c *contender) start(ctx context.Context) (err error) {
	c.server, err = servers.Start(c.task.Server, c.task.Protocol, c.place.Server, c.place.Nice, c.place.Env)
	if err != nil {
		return err
	}
	c.round.Counted = !c.server.Mute()
	if err := c.await(ctx); err != nil {
		return err
	}
	if err := c.hold(ctx); err != nil {
		return err
	}
	if c.task.With != nil {
		return nil
	}
	c.client, err = c.open(c.task.Load)
	return err
}

// await waits until a program of its own listens: it may say so too early.
func (c *contender) await(ctx context.Context) error {
	if c.task.Server.Command == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.server.Addr)
		if err == nil {
			return conn.Close()
		}
		harness.Sleep(ctx, 5*time.Millisecond)
		if ctx.Err() != nil {
			return err
		}
	}
}

// open starts a generator and makes its connections.
func (c *contender) open(spec client.Spec) (*client.Client, error) {
	spec.Addr = c.server.Addr
	spec.Spin = c.place.apart()
	g, err := client.Start(spec, c.place.Load, c.place.Nice)
	if err != nil {
		return nil, err
	}
	if err := g.Open(); err != nil {
		g.Kill()
		return nil, err
	}
	return g, nil
}

// hold opens the idle connections and finds what memory each takes.
func (c *contender) hold(ctx context.Context) error {
	var x, y []float64
	held := 0
	for _, n := range c.task.Idle {
		for held < n && ctx.Err() == nil {
			k := min(perClient, n-held)
			g, err := c.open(client.Spec{Mode: client.Closed, IdleConns: k, Size: c.task.Load.Size})
			if err != nil {
				return err
			}
			c.holders = append(c.holders, g)
			held += k
		}
		if err := c.server.Settle(); err != nil {
			return err
		}
		m, err := c.server.Memory()
		if err != nil {
			return err
		}
		x, y = append(x, float64(held)), append(y, float64(m.Anonymous))
	}
	if line, ok := stats.Fit(x, y); ok {
		c.round.PerConn = line.Slope
	}
	return ctx.Err()
}

// Measure implements Contender. A window that others disturbed is measured again
// while retries are left; the last of them counts as it is.
func (c *contender) Measure(ctx context.Context, warmup, length time.Duration) error {
	if c.task.With != nil {
		return c.measureWith(ctx, length)
	}
	before, err := c.server.Mark()
	if err != nil {
		return err
	}
	began := time.Now()
	total, err := c.load(ctx, warmup, length)
	if err != nil {
		return err
	}
	loaded := time.Since(began)
	after, err := c.server.Mark()
	c.own.add(said(before, after, loaded, total.Requests))
	return err
}

// load runs one load from its beginning to its last reply.
func (c *contender) load(ctx context.Context, warmup, length time.Duration) (all client.Total, err error) {
	if err := c.client.Begin(); err != nil {
		return all, err
	}
	harness.Sleep(ctx, warmup)
	w, a, err := undisturbed(ctx, &c.again, func() (client.Result, account, error) { return c.window(ctx, length) })
	if err != nil {
		return all, err
	}
	c.windows = append(c.windows, w)
	c.sum.add(a)
	if err := c.look(); err != nil {
		return all, err
	}
	return c.client.Finish()
}

// window measures once.
func (c *contender) window(ctx context.Context, length time.Duration) (w client.Result, a account, err error) {
	from, err := c.read()
	if err != nil {
		return w, a, err
	}
	if w, err = c.count(ctx, length); err != nil {
		return w, a, err
	}
	to, err := c.read()
	return w, between(from, to), err
}

// count has the generator count for length. A window in which nothing came back
// goes on: on a busy machine nobody may have had his turn in a short one.
func (c *contender) count(ctx context.Context, length time.Duration) (client.Result, error) {
	began := time.Now()
	w, err := c.client.Measure(length)
	for err == nil && w.Requests == 0 && ctx.Err() == nil {
		if time.Since(began) > patience {
			return w, fmt.Errorf("nothing came back within %v", patience)
		}
		var more client.Result
		if more, err = c.client.Measure(length); err == nil {
			w, err = client.Sum(w, more)
		}
	}
	return w, err
}

// look reads the server's memory under load.
func (c *contender) look() error {
	m, err := c.server.Memory()
	c.round.Resident, c.round.Anonymous = m.Resident, m.Anonymous
	return err
}

// End implements Contender.
func (c *contender) End() (results.Round, error) {
	round, err := c.figures()
	if err != nil {
		return round, c.Kill(err)
	}
	return round, c.stop()
}

// stop ends load and server.
func (c *contender) stop() (err error) {
	for _, g := range c.generators() {
		err = errors.Join(err, g.Stop())
	}
	if err != nil {
		return c.withServer(err, c.server.Kill)
	}
	return c.server.Stop()
}

// figures makes a round of the windows.
func (c *contender) figures() (results.Round, error) {
	r := c.round
	if c.client != nil {
		w, err := client.Sum(c.windows...)
		if err != nil {
			return r, err
		}
		r.Seconds, r.Requests, r.Bytes, r.Latency = w.Seconds, w.Requests, w.Bytes, w.Latency
		r.Load, r.Saturated, r.Extra = w.Busy, w.Saturated, w.Extra
		r.Datagrams, r.Lost = w.Datagrams, w.Lost
	}
	rate := r.Rate()
	r.CPUUS = per(float64(c.sum.cpu.Nanoseconds())/1e3, c.sum.wall, rate)
	r.Server = c.sum.busy()
	if c.sum.told {
		r.Extra = maps.Clone(r.Extra)
		if r.Extra == nil {
			r.Extra = map[string]float64{}
		}
		r.Extra[disturbed] = 100 * c.sum.lost()
	}
	if c.task.partial() {
		r.Counted = false
		return r, nil
	}
	r.Allocs = c.own.allocs(rate)
	if all := float64(c.own.user + c.own.sys); all > 0 {
		r.UserUS = r.CPUUS * float64(c.own.user) / all
		r.SystemUS = r.CPUUS * float64(c.own.sys) / all
	}
	return r, nil
}

// Kill implements Contender.
func (c *contender) Kill(err error) error {
	for _, g := range c.generators() {
		g.Kill()
	}
	if c.server == nil {
		return err
	}
	return c.withServer(err, c.server.Kill)
}

// withServer adds to err what the server had to say, and ends it.
func (c *contender) withServer(err error, end func() error) error {
	if ended := c.server.Err(); ended != nil {
		err = fmt.Errorf("%w\nserver: %w", err, ended)
	} else if said := c.server.Stderr(); said != "" {
		err = fmt.Errorf("%w\nserver: %s", err, said)
	}
	return errors.Join(err, end())
}

func (c *contender) generators() []*client.Client {
	if c.client == nil {
		return c.holders
	}
	return append(slices.Clip(c.holders), c.client)
}

// Calls returns the system calls per request of a server under the task's load of
// length, but not so short that what the server does at rest would count.
func (p Place) Calls(ctx context.Context, t Task, length time.Duration) (float64, error) {
	c := &contender{task: t, place: p}
	if err := c.start(ctx); err != nil {
		return 0, c.Kill(err)
	}
	calls, err := c.calls(ctx, max(length, traced))
	if err != nil {
		return 0, c.Kill(err)
	}
	_, err = c.End()
	return calls, err
}

// calls divides what strace counts from before the load until after it by the
// requests between.
func (c *contender) calls(ctx context.Context, length time.Duration) (float64, error) {
	trace, err := external.Attach(ctx, c.server.PID())
	if err != nil {
		return 0, err
	}
	all, err := c.loadFor(ctx, length)
	n, stopped := trace.Stop()
	if err = errors.Join(err, stopped); err != nil {
		return 0, err
	}
	if all.Requests == 0 {
		return 0, cmp.Or(ctx.Err(), errNothing)
	}
	return float64(n) / float64(all.Requests), nil
}

var errNothing = errors.New("nothing came back")

// loadFor loads for length and measures nothing.
func (c *contender) loadFor(ctx context.Context, length time.Duration) (client.Total, error) {
	if err := c.client.Begin(); err != nil {
		return client.Total{}, err
	}
	harness.Sleep(ctx, length)
	return c.client.Finish()
}
