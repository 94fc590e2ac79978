package reliability

// Rows about what callbacks do: panics, and the engine's own methods in places
// where they are not expected.

import (
	"slices"
	"syscall"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var callbackRows = []Row{
	{
		Name:    "panics",
		Promise: "A callback that panics ends its own connection, with a reset and *PanicError, its timer or its registration, and nothing else.",
		Clauses: []string{"C2", "C5"},
		Does:    "panic and runtime.Goexit in every callback of a connection, and in Ref.Do, tasks, timers, registrations, and OnOpen and done of dials, beside 10 clients that ping; then in OnData with the input of 40 clients behind it in the batch",
		Own:     true,
		run: func(t *Trial) {
			inCallbacks(t, subject.Panic, subject.Goexit)
			t.panicInBatch()
		},
	},
	{
		Name:    "calls",
		Promise: "Whatever a callback calls, callbacks keep their order, OnClose comes once, and no byte is lost: what was written before Close and CloseWrite comes whole, with a clean end.",
		Clauses: []string{"C1", "C2", "C7", "C9"},
		Does:    "Close, Abort, CloseWrite, Write and all deadlines within every callback, and by Ref.Do, tasks, timers, registrations, and OnOpen and done of dials, beside 10 clients that ping",
		Own:     true,
		run: func(t *Trial) {
			inCallbacks(t, subject.Close, subject.Abort, subject.CloseWrite, subject.Write, subject.Deadlines)
		},
	},
	{
		Name:    "ends-within",
		Promise: "An engine that is ended from within a callback ends in order: every connection hears OnClose, nothing is left, and Shutdown loses no output.",
		Clauses: []string{"C1", "C2", "C6", "C7"},
		Does:    "Engine.Shutdown and Engine.Close within every callback, and by a task, a timer, a registration and done of a dial, each with a server of its own and 10 more connections; Shutdown with output pending and no OnShutdown",
		Own:     true,
		run:     endsWithin,
	},
}

// inCallbacks does each action in every callback and function.
func inCallbacks(t *Trial, actions ...subject.Action) {
	s := t.startWatched()
	w := t.Watch(s, 10)
	for _, callback := range slices.Concat(subject.Callbacks, subject.Functions) {
		if callback == "OnShutdown" {
			continue // it is the engine's end, see below
		}
		for _, action := range actions {
			t.provoke(s, subject.Arm{Callback: callback, Action: action}, callback)
		}
	}
	t.End(w)
	s.accounted()
	t.Figure("%d callbacks", len(s.Mark().Report.Fired))
	for _, action := range actions {
		last := t.startWatched()
		others := receiving(t.served(last, 10), (*Client).Drain)
		t.provoke(last, subject.Arm{Callback: "OnShutdown", Action: action}, "OnShutdown")
		t.Must("the others", <-others)
		t.ended(last, 1)
		last.accounted()
	}
}

// panicInBatch lets input of others come in the same batch behind that of one whose
// callback panics.
func (t *Trial) panicInBatch() {
	s := t.startWatched()
	others := served(t, s)
	s.Ask("arm", subject.Arm{Callback: "OnData", Action: subject.Panic}, nil)
	victim := t.Dial(s, 1)
	t.Must("the victim", t.Until("it is there", func() bool { return s.Mark().Report.Opened > len(others) }))
	s.halt()
	s.arrive(victim, 64)
	s.arrive(others, 64)
	s.Signal(syscall.SIGCONT)
	t.Must("those behind it in the batch", each(others, func(c *Client) error { return c.all(64) }))
	t.Must("the one that panics", each(victim, (*Client).untilReset))
	s.accounted()
}

// receiving lets clients receive at once until they end, so that nobody waits for a
// linger, and returns what comes of it.
func receiving(clients []*Client, end func(*Client) error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- each(clients, end) }()
	return ended
}

// startWatched starts a server in which faults can be armed. A slow machine may take
// longer to end a client than connections linger by default.
func (t *Trial) startWatched() *Server {
	return t.Start(subject.Config{Protocol: subject.Watched, Linger: t.Patience})
}

// accounted wants the engine to have counted the panics that were armed, and no
// others, each OnClose that should to have heard of one, and each dial to have had
// its outcome once.
func (s *Server) accounted() {
	armed, heard := uint64(0), 0
	for _, f := range s.Mark().Report.Fired {
		if f.Action.Panics() {
			armed++
		}
		if f.Heard() {
			heard++
		}
	}
	err := s.t.Until("every OnClose and done has been called", func() bool {
		r := s.Mark().Report
		return r.Panics >= armed && r.Causes[subject.Panicked] >= heard && r.Done >= r.Dials
	})
	r := s.Mark().Report
	if err != nil || r.Panics != armed || r.Causes[subject.Panicked] != heard || r.Done != r.Dials {
		s.t.Breach(Broke, "%d callbacks panicked, the engine counts %d; %d OnClose should have heard of it, causes are %v; %d dials had %d outcomes", armed, r.Panics, heard, r.Causes, r.Dials, r.Done)
	}
}

// ended wants the server to have ended in order, with so many armed actions done.
func (t *Trial) ended(s *Server, fired int) {
	s.Over()
	t.Must("the end", t.Until("Run has returned", func() bool { return s.Mark().Ended }))
	m := s.Mark()
	if m.Err != "<nil>" {
		t.Breach(Broke, "Run returned %s", m.Err)
	}
	if len(m.Report.Fired) != fired {
		t.Breach(Failed, "%d armed actions happened, not %d", len(m.Report.Fired), fired)
	}
	if m.Report.Opened != m.Report.Closed {
		t.Breach(Broke, "%d handlers were made, %d heard OnClose", m.Report.Opened, m.Report.Closed)
	}
}

func endsWithin(t *Trial) {
	for _, callback := range slices.Concat(subject.Callbacks, subject.Functions) {
		for _, action := range []subject.Action{subject.Shutdown, subject.EndNow} {
			t.endWithin(subject.Watched, subject.Arm{Callback: callback, Action: action}, callback)
		}
	}
	// More is pending than a callback leaves, and the handler has no OnShutdown.
	t.endWithin(subject.Echo, subject.Arm{Callback: "Post", Action: subject.Shutdown}, filled)
}

// endWithin ends a server from within.
func (t *Trial) endWithin(p subject.Protocol, a subject.Arm, script string) {
	s := t.Start(subject.Config{Protocol: p, Linger: t.Patience})
	end := (*Client).Drain
	if a.Action == subject.EndNow {
		end = (*Client).untilEnd
	}
	others := receiving(t.served(s, 10), end)
	t.provoke(s, a, script)
	t.Must("the others", <-others)
	t.ended(s, 1)
	s.accounted()
}
