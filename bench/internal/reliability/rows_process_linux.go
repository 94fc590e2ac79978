package reliability

// Rows about the process: what programs inherit, and the other word size.

import (
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
		Name:    "32-bit",
		Promise: "On 32 bits the rows that need nothing but Linux hold too.",
		Clauses: []string{"C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"},
		Does:    "those rows, in their small sizes and one after the other, on a server built with GOARCH=386",
		Needs:   []Need{GoTool},
		Own:     true,
		run:     narrow,
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
