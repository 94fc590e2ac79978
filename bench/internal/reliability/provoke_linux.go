package reliability

// Doing something in a callback of one connection, and holding that connection to what
// must come of it.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
	"github.com/eddyline/eddyline/loop"
)

// provoke makes a new connection to which the action is done, and accounts for its
// bytes and its end.
func (t *Trial) provoke(s *Server, a subject.Arm, script string) {
	t.Must(fmt.Sprintf("%s in %s", a.Action, a.Callback), t.provoked(s, a, script))
}

func (t *Trial) provoked(s *Server, a subject.Arm, script string) error {
	f := fault{s, a, len(s.Mark().Report.Fired)}
	if slices.Contains(subject.Callbacks, a.Callback) {
		s.Ask("arm", a, nil)
	}
	clients, err := t.DialAll(s, 1, SmallBuffers)
	if len(clients) == 0 {
		// It may be reset before the client knows that it has connected.
		if !isReset(err) || !f.resets() && a.Action != subject.EndNow {
			return err
		}
		_, err = f.over()
		return err
	}
	v := &victim{Client: clients[0], sent: ledger.New(clients[0].id), over: make(chan struct{})}
	defer v.Close()
	if err := v.script(s, script); err != nil {
		return err
	}
	if err := f.do(); err != nil {
		return err
	}
	go v.receive()
	if f.Callback == "OnShutdown" {
		// The server answers nothing before its end, which may wait for this one's.
		<-v.over
		_ = v.CloseWrite()
	}
	if err := f.await(); err != nil {
		return err
	}
	if f.resets() || f.ends() {
		<-v.over // of itself, before the client gives a cause
	}
	_ = v.CloseWrite()
	<-v.over
	if isTimeout(v.err) {
		return v.wrong("wait for the end", v.err)
	}
	done, err := f.over()
	if err != nil {
		return err
	}
	return v.account(f, done)
}

// fault is one action in one callback.
type fault struct {
	*Server
	subject.Arm
	number int // in Report.Fired
}

// do begins what does not come by itself.
func (f fault) do() error {
	if f.Callback == "OnShutdown" {
		go func() { _ = f.call("shutdown", f.t.Patience, nil) }()
	}
	if !slices.Contains(subject.Functions, f.Callback) {
		return nil
	}
	if err := f.call("within", f.Arm, nil); err != nil {
		return breach(Broke, "%v", err)
	}
	if err := f.await(); err != nil || f.Action != subject.Shutdown {
		return err
	}
	// Its loop tells connections of the end when it lets go of the listener.
	return f.t.Until("it has begun", func() bool {
		c, err := f.dial(net.Dialer{})
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

// await waits until it has happened.
func (f fault) await() error {
	return f.t.Until(f.Callback+" has done "+string(f.Action), func() bool { return len(f.Mark().Report.Fired) > f.number })
}

// over returns what happened when OnClose has been heard, if it will be.
func (f fault) over() (done subject.Fired, err error) {
	silent := f.Callback == "Protocol" && f.Action.Panics() || f.Callback == "OnClose"
	err = f.t.Until("OnClose has followed "+string(f.Action)+" in "+f.Callback, func() bool {
		fired := f.Mark().Report.Fired
		if len(fired) <= f.number {
			return false
		}
		done = fired[f.number]
		return silent || done.End != nil
	})
	return done, err
}

// resets reports whether the client must read a reset.
func (f fault) resets() bool {
	return f.Resets() || f.Action == subject.Abort && f.Callback != "OnClose"
}

// ends reports whether the client must read the end of the server's output. Before OnOpen
// and after OnClose there is none to end.
func (f fault) ends() bool {
	return f.Action == subject.CloseWrite && f.Callback != "Protocol" && f.Callback != "OnClose"
}

// cause is what OnClose must hear, "" for anything.
func (f fault) cause() string {
	switch {
	case f.Action == subject.EndNow:
		return ""
	case f.Resets():
		return subject.Panicked
	case f.resets():
		return loop.ErrAborted.Error()
	}
	return "nil"
}

// victim is a client to whose connection something is done.
type victim struct {
	*Client
	sent *ledger.Stream
	n    int // bytes that its kernel took

	unsent error        // why it took no more; valid when script has returned
	got    bytes.Buffer // valid, with err, when over is closed
	err    error
	over   chan struct{}
}

// filled is the script of a client that does not read before something is done.
const filled = "filled"

// script is what a client does for a callback to come.
func (v *victim) script(s *Server, callback string) error {
	switch callback {
	case "OnDrain", filled:
		n, unsent, err := v.fill(s)
		v.n, v.unsent = n, unsent
		return err
	case "OnEOF", "OnClose":
		v.send()
		_ = v.CloseWrite()
	case "OnShutdown":
		v.echo()
	default:
		if slices.Contains(subject.Functions, callback) {
			v.echo()
			return nil
		}
		v.send()
	}
	return nil
}

// send sends a little; it may have been reset by then.
func (v *victim) send() {
	v.n, v.unsent = v.Write(v.out.Next(64))
}

// echo waits for the answer, and so for the connection to be there.
func (v *victim) echo() {
	v.send()
	_ = v.SetReadDeadline(v.soon())
	_, _ = io.CopyN(&v.got, v.TCPConn, int64(v.n))
}

// fill sends until so much output is pending at the server that it does not read, and
// returns how much the client's kernel took, and why it took no more if the connection
// has ended.
func (c *Client) fill(s *Server) (n int, unsent, err error) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for unsent == nil {
			var m int
			m, unsent = c.Write(c.out.Next(64 << 10))
			n += m
		}
	}()
	last, same := 0, 0
	err = c.t.Until("the server has stopped reading", func() bool {
		select {
		case <-sent:
			return true // the connection has ended: what was to be done is done already
		default:
		}
		unread := s.sockets()[c.name()].Unread
		var wrote int
		// In the turn behind one that began with input it would have answered some.
		if s.call("wrote", c.name().String(), &wrote) != nil || wrote != last || unread == 0 {
			last, same = wrote, 0
			return false
		}
		same++
		return same >= 2
	})
	_ = c.SetWriteDeadline(time.Unix(1, 0))
	if <-sent; isTimeout(unsent) {
		unsent = nil // it is ours
	}
	return n, unsent, err
}

// receive takes all that comes until the connection ends, however it does.
func (v *victim) receive() {
	defer close(v.over)
	_ = v.SetReadDeadline(v.soon())
	_, v.err = v.got.ReadFrom(v.TCPConn)
}

// account wants what came to be what was sent, as far as the action lets it be, with
// the marker once where one was written, and the end that the action makes.
func (v *victim) account(f fault, done subject.Fired) error {
	rest, marked := cutMarker(v.got.Bytes())
	if wrote := done.Action == subject.Write && done.Err == ""; marked != wrote {
		return breach(Lost, "the marker came: %v; its write was accepted: %v; the client read %d bytes and %v", marked, wrote, v.got.Len(), v.err)
	}
	if err := v.sent.Check(rest[:min(len(rest), v.n)]); err != nil {
		return breach(Lost, "%v", err)
	}
	if least := v.least(f, done); len(rest) > v.n || len(rest) < least {
		return breach(Lost, "%d bytes sent, %d come back instead of %d", v.n, len(rest), least)
	}
	reset := errors.Is(v.err, syscall.ECONNRESET) || errors.Is(v.unsent, syscall.ECONNRESET)
	if done.Action != subject.EndNow && reset != f.resets() || v.err != nil && !reset {
		return breach(Broke, "the client reads %v, and sending it read %v; a reset is due: %v", v.err, v.unsent, f.resets())
	}
	if want := f.cause(); done.End != nil && want != "" && done.End.Cause != want {
		return breach(Broke, "OnClose heard %s instead of %s", done.End.Cause, want)
	}
	return nil
}

// least is how many bytes must come back.
func (v *victim) least(f fault, done subject.Fired) int {
	switch {
	case done.Action == subject.EndNow || f.resets():
		return 0
	case done.End == nil: // the end had come before
		return v.n
	}
	switch done.Action {
	case subject.Write, subject.Deadlines, subject.Panic, subject.Goexit:
		return v.n
	}
	switch done.Callback {
	case "OnTimeout", "OnEOF":
		return v.n
	}
	return done.End.Wrote
}

// cutMarker takes the marker out of p.
func cutMarker(p []byte) (rest []byte, found bool) {
	before, after, found := bytes.Cut(p, []byte(subject.Marker))
	return append(bytes.Clone(before), after...), found
}
