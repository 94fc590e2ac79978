package reliability

// The guards themselves: servers that break a promise, and what is said of them.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var echo = serveNet(func(c net.Conn, p []byte) error {
	_, err := c.Write(p)
	return err
})

// bad are servers with something wrong, which begins when a connection sends what
// is long for an echo.
var bad = map[string]subject.Serve{
	"sound": echo,
	"liar": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			p[len(p)/2]++
		}
		_, err := c.Write(p)
		return err
	}),
	"cutter": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			return c.Close()
		}
		_, err := c.Write(p)
		return err
	}),
	"hoarder": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			if _, err := os.Open(os.DevNull); err != nil {
				return err
			}
		}
		_, err := c.Write(p)
		return err
	}),
	"glutton": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			eat()
		}
		_, err := c.Write(p)
		return err
	}),
	"spinner": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			go spin()
		}
		_, err := c.Write(p)
		return err
	}),
	"chatter": serveNet(func(c net.Conn, p []byte) error {
		for range 10 * len(p) {
			fmt.Fprintln(os.Stderr, "I have got something")
		}
		_, err := c.Write(p)
		return err
	}),
	"sulker": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			return nil
		}
		_, err := c.Write(p)
		return err
	}),
	"leaver": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			for range 50 {
				go func() { select {} }()
			}
		}
		_, err := c.Write(p)
		return err
	}),
	"twitcher": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			go twitch()
		}
		_, err := c.Write(p)
		return err
	}),
	"stayer": func(ctx context.Context, addr string, ready func(string)) error {
		_ = echo(ctx, addr, ready)
		select {}
	},
	"grumbler": func(ctx context.Context, addr string, ready func(string)) error {
		return errors.Join(echo(ctx, addr, ready), errors.New("I had rather gone on"))
	},
	"crasher": serveNet(func(c net.Conn, p []byte) error {
		if len(p) > 64 {
			fmt.Fprintln(os.Stderr, "I cannot bear it")
			os.Exit(3)
		}
		_, err := c.Write(p)
		return err
	}),
}

// eat takes more memory than a server may have.
var eat = sync.OnceFunc(func() {
	bound := ceiling
	if raceEnabled {
		bound *= raceFactor
	}
	eaten = make([]byte, bound*3/2)
	for i := 0; i < len(eaten); i += 4096 {
		eaten[i] = 1
	}
})

var eaten []byte

func spin() {
	for n := 0; n >= 0; n = (n + 1) % 1000 {
	}
}

// twitch spins most of the time.
func twitch() {
	for {
		for end := time.Now().Add(800 * time.Millisecond); time.Now().Before(end); {
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// tattlers are servers that serve well and tell of a handler that was not called
// as it should be. Asked for nothing, they say nothing.
var tattlers = map[string]subject.Report{
	"closed twice":     {Opened: 4, Closed: 4, Wrong: []string{"OnClose after OnClose"}},
	"never closed":     {Opened: 4, Closed: 3},
	"closed too often": {Opened: 4, Closed: 5},
	"early timer":      {Late: []string{"a timer of 1h0m0s after 1s"}},
}

// play is the role of a server's process: one of bad, a tattler, or this engine.
func play(c *child.Control) error {
	var cfg subject.Config
	if err := c.Config(&cfg); err != nil {
		return err
	}
	report, tattles := tattlers[cfg.Server]
	if !tattles {
		return subject.Child(bad)(c)
	}
	go echo(context.Background(), "127.0.0.1:0", func(addr string) {
		_ = c.Reply(struct{ Addr string }{addr})
	})
	for {
		op, _, err := c.Next()
		if err == io.EOF {
			return nil
		}
		if op == "nothing" {
			continue
		}
		if err == nil {
			err = c.Reply(subject.Mark{Goroutines: 1, Report: report})
		}
		if err != nil {
			return err
		}
	}
}

// serveNet serves with package net; each handles what a connection receives.
func serveNet(each func(c net.Conn, p []byte) error) subject.Serve {
	return func(ctx context.Context, addr string, ready func(string)) error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { ln.Close() })
		ready(ln.Addr().String())
		var serving sync.WaitGroup
		defer serving.Wait()
		for {
			c, err := ln.Accept()
			if err != nil {
				return nil
			}
			serving.Go(func() {
				defer c.Close()
				p := make([]byte, 4096)
				for {
					n, err := c.Read(p)
					if err == nil {
						err = each(c, p[:n])
					}
					if err != nil {
						return
					}
				}
			})
		}
	}
}

// probe is a small row that all servers of bad can be run on. What will not
// come is not waited for as long as what may take its time on a busy machine.
var probe = Row{Name: "probe", run: func(t *Trial) {
	const vain = 2 * time.Second
	s := t.Start(subject.Config{})
	clients := t.Dial(s, 3)
	patience := t.Patience
	if t.Server == "sulker" {
		t.Patience = vain
	}
	err := each(clients, func(c *Client) error { return c.Echo(1024) })
	t.Patience = patience
	t.Must("echo", err)
	t.Must("end", each(clients, (*Client).Finish))
	if t.Server == "hoarder" || t.Server == "leaver" {
		t.Patience = vain
	}
}}

func TestEveryGuardSeesWhatItIsFor(t *testing.T) {
	for server, want := range map[string]Breach{
		"sound":            {Outcome: Held, Text: ""},
		"liar":             {Outcome: Lost, Text: "of stream"},
		"cutter":           {Outcome: Lost, Text: "receive"},
		"hoarder":          {Outcome: Grew, Text: "descriptors are left"},
		"glutton":          {Outcome: Grew, Text: "resident memory"},
		"leaver":           {Outcome: Grew, Text: "goroutines"},
		"spinner":          {Outcome: Spun, Text: "although nothing happens"},
		"twitcher":         {Outcome: Spun, Text: "although nothing happens"},
		"chatter":          {Outcome: Grew, Text: "the log"},
		"sulker":           {Outcome: Hung, Text: "receive"},
		"crasher":          {Outcome: Ended, Text: "exit status 3"},
		"stayer":           {Outcome: Ended, Text: "did not end within"},
		"grumbler":         {Outcome: Ended, Text: "I had rather gone on"},
		"closed twice":     {Outcome: Broke, Text: "OnClose after OnClose"},
		"never closed":     {Outcome: Broke, Text: "4 handlers were made, 3 heard OnClose"},
		"closed too often": {Outcome: Broke, Text: "4 handlers were made, 5 heard OnClose"},
		"early timer":      {Outcome: Broke, Text: "a timer of 1h0m0s"},
		"nobody":           {Outcome: Failed, Text: "no server"},
	} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			r := Run(t.Context(), probe, Options{Server: server, Patience: *patience})
			if got := r.Outcome(); got != string(want.Outcome) || !strings.Contains(r.Why(), want.Text) {
				t.Errorf("outcome %q, want %q with %q:\n%s", got, want.Outcome, want.Text, r.Why())
			}
		})
	}
}

// A line per second and cause is no breach, nor one that was written late; more is,
// whatever the others say.
func TestTheLogGuardCountsByCause(t *testing.T) {
	line := func(at time.Duration, msg, why string) string {
		return logLine(t, time.Unix(1000, 0).Add(at), msg, why)
	}
	every := func(pause time.Duration, n int, why func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(time.Duration(i)*pause, "accepting pauses", why(i)))
		}
		return b.String()
	}
	same := func(int) string { return "no \"files\" left" }
	for name, tt := range map[string]struct {
		log      string
		tooMuch  bool
		duration time.Duration
	}{
		"one a second":               {every(time.Second, 100, same), false, 0},
		"one late":                   {line(900*time.Millisecond, "a", "b") + line(time.Second, "a", "b") + line(2*time.Second, "a", "b"), false, 0},
		"two a second":               {every(time.Second/2, 10, same), true, 0},
		"four a second for a second": {every(time.Second/4, 4, same), true, 0},
		"four causes a second":       {every(time.Second/4, 40, func(i int) string { return fmt.Sprint(i % 4) }), false, 0},
		"a burst after a silence":    {every(time.Second, 5, same) + strings.Repeat(line(time.Hour, "accepting pauses", same(0)), 3), true, 0},
		"no logger's":                {strings.Repeat("panic\n", 5), true, 3 * time.Second},
		"few of no logger's":         {strings.Repeat("panic\n", 4), false, 3 * time.Second},
	} {
		if why := tooMuch([]byte(tt.log), 1, tt.duration); (why != "") != tt.tooMuch {
			t.Errorf("%s: it says %q", name, why)
		}
	}
	if why := tooMuch([]byte(every(time.Second/100, 1000, same)), 100, 0); why != "" {
		t.Errorf("a hundred a second, as others may: it says %q", why)
	}
}

// A row that is interrupted says so, whoever waits for whom.
func TestAnInterruptEndsARow(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	receive := func(t *Trial, s *Server, interrupt func()) {
		clients := t.Dial(s, 3)
		interrupt()
		t.Must("receive", each(clients, func(c *Client) error { return c.all(1) }))
	}
	for name, wait := range map[string]func(t *Trial, s *Server, interrupt func()){
		"a server that serves": receive,
		"one that does not": func(t *Trial, _ *Server, interrupt func()) {
			receive(t, &Server{Addr: ln.Addr().String(), t: t}, interrupt)
		},
		"an answer": func(_ *Trial, s *Server, interrupt func()) {
			interrupt()
			s.Ask("nothing", nil, nil)
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		row := Row{Name: "long", run: func(t *Trial) { wait(t, t.Start(subject.Config{}), cancel) }}
		r := Run(ctx, row, Options{Server: "early timer", Patience: time.Hour})
		if r.Outcome() != string(Failed) || !strings.Contains(r.Why(), "interrupted") {
			t.Errorf("%s: %s: %s", name, r.Outcome(), r.Why())
		}
	}
}

func TestARowSaysWhatItNeeds(t *testing.T) {
	row := Row{Name: "needy", Needs: []Need{"no-such-program"}, run: func(t *Trial) { panic("it is run all the same") }}
	r := Run(t.Context(), row, Options{})
	if r.Held() || !strings.Contains(r.Why(), "needs no-such-program") {
		t.Errorf("%s: %s", r.Outcome(), r.Why())
	}
}

func TestRowsAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Rows() {
		if r.Name == "" || r.Promise == "" || r.Does == "" || len(r.Clauses) == 0 || r.run == nil {
			t.Errorf("row %+v lacks something", r)
		}
		if names[r.Name] {
			t.Errorf("two rows %s", r.Name)
		}
		names[r.Name] = true
	}
}

func TestFindRows(t *testing.T) {
	found, err := Find(Rows(), []string{"reset-*", "emfile"})
	if err != nil || len(found) != len(stages)+1 || found[len(stages)].Name != "emfile" {
		t.Errorf("%d rows, error %v", len(found), err)
	}
	if twice, err := Find(Rows(), []string{"emfile", "emfile", "emf*"}); err != nil || len(twice) != 1 {
		t.Errorf("a row named three times is found %d times, error %v", len(twice), err)
	}
	if _, err := Find(Rows(), []string{"no-such-row"}); err == nil || !strings.Contains(err.Error(), "no-such-row") {
		t.Errorf("error %v", err)
	}
}

func TestTheTableTellsAll(t *testing.T) {
	rows := []Row{{Name: "a-row", Does: "some_thing", Clauses: []string{"C1", "C2"}}, {Name: "own-row", Does: "more", Clauses: []string{"C3"}}}
	d := Document{Machine: machine.Info{Kernel: "9.8.7", Go: "go1.2"}, Version: machine.Version{Commit: "feedbeef"}, Command: "the command", Results: []Result{
		{Row: "own-row", Server: "eddyline"},
		{Row: "a-row", Server: "eddyline", Figures: []string{"7 things"}},
		{Row: "a-row", Server: "other", Breaches: []Breach{{Outcome: Lost, Text: "a byte"}, {Outcome: Grew, Text: "a heap"}, {Outcome: Lost, Text: "a bit"}}},
	}}
	var b strings.Builder
	PrintMarkdown(&b, rows, d)
	for _, want := range []string{
		"a byte", "a heap", "a bit",
		"| `a-row` | some\\_thing | C1, C2 | held | 7 things |\n| `own-row` | more | C3 | held |  |\n\n",
		"| `a-row` | held | lost data, grew |\n\n", // and no row that ran on one server alone
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	both := b.String()
	b.Reset()
	Print(&b, d)
	for _, text := range []string{both, b.String()} {
		for _, want := range []string{"9.8.7", "go1.2", "commit feedbeef", "the command", "eddyline: 2 of 2 rows held", "other: 0 of 1 rows held"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	if !d.Held("eddyline") || d.Held("other") {
		t.Error("the verdict does not follow from the results")
	}
}

// The ends of a network of one's own see each other and nothing else.
func TestANetworkIsItsOwn(t *testing.T) {
	row := Row{Name: "network", Needs: []Need{Root, IP}, run: func(t *Trial) {
		n := t.NewNetwork()
		s := t.StartAs(subject.Config{}, Launch{Network: n})
		t.Must("echo", t.Dial(s, 1)[0].Echo(64))
		if c, err := net.DialTimeout("tcp", s.Addr, 100*time.Millisecond); err == nil {
			c.Close()
			t.Fail(Failed, "the server is reached from outside")
		}
	}}
	if missing := Missing(row); missing != "" {
		t.Fatal(missing)
	}
	if r := Run(t.Context(), row, Options{Server: subject.Own, Patience: *patience}); !r.Held() {
		t.Errorf("%s: %s", r.Outcome(), r.Why())
	}
}
