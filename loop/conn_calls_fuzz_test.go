//go:build unix

package loop_test

// What the script of FuzzConn lets a handler do: calls of every method, and what each
// must return.

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/loop"
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
