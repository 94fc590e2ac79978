//go:build unix

package loop_test

// The handler of FuzzConn: in every callback it calls whatever its script says,
// and it holds the engine to the contract.

import (
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

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
