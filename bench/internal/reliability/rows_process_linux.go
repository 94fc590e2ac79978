package reliability

// Rows about the process: what programs inherit, and the other word size.

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

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
		Promise: "On 32 bits all of this is the same.",
		Clauses: []string{"C1", "C2", "C8", "C9"},
		Does:    "the server, built with GOARCH=386: echo of 1 MiB on 50 connections, resets, deadlines, timers",
		Needs:   []Need{GoTool},
		Own:     true,
		run:     word32,
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
			c, err := t.connect(s, 1<<20, nil)
			if err == nil {
				err = errors.Join(c.Echo(64), c.Finish())
			}
			if err != nil {
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

const alone = "github.com/eddyline/eddyline/bench/internal/reliability/subject/alone"

// build386 builds the server for 32 bits, once, and returns its file, which has no
// name anymore.
var build386 = sync.OnceValues(func() (*os.File, error) {
	dir, err := os.MkdirTemp("", "eddyline-386-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "alone")
	// In a checkout; elsewhere it says that there is no such package.
	build := exec.Command("go", "build", "-o", program, alone)
	build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", build, err, said)
	}
	return os.Open(program)
})

func word32(t *Trial) {
	image, err := build386()
	t.Must("build", err)
	s := t.StartAs(subject.Config{}, Launch{Image: image})
	clients := t.Dial(s, t.Size(20, 50))
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(1 << 20) }))
	t.Must("reset", each(pending(t, s), (*Client).Reset))
	s.Ask("timers", nil, nil)
	for _, kind := range []string{"past", "zero", "maximal"} {
		c := t.Dial(s, 1)[0]
		t.Must("echo", c.Echo(64))
		s.Ask("deadline", kind, nil)
		if kind == "past" {
			t.Must("a deadline that has passed", c.untilEnd())
			continue
		}
		t.Must("echo", c.Echo(64))
	}
	t.Must("end", each(clients, (*Client).Finish))
}
