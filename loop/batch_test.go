//go:build unix

package loop_test

// What one connection's callback does to others that have their event in the
// same batch: they are told what they are ready for before it runs.

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// batch is some connections whose peers have all sent a message while their loop
// was held, so that all their events come to it at once. It is the loop's.
type batch struct {
	t       *testing.T
	members []*member
	calls   int
	actor   *member // whose callback did the deed
}

// member is one connection of a batch.
type member struct {
	c       *loop.Conn
	client  *client
	message string
	called  bool // before the deed
	silent  bool // it must not be called any more
	pressed bool // nor before its output is down to the low mark
	ended   chan error
	socket  *stream.Stream // what Detach returned
	heir    *stream.Stream // what may have its number now
	other   *stream.Stream // the heir's other end
}

// deed is what a callback does to a connection whose event is still to come, and
// what must become of that one.
type deed struct {
	act     func(b *batch, m *member)
	outcome func(b *batch, m *member)
}

const greeting = "from another's callback: "

var deeds = map[string]deed{
	"Close": {
		act: func(b *batch, m *member) {
			m.silent = true
			if err := m.c.Close(); err != nil {
				b.t.Error(err)
			}
		},
		outcome: func(b *batch, m *member) {
			m.client.expectEnd()
			m.client.Close()
			m.expectCause(b.t, nil)
		},
	},
	"Abort": {
		act: func(_ *batch, m *member) { m.silent = true; m.c.Abort() },
		outcome: func(b *batch, m *member) {
			m.client.expectReset()
			m.expectCause(b.t, loop.ErrAborted)
		},
	},
	"Pause": {
		act: func(_ *batch, m *member) { m.silent = true; m.c.Pause() },
		outcome: func(b *batch, m *member) {
			do(b.t, m.c.Loop(), func() { m.silent = false; m.c.Resume() })
			m.client.expect(m.message)
			m.client.echoes()
		},
	},
	"Detach": {
		act: func(b *batch, m *member) { m.socket = b.detach(m) },
		outcome: func(b *batch, m *member) {
			m.expectCause(b.t, loop.ErrDetached)
			p := make([]byte, 100)
			if n, err := m.socket.Read(p); string(p[:n]) != m.message {
				b.t.Errorf("the detached socket gives %q, %v; want %q", p[:n], err, m.message)
			}
			if _, err := m.socket.Write([]byte("free")); err != nil {
				b.t.Error(err)
			}
			m.client.expect("free")
			m.socket.Close()
			m.client.expectEnd()
		},
	},
	// The number of the descriptor is another socket's before the event's turn.
	"Detach and reuse": {
		act: func(b *batch, m *member) {
			b.detach(m).Close()
			var err error
			if m.heir, m.other, err = stream.Pair(); err != nil {
				b.t.Error(err)
				return
			}
			for _, s := range []*stream.Stream{m.heir, m.other} {
				if _, err := s.Write([]byte("heir")); err != nil {
					b.t.Error(err)
				}
			}
		},
		outcome: func(b *batch, m *member) {
			m.expectCause(b.t, loop.ErrDetached)
			for _, s := range []*stream.Stream{m.heir, m.other} {
				p := make([]byte, 100)
				if n, err := s.Read(p); string(p[:n]) != "heir" {
					b.t.Errorf("the number's next owner reads %q, %v", p[:n], err)
				}
				if n, err := s.Read(p); err != stream.ErrWouldBlock {
					b.t.Errorf("the number's next owner reads more: %q, %v", p[:n], err)
				}
			}
			m.heir.Close()
			m.other.Close()
		},
	},
	"Write": {
		act: func(b *batch, m *member) {
			if _, err := m.c.WriteString(greeting); err != nil {
				b.t.Error(err)
			}
		},
		outcome: func(_ *batch, m *member) {
			m.client.expect(greeting + m.message)
			m.client.echoes()
		},
	},
	// Above the high mark its input is not offered before the output has gone.
	"large Write": {
		act: func(b *batch, m *member) {
			m.pressed = true
			if _, err := m.c.Write(record(0, 3*loop.DefaultHighMark)); err != nil {
				b.t.Error(err)
			}
		},
		outcome: func(_ *batch, m *member) {
			m.client.expect(string(record(0, 3*loop.DefaultHighMark)) + m.message)
			m.client.echoes()
		},
	},
	"SetHandler": {
		act: func(_ *batch, m *member) {
			m.silent = true
			m.c.SetHandler(successor{m.c.Handler()})
		},
		outcome: func(_ *batch, m *member) { m.client.expect(greeting + m.message) },
	},
}

// successor takes the input over from a handler.
type successor struct{ loop.Handler }

func (successor) OnData(c *loop.Conn, in []byte) (int, error) {
	if _, err := c.WriteString(greeting); err != nil {
		return 0, err
	}
	return c.Write(in)
}

func (b *batch) detach(m *member) *stream.Stream {
	m.silent = true
	s, unread, err := m.c.Detach()
	if err != nil || len(unread) > 0 {
		b.t.Errorf("Detach: %q, %v", unread, err)
	}
	return s
}

func (m *member) expectCause(t *testing.T, want error) {
	t.Helper()
	if got := take(t, "OnClose", m.ended); !errors.Is(got, want) {
		t.Errorf("OnClose heard %v, want %v", got, want)
	}
}

// data is the handler of m: the fourth of the batch to be called does the deed
// to all that have not been, and crashes if that is wanted.
func (b *batch) data(m *member, in []byte, d deed, crash func()) (int, error) {
	if m.silent {
		b.t.Errorf("%q is offered to a connection that must not be called", in)
	}
	if n := m.c.Buffered(); m.pressed && n > loop.DefaultLowMark {
		b.t.Errorf("%q is offered while %d bytes are pending", in, n)
	}
	if b.calls++; b.calls > 4 {
		return m.c.Write(in)
	}
	m.called = true
	if b.calls < 4 {
		return m.c.Write(in)
	}
	b.actor = m
	for _, other := range b.members {
		if !other.called {
			d.act(b, other)
		}
	}
	if crash != nil {
		crash()
	}
	return m.c.Write(in)
}

// Whatever a callback does to connections whose events are in the same batch, in
// its own group of events or in a later one, they behave as if it had come before
// their events; so also if it ends in a panic (hazards 1, 3 and 39).
func TestABatchIsDeliveredToWhatIsLeftOfIt(t *testing.T) {
	ends := map[string]func(){"": nil, ", then panic": crashes["panic"], ", then Goexit": crashes["Goexit"]}
	for name, d := range deeds {
		for end, crash := range ends {
			for _, size := range []int{6, 40} {
				t.Run(fmt.Sprintf("%s%s, of %d", name, end, size), func(t *testing.T) { runBatch(t, d, crash, size) })
			}
		}
	}
}

func runBatch(t *testing.T, d deed, crash func(), size int) {
	r := newRig(t, loop.Config{Loops: 1, LingerTimeout: time.Millisecond})
	l := r.engine.Loops()[0]
	b := &batch{t: t}
	opened := make(chan *member, 1)
	ln := r.listen(r.protocol(func(c *loop.Conn) hooks {
		m := &member{c: c, ended: make(chan error, 1)}
		return hooks{
			open:  func(*loop.Conn) error { opened <- m; return nil },
			data:  func(_ *loop.Conn, in []byte) (int, error) { return b.data(m, in, d, crash) },
			close: func(_ *loop.Conn, err error) { m.ended <- err },
		}
	}))
	for i := range size {
		client := r.dial(ln)
		m := take(t, "a connection", opened)
		m.client, m.message = client, fmt.Sprintf("message %d", i)
		b.members = append(b.members, m)
	}
	release := hold(t, l)
	for _, m := range b.members {
		m.client.send([]byte(m.message))
	}
	release()
	until(t, "the deed is done", func() (done bool) {
		do(t, l, func() { done = b.actor != nil })
		return done
	})
	turn(t, l) // the rest of the batch has been delivered
	for _, m := range b.members {
		switch {
		case !m.called:
			d.outcome(b, m)
		case m == b.actor && crash != nil:
			m.client.expectReset()
			m.expectCause(t, loop.ErrPanic)
		default:
			m.client.expect(m.message)
			m.client.echoes()
		}
	}
}

// The same with output that waits for the peer, whose reading makes an event as
// well: none of it is lost, and what is added comes behind it.
func TestABatchWithAWritableEdge(t *testing.T) {
	const total = 12 << 20
	for name, act := range map[string]func(c *loop.Conn) (string, error){
		"Write":      func(c *loop.Conn) (string, error) { _, err := c.WriteString("tail"); return "tail", err },
		"Close":      func(c *loop.Conn) (string, error) { return "", c.Close() },
		"CloseWrite": func(c *loop.Conn) (string, error) { return "", c.CloseWrite() },
		"Pause":      func(c *loop.Conn) (string, error) { c.Pause(); return "", nil },
		"Detach": func(c *loop.Conn) (string, error) {
			if _, _, err := c.Detach(); err != loop.ErrBackpressure {
				return "", fmt.Errorf("Detach: %w, want ErrBackpressure", err)
			}
			return "", nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1, MaxPending: total})
			var full *loop.Conn // the loop's
			ln := r.listen(r.always(hooks{open: func(c *loop.Conn) error {
				full = c
				_, err := c.Write(record(0, total))
				return err
			}}))
			done := make(chan string, 1)
			actors := r.listen(r.always(hooks{data: func(_ *loop.Conn, in []byte) (int, error) {
				if full.Buffered() == 0 {
					t.Error("the kernel has taken everything: the test is too small")
				}
				tail, err := act(full)
				if err != nil {
					t.Error(err)
				}
				done <- tail
				return len(in), nil
			}}))
			reader, actor := r.dial(ln), r.dial(actors)
			until(t, "both are up", func() bool { return r.engine.Stats().Accepted == 2 })
			release := hold(t, r.engine.Loops()[0])
			actor.send([]byte("x"))
			reader.expect(string(record(0, 1<<20)))
			release()
			reader.expect(string(record(1<<20, total-1<<20)) + take(t, "the deed", done))
			switch name {
			case "Close", "CloseWrite":
				reader.expectEnd()
			}
			reader.Close()
		})
	}
}
