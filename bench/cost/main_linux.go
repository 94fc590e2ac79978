// Command cost measures what the engine costs a server, side by side with the
// floor, the smallest epoll loop that can be written in Go: processor time per
// echo, memory per idle connection, re-arming timers, and how late connect
// time-outs come. Run it with -h.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/echo"
	"github.com/eddyline/eddyline/bench/internal/expiry"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/idle"
	"github.com/eddyline/eddyline/bench/internal/load"
	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/progress"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/timers"
)

// perClient bounds the connections of one client process of an idle run.
const perClient = 10_000

func main() {
	roles := map[string]child.Role{
		load.Role:    load.Child,
		servers.Role: servers.Child(servers.All()),
		timers.Role:  timers.Child,
	}
	if child.Dispatch(roles) {
		return
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(harness.Usage)
	}
	os.Exit(run(o, os.Stdout, os.Stderr))
}

// document is what -json prints.
type document struct {
	Time        time.Time    `json:"time"`
	Machine     machine.Info `json:"machine"`
	Environment []string     `json:"environment"` // of every server
	Nice        int          `json:"nice"`
	Cores       echo.Cores   `json:"cores"`

	Echo    []echo.Result `json:"echo,omitempty"`
	Idle    []idle.Row    `json:"idle,omitempty"`
	Timers  []timers.Row  `json:"timers,omitempty"`
	Connect []expiry.Row  `json:"connect,omitempty"`
}

// session is one run of the program.
type session struct {
	*options
	out      io.Writer
	line     *progress.Line
	chosen   []servers.Server
	cores    echo.Cores
	document document
	failed   bool
}

func run(o *options, out io.Writer, stderr *os.File) int {
	if o.list {
		list(out)
		return 0
	}
	s := &session{options: o, out: out, line: progress.New(stderr, false)}
	if err := s.prepare(stderr); err != nil {
		fmt.Fprintln(stderr, "cost:", err)
		return harness.Usage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one kills
	defer stop()
	leave, err := harness.Enter(ctx, s.nice, func() {
		fmt.Fprintln(stderr, "cost: another measurement runs on this machine; waiting for its end")
	})
	if ctx.Err() != nil {
		return harness.Interrupted
	}
	if err != nil {
		fmt.Fprintln(stderr, "cost:", err)
		return harness.Failed
	}
	defer leave()
	switch o.mode {
	case echoMode:
		s.echo(ctx)
	case idleMode:
		s.idle(ctx)
	case timersMode:
		s.timers(ctx)
	case connectMode:
		s.connect(ctx, stderr)
	}
	s.line.Clear()
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "\t")
		if err := enc.Encode(s.document); err != nil {
			fmt.Fprintln(stderr, "cost:", err)
			return harness.Failed
		}
	}
	switch {
	case s.failed:
		return harness.Failed
	case ctx.Err() != nil:
		return harness.Interrupted
	}
	return 0
}

func list(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range servers.All() {
		about := s.About
		if s.Extra {
			about += " (only when named)"
		}
		fmt.Fprintf(t, "  %s\t%s\n", s.Name, about)
	}
	t.Flush()
}

// prepare chooses servers and cores.
func (s *session) prepare(stderr io.Writer) error {
	all := servers.All()
	s.chosen = servers.Usual(all)
	if s.options.servers != nil {
		chosen, err := servers.Find(all, s.options.servers)
		if err != nil {
			return err
		}
		s.chosen = chosen
	}
	files, err := harness.Files()
	if err != nil {
		return err
	}
	if err := s.checkLimit(files); err != nil {
		return err
	}
	s.nice = harness.Nice(s.nice)
	s.cores.Server, s.cores.Load = child.Pair()
	if s.cores.Server < 0 {
		fmt.Fprintln(stderr, "cost: there is one core only: server and load generator share it, and the figures are worth little")
	}
	s.document = document{
		Time:        time.Now().UTC(),
		Machine:     machine.Describe(),
		Environment: harness.Environment,
		Nice:        s.nice,
		Cores:       s.cores,
	}
	return nil
}

func (s *session) echo(ctx context.Context) {
	count, length := s.slices()
	c := echo.Config{
		Servers: s.chosen,
		Points:  s.points,
		Rounds:  s.rounds,
		Slices:  count,
		Slice:   length,
		Warmup:  length * 3 / 10,
		Quiet:   s.quiet / 100,
		Retries: s.retries,
		Cores:   s.cores,
		Nice:    s.nice,
		Env:     harness.Environment,
		Step: func(st echo.Step) {
			s.line.Show(st.Done, st.Total, fmt.Sprintf("%v, round %d, %s", st.Point, st.Round+1, st.Server))
		},
		Done: func(r echo.Result) {
			for _, row := range r.Rows {
				s.failed = s.failed || row.Err != ""
			}
			if !s.json {
				s.line.Clear()
				printEcho(s.out, r, s.verbose)
			}
		},
	}
	s.document.Echo = echo.Run(ctx, c)
	if s.options.profile != "" && ctx.Err() == nil {
		s.takeProfile(ctx, c)
	}
}

// takeProfile profiles the engine, or the only server asked for.
func (s *session) takeProfile(ctx context.Context, c echo.Config) {
	server := s.chosen[0]
	if len(s.chosen) > 1 {
		found, err := servers.Find(servers.All(), []string{"eddyline"})
		if err != nil {
			panic(err) // it is one of ours
		}
		server = found[0]
	}
	s.line.Clear()
	err := echo.Profile(ctx, c, server, s.points[0], max(s.window, 3*time.Second), s.options.profile)
	if err != nil {
		s.failed = true
		fmt.Fprintf(os.Stderr, "cost: profile of %s: %v\n", server.Name, err)
		return
	}
	fmt.Fprintf(os.Stderr, "profile of %s at %v in %s\n", server.Name, s.points[0], s.options.profile)
}

func (s *session) idle(ctx context.Context) {
	rows := idle.Run(ctx, idle.Config{
		Servers:   withoutCommands(s.chosen),
		Points:    s.conns,
		Rounds:    s.rounds,
		PerClient: perClient,
		Env:       harness.Environment,
		Step: func(done, total int, server string, conns int) {
			s.line.Show(done, total, fmt.Sprintf("%s, %d connections", server, conns))
		},
	})
	s.document.Idle = rows
	for _, r := range rows {
		s.failed = s.failed || r.Err != ""
	}
	s.line.Clear()
	if !s.json {
		printIdle(s.out, rows, s.verbose)
	}
}

// withoutCommands leaves out programs of their own, whose memory cannot be
// settled.
func withoutCommands(list []servers.Server) []servers.Server {
	var kept []servers.Server
	for _, s := range list {
		if s.Command == nil {
			kept = append(kept, s)
		}
	}
	return kept
}

func (s *session) timers(ctx context.Context) {
	rows := timers.Run(ctx, timers.Config{
		Timers: s.options.timers,
		Rounds: s.rounds,
		Core:   s.cores.Server,
		Nice:   s.nice,
		Env:    harness.Environment,
		Step:   func(done, total int, what string) { s.line.Show(done, total, what) },
	})
	s.document.Timers = rows
	for _, r := range rows {
		s.failed = s.failed || r.Err != ""
	}
	s.line.Clear()
	if !s.json {
		printTimers(s.out, rows, s.options.timers, s.verbose)
	}
}

// limits are the time-outs of a connect run.
var limits = []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}

func (s *session) connect(ctx context.Context, stderr io.Writer) {
	rows, err := expiry.Run(ctx, expiry.Config{
		Limits: limits,
		Tries:  s.tries,
		Step:   func(done, total int, what string) { s.line.Show(done, total, what) },
	})
	s.line.Clear()
	if err != nil {
		s.failed = true
		fmt.Fprintln(stderr, "cost:", err)
		return
	}
	s.document.Connect = rows
	for _, r := range rows {
		s.failed = s.failed || r.Err != "" || r.Early() > 0
	}
	if !s.json {
		printConnect(s.out, rows)
	}
}
