package timers

// The rounds.

import (
	"context"
	"fmt"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
)

// patience is how long one process may take.
const patience = 3 * time.Minute

// Config tells what is measured.
type Config struct {
	Timers int
	Rounds int
	Core   int // that every process is pinned to, -1 for none
	Nice   int
	Env    []string

	// Step, if set, is called before each process.
	Step func(done, total int, what string)
}

// Run measures all kinds under all patterns, the kinds taking turns, and returns
// what there is when ctx ends.
func Run(ctx context.Context, c Config) []Row {
	var all []Row
	done, total := 0, len(Patterns)*len(All)*c.Rounds
	for _, pattern := range Patterns {
		rows := make([]Row, len(All))
		for i, kind := range All {
			rows[i] = Row{Kind: kind, Pattern: pattern}
		}
		harness.InTurn(rows, c.Rounds, func(row *Row) {
			if c.Step != nil {
				c.Step(done, total, fmt.Sprintf("%s, %s", row.Kind, pattern))
			}
			done++
			if ctx.Err() == nil && row.Err == "" {
				c.sample(ctx, row)
			}
		})
		summarize(rows)
		all = append(all, rows...)
	}
	return all
}

func (c *Config) sample(ctx context.Context, row *Row) {
	s, err := c.measure(spec{row.Kind, row.Pattern, c.Timers})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		row.Err = err.Error()
	default:
		row.Samples = append(row.Samples, s)
	}
}

func (c *Config) measure(sp spec) (s Sample, err error) {
	p, err := child.Start(child.Options{
		Name:   string(sp.Kind),
		Role:   Role,
		Config: sp,
		CPU:    c.Core,
		Nice:   c.Nice,
		Env:    c.Env,
	}, nil)
	if err != nil {
		return s, err
	}
	if err := p.CallWithin(patience, "measure", nil, &s); err != nil {
		p.Kill()
		return s, err
	}
	return s, p.Stop()
}
