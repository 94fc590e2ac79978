package idle

// The rounds, and one server's points within them.

import (
	"context"
	"errors"
	"fmt"

	"github.com/eddyline/eddyline/bench/internal/load"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Config tells what is measured.
type Config struct {
	Servers   []servers.Server
	Points    []int // numbers of connections, ascending
	Rounds    int
	PerClient int // connections that one client process may hold
	Env       []string

	// Step, if set, is called before each point.
	Step func(done, total int, server string, conns int)
}

// Run measures all servers, taking turns, and returns what there is when ctx
// ends.
func Run(ctx context.Context, c Config) []Row {
	rows := make([]Row, len(c.Servers))
	for i, s := range c.Servers {
		rows[i] = Row{Server: s.Name, Again: s.Again}
	}
	done, total := 0, c.Rounds*len(c.Servers)*len(c.Points)
	for range c.Rounds {
		for i, s := range c.Servers {
			row := &rows[i]
			if ctx.Err() != nil || row.Err != "" {
				done += len(c.Points)
				continue
			}
			points, err := c.measure(ctx, s, func(conns int) {
				if c.Step != nil {
					c.Step(done, total, s.Name, conns)
				}
				done++
			})
			switch {
			case ctx.Err() != nil:
			case err != nil:
				row.Err = err.Error()
			default:
				row.Rounds = append(row.Rounds, points)
			}
		}
	}
	for i := range rows {
		rows[i].summarize()
	}
	return rows
}

// measure takes one server through all points.
func (c *Config) measure(ctx context.Context, s servers.Server, step func(conns int)) (points []Point, err error) {
	server, err := servers.Start(s, workload.Echo, -1, 0, c.Env)
	if err != nil {
		return nil, err
	}
	clients := clients{addr: server.Addr, each: c.PerClient}
	defer func() {
		// The clients go first, so that the server sees its connections end.
		if err = errors.Join(err, clients.stop()); err == nil {
			err = server.Stop()
			return
		}
		if said := server.Stderr(); said != "" {
			err = fmt.Errorf("%w\nserver: %s", err, said)
		}
		err = errors.Join(err, server.Kill())
	}()
	for _, conns := range c.Points {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		step(conns)
		if err := clients.open(conns); err != nil {
			return nil, err
		}
		p, err := look(server, conns)
		if err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, nil
}

// look reads the server's memory twice.
func look(server *servers.Running, conns int) (Point, error) {
	asIs, err := server.Memory()
	if err != nil {
		return Point{}, err
	}
	if err := server.Settle(); err != nil {
		return Point{}, err
	}
	settled, err := server.Memory()
	if err != nil {
		return Point{}, err
	}
	return Point{conns, asIs.Anonymous, settled.Anonymous}, nil
}

// clients are the processes that hold the other ends: each has only so many
// descriptors.
type clients struct {
	addr string
	each int
	all  []*load.Generator
	held int
}

// open adds connections until there are total. Each echoes one message, so the
// server has accepted it and has had it in use.
func (c *clients) open(total int) error {
	for c.held < total {
		used := c.held % c.each
		if used == 0 {
			g, err := load.Start(load.Spec{Addr: c.addr, Size: 64, Pipeline: 1, First: c.held}, -1, 0)
			if err != nil {
				return err
			}
			c.all = append(c.all, g)
		}
		n := min(total-c.held, c.each-used)
		if err := c.all[len(c.all)-1].Open(n); err != nil {
			return err
		}
		c.held += n
	}
	return nil
}

func (c *clients) stop() error {
	var errs []error
	for _, g := range c.all {
		errs = append(errs, g.Stop())
	}
	return errors.Join(errs...)
}
