package reliability

// Rows about what programs have of the server that starts them.

import (
	"github.com/eddyline/eddyline/bench/internal/proc"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var processRows = []Row{
	{
		Name:    "exec",
		Promise: "Programs that the server starts have none of its descriptors.",
		Clauses: []string{"C7"},
		Does:    "the server starts 100 programs (20) while 50 connections are open and others come and go",
		run:     execs,
	},
	{
		Name:    "fork",
		Promise: "What has been closed, and lives on in a child that has not yet become its program, disturbs nobody.",
		Clauses: []string{"C5", "C7", "C8", "C10"},
		Does:    "a program that the server starts is held between fork and exec; meanwhile 40 connections are reset, 40 end, 40 that the server has closed go on sending, and 80 and 40 descriptors are new; 3 times (once)",
		Needs:   []Need{Root, Strace},
		run:     forks,
	},
}

func execs(t *Trial) {
	s := t.Start(subject.Config{})
	kept := t.served(s, 50)
	stop, churned := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				churned <- nil
				return
			default:
			}
			if err := t.visit(s, 1<<20, 64); err != nil {
				churned <- err
				return
			}
		}
	}()
	var found subject.Inherited
	s.Ask("exec", t.Size(20, 100), &found)
	close(stop)
	t.Must("connections meanwhile", <-churned)
	t.Figure("%d programs", found.Programs)
	if len(found.Leaked) > 0 {
		t.Breach(Grew, "a program inherited %s", found.Leaked[0])
	}
	t.Must("echo", each(kept, func(c *Client) error { return c.Echo(64) }))
}

func forks(t *Trial) {
	s := t.Start(subject.Config{Protocol: subject.Flock})
	// Before its first program a Go process makes a child that ends at once.
	s.Ask("exec", 1, nil)
	for range t.Size(1, 3) {
		t.forked(s)
	}
}

// forked ends connections and makes new ones while a child of the server has what
// the server had when it was made.
func (t *Trial) forked(s *Server) {
	resets, ends := served(t, s), served(t, s)
	n := len(resets) + len(ends)
	var closed []*Client
	if t.Options.Server == subject.Own {
		closed = served(t, s)
	}
	in := t.Inject(s, "execve:delay_enter=3600s")
	s.Ask("fork", nil, nil)
	t.Must("fork", t.Until("a child has the connections", func() bool { return len(openSockets(s.child())) >= n+len(closed) }))
	t.Must("reset", each(resets, (*Client).Reset))
	ended := make(chan error, 1)
	go func() { ended <- each(ends, (*Client).Finish) }()
	t.Must("close", t.Until("the child alone has them", func() bool { return s.orphans() >= n }))
	if len(closed) > 0 {
		t.haunt(s, closed, n)
	}
	fresh := t.Dial(s, 2*many)
	t.Must("new connections", each(fresh, func(c *Client) error { return c.Echo(4096) }))
	s.calm("while a child has what it has closed")
	t.Must("new connections", each(fresh, func(c *Client) error { return c.Echo(4096) }))
	if s.orphans() < n {
		t.Fail(Failed, "the child has not waited")
	}
	if len(closed) > 0 {
		s.Ask("deregister", nil, nil)
	}
	in.Release()
	var found subject.Inherited
	s.Ask("forked", nil, &found)
	t.Must("connections that end", <-ended)
	t.Must("end", each(fresh, (*Client).Finish))
	if len(found.Leaked) > 0 {
		t.Breach(Grew, "a program inherited %s", found.Leaked[0])
	}
}

// haunt lets the server close connections, whose clients then send what arrives at the
// child's ends, and at the server's poller. What has got their places by then is to
// which nothing happens, and the server tells if something does.
func (t *Trial) haunt(s *Server, closed []*Client, orphans int) {
	s.Ask("close", nil, nil)
	t.Must("close", t.Until("the child alone has them", func() bool { return s.orphans() >= orphans+len(closed) }))
	s.Ask("register", len(closed), nil)
	t.Must("send", each(closed, func(c *Client) error { return c.Send(64) }))
	s.await("it lies with the child", closed, func(end proc.Socket) bool { return end.Unread > 0 })
}
