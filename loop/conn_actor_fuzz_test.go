//go:build unix

package loop_test

// The handler of FuzzConn: in every callback it calls whatever its script says,
// and it holds the engine to the contract.

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// script is a source of choices; once it is used up, all of them are 0.
type script struct{ left []byte }

func (s *script) next() byte {
	if len(s.left) == 0 {
		return 0
	}
	b := s.left[0]
	s.left = s.left[1:]
	return b
}

// choose returns one of list.
func choose[T any](s *script, list ...T) T { return list[int(s.next())%len(list)] }

// sizes of what is written: nothing, corked, direct, above the marks, too much.
var sizes = []int{1, 0, 100, 5_000, fuzzConfig.HighMark, 9_000, 20_000, 300_000, fuzzConfig.MaxPending, fuzzConfig.MaxPending + 1}

var errScript = errors.New("the script says so")

// An actor is one connection under test, seen from its handlers. Its fields
// belong to the connection's loop, until gone is closed.
type actor struct {
	t      testing.TB
	script script
	conn   *loop.Conn
	sent   func() int    // how much the peer has sent at most
	made   chan struct{} // closed when the Protocol was called
	gone   chan struct{} // closed by OnClose, or when there will be none

	inside   string // the callback under way
	began    bool
	closed   bool
	cause    error // what OnClose heard
	consumed int   // input taken
	offered  int   // input seen, what was not taken included
	written  []byte
	position ledger // of written
	ends     bool   // this side has ended the connection, or may have
	detached *stream.Stream
	finale   bool // no more pranks: let it come to its end
}

// A face is a handler that has no optional method but OnOpen and OnDrain.
type face struct {
	*actor
	self    loop.Handler // what the engine was given
	eofTold bool
}

// fullFace has all of them.
type fullFace struct{ *face }

func (a *actor) newFace() loop.Handler {
	f := &face{actor: a}
	f.self = f
	if a.script.next()%2 == 1 {
		f.self = fullFace{f}
	}
	return f.self
}

// protocol is the Protocol of the one connection.
func (a *actor) protocol(c *loop.Conn) loop.Handler {
	a.conn = c
	close(a.made)
	switch a.script.next() {
	case 254:
		a.refuse()
		return nil
	case 255:
		a.refuse()
		panic(errScript)
	}
	return a.newFace()
}

// refuse notes that no callback will come.
func (a *actor) refuse() {
	a.ends = true
	close(a.gone)
}

func (f *face) enter(callback string) (leave func()) {
	if f.inside != "" {
		f.t.Errorf("%s is called within %s", callback, f.inside)
	}
	if f.closed {
		f.t.Errorf("%s is called after OnClose", callback)
	}
	if f.conn.Handler() != f.self {
		f.t.Errorf("%s is called on a handler that was replaced", callback)
	}
	f.inside, f.began = callback, true
	return func() { f.inside = "" }
}

func (f *face) OnOpen(*loop.Conn) error {
	if f.began {
		f.t.Error("OnOpen is not the first callback, or not the only OnOpen")
	}
	defer f.enter("OnOpen")()
	return f.act()
}

func (f *face) OnData(_ *loop.Conn, in []byte) (int, error) {
	defer f.enter("OnData")()
	f.look(in)
	if f.finale {
		f.consumed += len(in)
		return len(in), nil
	}
	before := f.consumed
	err := f.actWith(in)
	if f.consumed != before {
		return 0, err // detached: what it had not taken was checked and is its own
	}
	n := f.share(len(in))
	f.consumed += n
	clear(in[:n])
	return n, err
}

// look holds an offer against what the peer sent.
func (f *face) look(in []byte) {
	if len(in) == 0 {
		f.t.Error("OnData is called without data")
	}
	end := f.consumed + len(in)
	if end > f.sent() {
		f.t.Errorf("%d bytes were offered when the peer had sent %d", end, f.sent())
	}
	if end < f.offered {
		f.t.Errorf("%d bytes were offered before, and now only %d", f.offered, end)
	}
	f.offered = end
	l := ledger(f.consumed)
	if err := l.check(in); err != nil {
		f.t.Errorf("input: %v", err)
	}
}

// share is how many of n bytes OnData takes; a used up script takes all.
func (f *face) share(n int) int {
	switch f.script.next() % 8 {
	case 1:
		return 0
	case 2:
		return 1
	case 3:
		return n / 2
	case 4:
		return n - 1
	}
	return n
}

func (f *face) OnDrain(*loop.Conn) {
	defer f.enter("OnDrain")()
	f.end(f.act())
}

// end makes an error count in a callback that returns none.
func (f *face) end(err error) {
	if err != nil {
		_ = f.conn.Close()
	}
}

func (f *face) OnClose(_ *loop.Conn, err error) {
	defer f.enter("OnClose")()
	defer close(f.gone)
	f.cause, f.closed = err, true
	if f.detached != nil {
		_ = f.detached.Close() // from here on it is the caller's alone
	}
	_ = f.act()
}

func (f fullFace) OnEOF(*loop.Conn) {
	defer f.enter("OnEOF")()
	if f.eofTold {
		f.t.Error("OnEOF is called twice")
	}
	f.eofTold = true
	if f.offered != f.sent() {
		f.t.Errorf("OnEOF comes after %d bytes were offered, and the peer sent %d", f.offered, f.sent())
	}
	if f.finale {
		_ = f.conn.Close()
		return
	}
	f.end(f.act())
}

func (f fullFace) OnTimeout(*loop.Conn, loop.Deadline) error {
	defer f.enter("OnTimeout")()
	return f.act()
}

func (f fullFace) OnShutdown(*loop.Conn) {
	f.ends = true
	defer f.enter("OnShutdown")()
	_ = f.act()
	_ = f.conn.Close()
}

// conclude lets the connection come to its end once its peer has ended it.
func (a *actor) conclude(c *loop.Conn) {
	a.finale = true
	c.Resume()
	if f, ok := c.Handler().(fullFace); ok && f.eofTold {
		_ = c.Close()
	}
}

func (a *actor) act() error { return a.actWith(nil) }

// actWith makes the next few calls of the script. in is what OnData was offered.
func (a *actor) actWith(in []byte) error {
	if a.finale {
		return nil
	}
	for range a.script.next() % 4 {
		if err := a.call(in); err != nil {
			a.ends = true
			return err
		}
	}
	return nil
}

// call makes one call.
func (a *actor) call(in []byte) error {
	c := a.conn
	switch a.script.next() % 24 {
	case 1:
		a.write(func(p []byte) (int, error) { return c.Write(p) })
	case 2:
		a.write(func(p []byte) (int, error) { return c.WriteString(string(p)) })
	case 3:
		a.write(func(p []byte) (int, error) { return c.Writev([][]byte{p[:len(p)/3], nil, p[len(p)/3:]}) })
	case 4:
		a.wrote(in, func(p []byte) (int, error) { return c.Write(p) })
	case 5:
		c.Pause()
	case 6:
		c.Resume()
	case 7:
		_ = c.CloseWrite()
	case 8:
		a.ends = true
		_ = c.Close()
	case 9:
		a.ends = true
		c.Abort()
	case 10:
		c.SetReadDeadline(a.deadline())
	case 11:
		c.SetWriteDeadline(a.deadline())
	case 12:
		a.idle()
	case 13:
		c.SetHandler(a.newFace())
	case 14:
		a.later(c.Ref().Do)
	case 15:
		a.later(func(f func(*loop.Conn)) error { return c.Loop().Post(func() { f(c) }) })
	case 16:
		d := choose(&a.script, 0, time.Microsecond, time.Millisecond)
		a.later(func(f func(*loop.Conn)) error { c.Loop().AfterFunc(d, func() { f(c) }); return nil })
	case 17:
		a.ends = true
		_ = c.Ref().Close()
	case 18:
		a.detach(in)
	case 19:
		a.ask()
	case 20:
		return errScript
	case 21:
		a.ends = true
		panic(errScript)
	case 22:
		a.ends = true
		runtime.Goexit()
	case 23:
		if a.script.next() == 0 {
			a.ends = true
			_ = c.Loop().Engine().Close()
		}
	}
	return nil
}

// write writes the next bytes of the output.
func (a *actor) write(with func([]byte) (int, error)) {
	p := make([]byte, choose(&a.script, sizes...))
	l := a.position
	l.fill(p)
	if a.wrote(p, with) {
		a.position = l
	}
	clear(p) // it is free for reuse
}

// wrote writes p, all or nothing.
func (a *actor) wrote(p []byte, with func([]byte) (int, error)) bool {
	kept := bytes.Clone(p)
	n, err := with(p)
	switch {
	case err == nil && n != len(p), err != nil && n != 0:
		a.t.Errorf("a write of %d bytes returned %d, %v", len(p), n, err)
	case err == nil && a.closed:
		a.t.Error("a write was taken after OnClose")
	case err == nil:
		a.written = append(a.written, kept...)
		return true
	}
	return false
}

// deadline returns a time. Those that may come to pass end the connection.
func (a *actor) deadline() time.Time {
	now := time.Now()
	kind := a.script.next() % 6
	if kind > 1 {
		a.ends = true
	}
	return []time.Time{{}, now.Add(math.MaxInt64), now, now.Add(-time.Hour), now.Add(time.Millisecond), time.Unix(0, 1)}[kind]
}

func (a *actor) idle() {
	d := choose[time.Duration](&a.script, 0, math.MaxInt64, -1, 1, time.Millisecond)
	if d == 1 || d == time.Millisecond {
		a.ends = true
	}
	a.conn.SetIdleTimeout(d)
}

// later lets calls be made outside of any callback.
func (a *actor) later(run func(func(*loop.Conn)) error) {
	_ = run(func(c *loop.Conn) {
		if c != a.conn {
			a.t.Error("the function is called with another connection")
		}
		if a.inside != "" {
			a.t.Errorf("a task runs within %s", a.inside)
		}
		if a.act() != nil {
			_ = c.Close()
		}
	})
}

// detach takes the connection out of the engine. What had been received and not
// consumed must come with it.
func (a *actor) detach(in []byte) {
	s, unread, err := a.conn.Detach()
	if err != nil {
		return
	}
	a.ends = true
	if want := a.offered - a.consumed; len(unread) != want || in != nil && len(unread) != len(in) {
		a.t.Errorf("Detach returned %d unread bytes, %d were left", len(unread), want)
	}
	l := ledger(a.consumed)
	if err := l.check(unread); err != nil {
		a.t.Errorf("Detach: unread %v", err)
	}
	a.consumed += len(unread)
	a.detached = s
}

// ask calls what changes nothing.
func (a *actor) ask() {
	c := a.conn
	_, _, _ = c.LocalAddr(), c.Loop(), c.Ref().Loop()
	if n := c.Buffered(); n < 0 || n > fuzzConfig.MaxPending {
		a.t.Errorf("%d bytes are pending, past MaxPending", n)
	}
	if s, err := c.Stream(); err == nil {
		_ = s.SetTTL(64)
	}
}
