package reliability

// Rows about running out: descriptors, memory, peers that take nothing.

import (
	"errors"
	"time"

	"github.com/eddyline/eddyline/bench/internal/proc"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
	"github.com/eddyline/eddyline/loop"
)

var limitRows = []Row{
	{
		Name:    "emfile",
		Promise: "Connections that are there go on, the listener waits without spinning, and everybody is served when descriptors are free again.",
		Clauses: []string{"C5", "C6", "C10"},
		Does:    "200 clients at a server that may have 64 descriptors",
		run:     emfile,
	},
	{
		Name:    "stalled-readers",
		Promise: "Peers that do not read are not read from: memory is bounded, others are served, and when they read at last nothing is lost.",
		Clauses: []string{"C1", "C4", "C5"},
		Does:    "5,000 clients (300) send 512 KiB each and read nothing until all have stalled; then 500 (100) read, the others reset",
		run:     stalledReaders,
	},
	{
		Name:    "memory-limit",
		Promise: "Past a memory limit the engine goes on and holds what it has to, and no more.",
		Clauses: []string{"C1", "C4", "C10"},
		Does:    "GOMEMLIMIT=64MiB; 10,000 clients (2,000) send 63 KiB of a frame of 64 KiB, which the handler wants whole; when the server holds all of that, the rest",
		Own:     true,
		run:     memoryLimit,
	},
	{
		Name:    "partial-setup",
		Promise: "An engine that cannot be made leaves no descriptor and no goroutine.",
		Clauses: []string{"C7"},
		Does:    "an engine of three loops and three listeners is made with 0, 1, 2, ... descriptors left",
		Own:     true,
		run:     partialSetup,
	},
}

func emfile(t *Trial) {
	const files = 64
	s := t.Start(subject.Config{Files: files})
	before := t.served(s, 10)
	crowd := t.Dial(s, 200)
	t.Must("send", each(crowd, func(c *Client) error { return c.Send(64) }))
	t.Must("the crowd", t.Until("the descriptors are used up", func() bool { return s.Descriptors() >= files || s.Alive() != nil }))
	t.Must("the server", s.alive())
	if s.t.Options.Server == subject.Own {
		t.Must("the pause", t.Until("the listener has paused", func() bool { return s.Mark().Report.Pauses > 0 }))
	}
	s.calmAsAWhole("while there are no descriptors")
	t.Must("connections from before", each(before, func(c *Client) error { return c.Echo(64) }))
	t.Must("relief", each(crowd, func(c *Client) error { return errors.Join(c.all(64), c.Finish()) }))
	t.Figure("%d of %d served", len(crowd), len(crowd))
	t.Must("connections from before", each(before, func(c *Client) error { return c.Echo(64) }))
}

func stalledReaders(t *Trial) {
	const size = 512 << 10
	n, readers := t.Size(300, 5000), t.Size(100, 500)
	// So many full queues are near the kernel's bound for all of TCP. Past it packets
	// are dropped and windows stay closed until a probe, some of which are half a
	// minute apart by then.
	t.Patience *= 4
	s := t.StartLean(subject.Config{}, Launch{})
	// The bound of output is the high mark and one more read (C4).
	s.Ceiling = ceiling/2 + int64(n)*(loop.DefaultHighMark+loop.DefaultReadBuffer)
	others := t.served(s, 10)
	w, before := t.WatchWith(others), s.threads()
	stalled := t.Dial(s, n, SmallBuffers)
	sent := make(chan error, 1)
	go func() { sent <- each(stalled[:readers], func(c *Client) error { return c.Send(size) }) }()
	for _, c := range stalled[readers:] {
		go func() { _ = c.Send(size) }() // until it is reset
	}
	t.stall(s, stalled)
	s.await("output is pending", stalled, func(end proc.Socket) bool { return end.Unsent > 0 })
	t.Figure("%d stalled: +%d MiB", n, s.Grown()>>20)
	t.End(w)
	// On two cores most of a slow ping is this, and not the server's own time.
	now := s.threads()
	t.Figure("meanwhile the server ran for %.1f s and waited for a core for %.1f s", (now.Ran - before.Ran).Seconds(), (now.Waited - before.Waited).Seconds())
	s.calm("while output is pending")
	w = t.WatchWith(others)
	t.Must("reset", each(stalled[readers:], (*Client).Reset))
	t.gone(s, readers+len(others))
	t.Must("read at last", each(stalled[:readers], func(c *Client) error {
		return errors.Join(c.SetReadBuffer(1<<20), c.all(size))
	}))
	t.Must("send", <-sent)
	t.End(w)
	t.Must("end", each(stalled[:readers], (*Client).Finish))
}

// stall waits until what clients send hardly moves any more: the server takes no
// more, or has taken all.
func (t *Trial) stall(s *Server, clients []*Client) {
	sent := func() (n int64) {
		for _, c := range clients {
			n += c.out.Done()
		}
		return n
	}
	for end := time.Now().Add(t.Patience); time.Now().Before(end) && s.Alive() == nil; {
		before := sent()
		t.Sleep(500 * time.Millisecond)
		if sent()-before <= before/64 {
			break
		}
	}
}

func memoryLimit(t *Trial) {
	const limit, last = 64 << 20, 1 << 10
	n := t.Size(2000, 10_000)
	s := t.StartLean(subject.Config{Protocol: subject.Frames}, Launch{Env: []string{"GOMEMLIMIT=64MiB"}})
	s.Ceiling = ceiling/2 + int64(n)*subject.Frame
	before := s.Mark().CPU
	clients := t.Dial(s, n)
	t.Must("most of a frame", each(clients, func(c *Client) error { return c.Send(subject.Frame - last) }))
	s.await("the server has received it", clients, func(end proc.Socket) bool { return end.Unread == 0 })
	if m := s.Mark(); m.Memory != limit {
		t.Fail(Failed, "the limit in force is %d bytes", m.Memory)
	}
	held := s.Grown()
	t.Figure("%d connections held +%d MiB", n, held>>20)
	if held < limit {
		t.Fail(Failed, "the server holds no more than its limit: %d MiB", held>>20)
	}
	s.calm("beyond its limit of memory")
	t.Must("whole frames", each(clients, func(c *Client) error { return errors.Join(c.Send(last), c.all(subject.Frame)) }))
	t.Must("end", each(clients, (*Client).Finish))
	s.collected(before)
}

// collected bounds the share of the processors that the collection of garbage has taken
// since before.
func (s *Server) collected(before subject.CPU) {
	const most = 0.5 // the runtime's own bound, at which the program hardly gets on
	now := s.Mark().CPU
	if now.All == before.All {
		return // nothing was collected
	}
	share := (now.GC - before.GC) / (now.All - before.All)
	s.t.Figure("%.0f %% of the processors for garbage", 100*share)
	if share >= most {
		s.t.Breach(Spun, "%.0f %% of the processors went into the collection of garbage", 100*share)
	}
}

func partialSetup(t *Trial) {
	s := t.Start(subject.Config{})
	var found subject.Setup
	s.Ask("setup", nil, &found)
	t.setUp(found)
	t.Figure("%d attempts failed, as they had to", found.Failed)
}

// setUp holds failed attempts to what they had to say and to leave.
func (t *Trial) setUp(found subject.Setup) {
	for _, text := range append(found.Leaks, found.Odd...) {
		t.Breach(Broke, "%s", text)
	}
	if found.Failed == 0 {
		t.Fail(Failed, "no attempt failed")
	}
}
