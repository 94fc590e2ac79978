package reliability

// Rows about time: stopped servers, slow peers, deadlines.

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var timeRows = []Row{
	{
		Name:    "sigstop",
		Promise: "A server that was stopped goes on where it was; those who came meanwhile are served.",
		Clauses: []string{"C1"},
		Does:    "SIGSTOP for 10 s (2 s) while 20 clients echo 1 MiB; 200 more connect and send meanwhile",
		run:     sigstop,
	},
	{
		Name:    "slowloris",
		Promise: "Peers that send a request byte by byte are ended by its deadline, not earlier, and keep nobody else waiting.",
		Clauses: []string{"C5", "C9"},
		Does:    "1,000 clients (100) send a byte of a line that never ends every 50 ms; lines must be whole within 2 s (500 ms)",
		Own:     true,
		run:     slowloris,
	},
	{
		Name:    "deadlines",
		Promise: "A deadline that has passed fires, one of writing only if output is pending, none or one in the far future does not, and no timer fires early or twice.",
		Clauses: []string{"C9"},
		Does:    "read deadlines in the past, at the epoch, now, zero, cleared before they pass, maximal and beyond; write deadlines too, with and without output pending; an idle timeout that bytes put off; timers from -292 to 292 years",
		Own:     true,
		run:     deadlines,
	},
	{
		Name:    "blocked-callback",
		Promise: "A callback that blocks holds up its own loop alone, and that one goes on afterwards.",
		Clauses: []string{"C1", "C5"},
		Does:    "OnData of one connection blocks for 5 s (1 s) in an engine of two loops with 16 clients that ping, and until half of them have been answered again",
		Own:     true,
		run:     blockedCallback,
	},
}

func sigstop(t *Trial) {
	s := t.Start(subject.Config{})
	clients := t.served(s, 20)
	stop := t.Time(2*time.Second, 10*time.Second)
	// The time in which nothing can happen is none in which something must.
	t.Patience += stop
	s.halt()
	echoed := make(chan error, 1)
	go func() { echoed <- each(clients, func(c *Client) error { return c.Echo(1 << 20) }) }()
	more := t.Dial(s, 200)
	t.Must("send", each(more, func(c *Client) error { return c.Send(64) }))
	t.Sleep(stop)
	for _, c := range more {
		if c.unread() > 0 {
			t.Fail(Failed, "the server has answered although it was stopped")
		}
	}
	s.Signal(syscall.SIGCONT)
	began := time.Now()
	t.Must("those who came meanwhile", each(more, func(c *Client) error { return errors.Join(c.all(64), c.Finish()) }))
	t.Must("those who were there", <-echoed)
	t.Must("end", each(clients, (*Client).Finish))
	t.Figure("all served %.2f s after SIGCONT", time.Since(began).Seconds())
}

func slowloris(t *Trial) {
	limit := t.Time(500*time.Millisecond, 2*time.Second)
	s := t.Start(subject.Config{Protocol: subject.Requests, Limit: limit})
	good := t.Dial(s, 5)
	stop := make(chan struct{})
	answered := make(chan error, 1)
	go func() {
		answered <- each(good, func(c *Client) error { return c.lines(stop) })
	}()
	n := t.Size(100, 1000)
	lasted := make([]time.Duration, n)
	t.Must("slow clients", each(span(0, n), func(i int) (err error) {
		lasted[i], err = crawl(t, s)
		return err
	}))
	close(stop)
	t.Must("quick clients", <-answered)
	least, most := lasted[0], lasted[0]
	for _, d := range lasted {
		least, most = min(least, d), max(most, d)
	}
	if least < limit {
		t.Breach(Broke, "a deadline of %v fired after %v", limit, least)
	}
	t.Figure("%d ended %.2f to %.2f s after they had connected; limit %v", n, least.Seconds(), most.Seconds(), limit)
}

// crawl sends a byte now and then until the server ends the connection, and tells
// after what time that was.
func crawl(t *Trial, s *Server) (time.Duration, error) {
	began := time.Now()
	c, err := net.DialTimeout("tcp", s.Addr, t.Patience)
	if err != nil {
		return 0, dialBreach(err)
	}
	defer c.Close()
	go func() {
		for {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	_ = c.SetReadDeadline(time.Now().Add(t.Patience))
	n, err := c.Read(make([]byte, 1))
	if n > 0 || isTimeout(err) {
		return 0, breach(Hung, "%d bytes, %v instead of the end", n, err)
	}
	return time.Since(began), nil
}

// lines sends lines and wants each back until stop.
func (c *Client) lines(stop <-chan struct{}) error {
	const line = "a whole request\n"
	p := make([]byte, len(line))
	for {
		_ = c.SetDeadline(c.soon())
		if _, err := io.WriteString(c.TCPConn, line); err != nil {
			return c.wrong("send a line", err)
		}
		if _, err := io.ReadFull(c.TCPConn, p); err != nil || string(p) != line {
			return c.wrong(fmt.Sprintf("the answer %q", p), err)
		}
		select {
		case <-stop:
			return nil
		case <-time.After(every):
		}
	}
}

func deadlines(t *Trial) {
	s := t.Start(subject.Config{})
	passed, ahead := []string{"past", "epoch", "now"}, []string{"zero", "cleared", "maximal", "far"}
	for _, kind := range passed {
		c := t.Dial(s, 1)[0]
		t.Must("echo", c.Echo(64))
		s.Ask("deadline", subject.SetDeadline{To: kind}, nil)
		t.Must("a deadline "+kind, c.untilEnd())
	}
	for i, kind := range passed {
		t.pendingDeadline(s, kind)
		// What is read would not be pending any more.
		t.Must("a write deadline "+kind, t.Until("OnClose has heard of it", func() bool {
			return s.Mark().Report.Causes[subject.Deadline] > len(passed)+i
		}))
	}
	var kept []*Client
	keep := func(write bool, kinds []string) {
		for _, kind := range kinds {
			c := t.Dial(s, 1)[0]
			t.Must("echo", c.Echo(64))
			s.Ask("deadline", subject.SetDeadline{Write: write, To: kind}, nil)
			kept = append(kept, c)
		}
	}
	keep(false, ahead)
	keep(true, ahead)
	keep(true, passed) // nothing is pending
	slow, pending := make([]*Client, len(ahead)), make([]int, len(ahead))
	for i, kind := range ahead {
		slow[i], pending[i] = t.pendingDeadline(s, kind)
	}
	s.Ask("timers", nil, nil)
	t.Sleep(2 * subject.Soon) // those that were cleared would have passed
	t.Must("connections without a deadline that passes", each(kept, func(c *Client) error {
		return errors.Join(c.Echo(64), c.Finish())
	}))
	for i, c := range slow {
		t.Must("pending output without a deadline that passes", errors.Join(c.all(pending[i]), c.CloseWrite(), c.clean()))
	}
	if r := s.Mark().Report; r.Causes[subject.Deadline] != 2*len(passed) {
		t.Breach(Broke, "%d deadlines have passed and OnClose heard %v", 2*len(passed), r.Causes)
	}
	t.idle()
}

// pendingDeadline sets the write deadline of a connection that has output pending.
func (t *Trial) pendingDeadline(s *Server, kind string) (c *Client, n int) {
	c = t.Dial(s, 1, SmallBuffers)[0]
	n, _, err := c.fill(s)
	t.Must("pending output", err)
	s.Ask("deadline", subject.SetDeadline{Write: true, To: kind}, nil)
	return c, n
}

// clean wants the end, and no reset.
func (c *Client) clean() error {
	if n, err := c.receive(1); err != io.EOF {
		return breach(Lost, "client %d: %d bytes and %v instead of a clean end", c.id, n, err)
	}
	return nil
}

// idle wants an idle timeout to fire, but not before it has passed since the last
// byte.
func (t *Trial) idle() {
	const limit = 200 * time.Millisecond
	s := t.Start(subject.Config{Protocol: subject.Flock, Limit: limit})
	c := t.served(s, 1)[0]
	moved := time.Now()
	s.Ask("idle", nil, nil)
	for began := moved; moved.Sub(began) < 2*limit; t.Sleep(limit / 20) {
		now := time.Now()
		if c.Echo(1) != nil {
			break // on a slow machine it may be over
		}
		moved = now
	}
	t.Must("an idle timeout", c.untilEnd())
	if lasted := time.Since(moved); lasted < limit {
		t.Breach(Broke, "an idle timeout of %v fired %v after a byte", limit, lasted)
	}
	t.Must("an idle timeout", t.Until("OnClose has heard of it", func() bool {
		return s.Mark().Report.Causes[subject.Deadline] > 0
	}))
}

func blockedCallback(t *Trial) {
	s := t.Start(subject.Config{Protocol: subject.Watched, Loops: 2})
	block := t.Time(time.Second, 5*time.Second)
	clients := t.served(s, 16)
	s.Ask("arm", subject.Arm{Callback: "OnData", Action: subject.Block}, nil)
	victim := t.Dial(s, 1)[0]
	t.Patience += block
	t.Must("send", victim.Send(64))
	t.Must("the block", t.Until("it has begun", func() bool { return len(s.Mark().Report.Fired) > 0 }))
	w := t.WatchWith(clients)
	othersServed := func() error {
		before := w.Pings()
		return t.Until("half of the clients have had three more pings answered", func() bool {
			served := 0
			for i, n := range w.Pings() {
				if n >= before[i]+3 {
					served++
				}
			}
			return served >= len(clients)/2
		})
	}
	t.Must("the other loop", othersServed())
	t.Sleep(block)
	t.Must("the other loop, later", othersServed())
	if !slices.Contains(w.Pings(), 0) {
		t.Fail(Failed, "nobody waits for the blocked loop")
	}
	s.Ask("release", nil, nil)
	t.Must("the blocked connection", victim.all(64))
	t.End(w)
}
