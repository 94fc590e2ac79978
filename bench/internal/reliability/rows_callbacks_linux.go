package reliability

// Rows about what callbacks do: panics, and the engine's own methods in places
// where they are not expected.

import (
	"bytes"
	"fmt"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var callbackRows = []Row{
	{
		Name:    "panics",
		Promise: "A callback that panics ends its own connection and nothing else.",
		Clauses: []string{"C2", "C5"},
		Does:    "panic and runtime.Goexit in every callback of a connection, beside 10 clients that ping",
		Own:     true,
		run:     func(t *Trial) { inCallbacks(t, subject.Panic, subject.Goexit) },
	},
	{
		Name:    "calls",
		Promise: "Whatever a callback calls, callbacks keep their order, OnClose comes once, and no byte is lost.",
		Clauses: []string{"C1", "C2", "C7", "C9"},
		Does:    "Close, Abort, CloseWrite, Write and all deadlines within every callback, beside 10 clients that ping",
		Own:     true,
		run: func(t *Trial) {
			inCallbacks(t, subject.Close, subject.Abort, subject.CloseWrite, subject.Write, subject.Deadlines)
		},
	},
	{
		Name:    "ends-within",
		Promise: "An engine that is ended from within a callback ends in order: every connection hears OnClose and nothing is left.",
		Clauses: []string{"C2", "C6", "C7"},
		Does:    "Engine.Shutdown and Engine.Close within every callback, each with a server of its own and 10 more connections",
		Own:     true,
		run:     endsWithin,
	},
}

// inCallbacks does each action in every callback.
func inCallbacks(t *Trial, actions ...subject.Action) {
	s := t.Start(subject.Config{Protocol: subject.Watched})
	w := t.Watch(s, 10)
	for _, callback := range subject.Callbacks {
		if callback == "OnShutdown" {
			continue // it is the engine's end, see below
		}
		for _, action := range actions {
			t.Must(fmt.Sprintf("%s in %s", action, callback), t.provoke(s, callback, action))
		}
	}
	t.End(w)
	s.panicked()
	t.Figure("%d callbacks", len(s.Mark().Report.Fired))
	for _, action := range actions {
		last := t.Start(subject.Config{Protocol: subject.Watched})
		t.served(last, 10)
		t.Must(fmt.Sprintf("%s in OnShutdown", action), t.provoke(last, "OnShutdown", action))
		t.ended(last, 1)
		last.panicked()
	}
}

// panicked wants the engine to have counted the panics that were armed, and no
// others.
func (s *Server) panicked() {
	r := s.Mark().Report
	armed := uint64(0)
	for _, f := range r.Fired {
		if f.Action.Panics() {
			armed++
		}
	}
	if r.Panics != armed {
		s.t.Breach(Broke, "%d callbacks panicked, the engine counts %d", armed, r.Panics)
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
	for _, callback := range subject.Callbacks {
		for _, action := range []subject.Action{subject.Shutdown, subject.EndNow} {
			s := t.Start(subject.Config{Protocol: subject.Watched})
			t.served(s, 10)
			t.Must(fmt.Sprintf("%s in %s", action, callback), t.provoke(s, callback, action))
			// The clients that are left end theirs, so that nobody waits for a linger.
			for _, c := range t.clients {
				c.Close()
			}
			t.ended(s, 1)
		}
	}
}

// provoke makes a new connection whose callback does the action, and accounts for
// its bytes.
func (t *Trial) provoke(s *Server, callback string, action subject.Action) error {
	seen := s.Mark().Report
	before, opened := len(seen.Fired), seen.Opened
	s.Ask("arm", subject.Arm{Callback: callback, Action: action}, nil)
	clients, err := t.DialAll(s, 1, SmallBuffers)
	if len(clients) == 0 {
		// It may be reset before the client knows that it has connected.
		return t.Until(callback+" has done "+string(action)+" to "+fmt.Sprint(err), func() bool { return len(s.Mark().Report.Fired) > before })
	}
	v := &victim{Client: clients[0], sent: ledger.New(clients[0].id), over: make(chan struct{})}
	defer v.Close()
	v.script(callback)
	go v.receive()
	if callback == "OnShutdown" {
		// It must have been accepted by then.
		err := t.Until("the connection is there", func() bool { return s.Mark().Report.Opened > opened })
		if err != nil {
			return err
		}
		go func() { _ = s.call("shutdown", 5*time.Second, nil) }()
	}
	err = t.Until(callback+" has done "+string(action), func() bool { return len(s.Mark().Report.Fired) > before })
	if err != nil {
		return err
	}
	if action.Panics() {
		<-v.over // of itself, before the client gives a cause
	}
	_ = v.CloseWrite()
	<-v.over
	if isTimeout(v.err) {
		return v.wrong("wait for the end", v.err)
	}
	return v.account(s.Mark().Report.Fired[before])
}

// victim is a client to whose connection something is done.
type victim struct {
	*Client
	sent *ledger.Stream
	n    int // bytes sent at most

	got  bytes.Buffer // valid, with err, when over is closed
	err  error
	over chan struct{}
}

// script is what a client does for a callback to come.
func (v *victim) script(callback string) {
	switch callback {
	case "OnDrain":
		// More than the kernel's buffers and the high mark, but not read until the
		// server has stopped reading: on a busy machine that takes its time.
		for p := v.out.Next(64 << 10); v.n < 8<<20; {
			_ = v.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			m, err := v.Write(p)
			v.n += m
			if err != nil && m == 0 {
				break
			}
			if p = p[m:]; len(p) == 0 {
				p = v.out.Next(64 << 10)
			}
		}
	case "OnEOF", "OnClose":
		v.n = 64
		_ = v.Send(v.n)
		_ = v.CloseWrite()
	default:
		v.n = 64
		_ = v.Send(v.n)
	}
}

// receive takes all that comes until the connection ends, however it does.
func (v *victim) receive() {
	defer close(v.over)
	_ = v.SetReadDeadline(v.soon())
	_, v.err = v.got.ReadFrom(v.TCPConn)
}

// account wants what came to be the beginning of what was sent, all of it where the
// action does not end the connection, with the marker once where one was written.
func (v *victim) account(done subject.Fired) error {
	rest, marked := cutMarker(v.got.Bytes())
	if wrote := done.Action == subject.Write && done.Err == ""; marked != wrote {
		return breach(Lost, "the marker came: %v; its write was accepted: %v; the client read %d bytes and %v", marked, wrote, v.got.Len(), v.err)
	}
	if err := v.sent.Check(rest[:min(len(rest), v.n)]); err != nil {
		return breach(Lost, "%v", err)
	}
	whole := done.Action == subject.Write || done.Action == subject.Deadlines
	if len(rest) > v.n || whole && len(rest) < v.n {
		return breach(Lost, "%d bytes sent, %d come back", v.n, len(rest))
	}
	return nil
}

// cutMarker takes the marker out of p.
func cutMarker(p []byte) (rest []byte, found bool) {
	before, after, found := bytes.Cut(p, []byte(subject.Marker))
	return append(bytes.Clone(before), after...), found
}
