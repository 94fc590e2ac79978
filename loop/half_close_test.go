//go:build unix

package loop_test

// Half-closes: either direction ends by itself, and the other goes on.

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// Without OnEOF the peer's end is the connection's: what is pending is flushed,
// then it is closed, orderly.
func TestWithoutOnEOFTheEndFlushesAndCloses(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1})
		const answer = 3 << 20
		causes := make(chan error, 1)
		c := r.dial(listen(r, r.always(hooks{
			data:  func(c *loop.Conn, in []byte) (int, error) { _, err := c.Write(record(1, answer)); return len(in), err },
			close: func(_ *loop.Conn, err error) { causes <- err },
		})))
		c.send([]byte("x"))
		c.finish()
		c.expect(string(record(1, answer)))
		c.expectEnd()
		if err := take(t, "OnClose", causes); err != nil {
			t.Errorf("OnClose heard %v, want nil", err)
		}
	})
}

// With OnEOF the output goes on for as long as the handler wants.
func TestWithOnEOFTheOutputGoesOn(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1})
		ended := make(chan loop.Ref, 1)
		causes := make(chan error, 1)
		c := r.dial(listen(r, r.always(hooks{
			eof:   func(c *loop.Conn) { ended <- c.Ref() },
			close: func(_ *loop.Conn, err error) { causes <- err },
		})))
		c.finish()
		ref := take(t, "OnEOF", ended)
		for _, word := range []string{"still", "here"} {
			if _, err := ref.Write([]byte(word)); err != nil {
				t.Fatal(err)
			}
			c.expect(word)
		}
		select {
		case err := <-causes:
			t.Fatalf("the connection was closed with %v", err)
		default:
		}
		if err := ref.Close(); err != nil {
			t.Fatal(err)
		}
		c.expectEnd()
		if err := take(t, "OnClose", causes); err != nil {
			t.Errorf("OnClose heard %v, want nil", err)
		}
	})
}

// CloseWrite sends what is pending and then FIN; input goes on, and the
// connection ends by itself when the peer has ended too.
func TestCloseWriteEndsTheOutputAlone(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		for name, onEOF := range map[string]func(*loop.Conn){"without OnEOF": nil, "with OnEOF": func(*loop.Conn) {}} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, loop.Config{Loops: 1})
				const answer, question = 3 << 20, 1 << 20
				var in ledger
				causes := make(chan error, 1)
				c := r.dial(listen(r, r.always(hooks{
					open: func(c *loop.Conn) error {
						if _, err := c.Write(record(1, answer)); err != nil {
							return err
						}
						if err := c.CloseWrite(); err != nil {
							return err
						}
						if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
							t.Errorf("Write after CloseWrite: %v", err)
						}
						if err := c.CloseWrite(); !errors.Is(err, net.ErrClosed) {
							t.Errorf("the second CloseWrite: %v", err)
						}
						return nil
					},
					data:  func(_ *loop.Conn, p []byte) (int, error) { return len(p), in.check(p) },
					eof:   onEOF,
					close: func(_ *loop.Conn, err error) { causes <- err },
				})))
				c.expect(string(record(1, answer)))
				c.expectEnd()
				c.send(record(0, question))
				c.finish()
				if err := take(t, "OnClose", causes); err != nil || in != question {
					t.Errorf("OnClose heard %v after %d of %d bytes", err, in, question)
				}
			})
		}
	})
}

// CloseWrite after the peer's end is the end of both.
func TestCloseWriteInOnEOFEndsTheConnection(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		eof: func(c *loop.Conn) {
			if _, err := c.WriteString("bye"); err != nil {
				t.Error(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
		},
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	c.finish()
	c.expect("bye")
	c.expectEnd()
	if err := take(t, "OnClose", causes); err != nil {
		t.Errorf("OnClose heard %v, want nil", err)
	}
}

// A message that the end cuts off is offered, and left, before the end is told.
func TestTheEndCutsAMessageOff(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	offered := 0
	told := make(chan int, 1)
	c := r.dial(r.listen(r.always(hooks{
		data: func(_ *loop.Conn, in []byte) (int, error) { offered = len(in); return 0, nil },
		eof:  func(c *loop.Conn) { told <- offered; c.Close() },
	})))
	c.send([]byte("half a mess"))
	c.finish()
	if n := take(t, "OnEOF", told); n != 11 {
		t.Errorf("%d bytes were offered before OnEOF, want 11", n)
	}
	c.expectEnd()
}

// A connection that is paused hears of the end when it resumes, after the data
// (hazard 16: and only once).
func TestAPausedConnectionHearsTheEndLater(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1})
		conns := make(chan *loop.Conn, 1)
		heard := make(chan string, 10)
		c := r.dial(listen(r, r.always(hooks{
			open: func(c *loop.Conn) error { c.Pause(); conns <- c; return nil },
			data: func(_ *loop.Conn, in []byte) (int, error) { heard <- string(in); return len(in), nil },
			eof:  func(*loop.Conn) { heard <- "EOF" },
		})))
		conn := take(t, "the connection", conns)
		c.send([]byte("data"))
		c.finish()
		for range 10 {
			turn(t, conn.Loop())
		}
		if len(heard) > 0 {
			t.Fatalf("a paused connection hears %q", <-heard)
		}
		do(t, conn.Loop(), func() { conn.Resume(); conn.Resume() })
		if got := take(t, "the data", heard); got != "data" {
			t.Errorf("first comes %q", got)
		}
		if got := take(t, "the end", heard); got != "EOF" {
			t.Errorf("then comes %q", got)
		}
		for range 10 {
			turn(t, conn.Loop())
		}
		if len(heard) > 0 {
			t.Errorf("after the end comes %q", <-heard)
		}
	})
}

// A handler that ends its input itself hears of that as of the peer's end; what Linux
// delivers late (hazard 18) is taken from the peer and offered to nobody.
func TestNothingIsOfferedAfterTheEnd(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	told := make(chan *loop.Conn, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			s, err := c.Stream()
			if err != nil {
				return err
			}
			return s.Shutdown(stream.ShutRead)
		},
		data: func(_ *loop.Conn, in []byte) (int, error) {
			t.Errorf("%d bytes after the end", len(in))
			return len(in), nil
		},
		eof: func(c *loop.Conn) { told <- c },
	})))
	conn := take(t, "OnEOF", told)
	c.send(make([]byte, 8<<20)) // more than both sockets hold
	do(t, conn.Loop(), func() {
		if _, err := conn.WriteString("still here"); err != nil {
			t.Error(err)
		}
	})
	c.expect("still here")
}

// A Close after both sides have ended their output is an orderly end, also when the
// loop has not received the peer's end yet.
func TestCloseAfterBothEndsIsOrderly(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conns, closed := make(chan *loop.Conn, 1), make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			c.Pause() // so that the peer's end is not received
			conns <- c
			return c.CloseWrite()
		},
		close: func(_ *loop.Conn, err error) { closed <- err },
	})))
	conn := take(t, "OnOpen", conns)
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("the peer reads %d, %v, want the end", n, err)
	}
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	do(t, conn.Loop(), func() {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if err := take(t, "OnClose", closed); err != nil {
		t.Errorf("OnClose hears %v, want nil", err)
	}
}

// awaitReset waits, on the loop of c and without receiving, until the reset of its peer
// is there.
func awaitReset(t *testing.T, c *loop.Conn) {
	s, err := c.Stream()
	if err != nil {
		t.Error(err)
		return
	}
	until(t, "the reset is there", func() bool {
		fds := [1]sys.PollFd{{Fd: int32(s.FD()), Events: sys.POLLIN}}
		_, _ = sys.Poll(fds[:], 0)
		return fds[0].Revents&(sys.POLLHUP|sys.POLLERR) != 0
	})
}

// What a peer has sent before its reset is offered, whichever call of the handler meets
// the reset first, and OnClose hears of the reset (C3, hazard 29).
func TestInputBeforeAResetIsOffered(t *testing.T) {
	for name, call := range map[string]func(c *loop.Conn) error{
		"Write":      func(c *loop.Conn) error { _, err := c.Write([]byte("x")); return err },
		"CloseWrite": (*loop.Conn).CloseWrite,
		"Close":      (*loop.Conn).Close,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			causes := make(chan error, 1)
			conns := make(chan *loop.Conn, 1)
			offered := ""
			peer := r.dial(r.listen(r.always(hooks{
				open:  func(c *loop.Conn) error { conns <- c; return nil },
				data:  func(_ *loop.Conn, in []byte) (int, error) { offered += string(in); return len(in), nil },
				eof:   func(*loop.Conn) {},
				close: func(_ *loop.Conn, err error) { causes <- err },
			})))
			c := take(t, "the connection", conns)
			do(t, c.Loop(), func() { // which has no time for events meanwhile
				peer.send([]byte("last words"))
				peer.reset()
				awaitReset(t, c)
				if err := call(c); err != nil {
					t.Error(err)
				}
			})
			err := take(t, "the end", causes)
			// A send to a socket that is over says EPIPE where the reset was told before.
			if !errors.Is(err, syscall.ECONNRESET) && !(name == "Write" && errors.Is(err, syscall.EPIPE)) {
				t.Errorf("OnClose heard %v, want ECONNRESET", err)
			}
			if want := "last words"; name != "Close" && offered != want {
				t.Errorf("%q was offered, want %q", offered, want)
			}
		})
	}
}

// endHandler leaves its input, and at the end of it makes way for next.
type endHandler struct {
	loop.HandlerFunc
	onEOF func(c *loop.Conn)
}

func (h endHandler) OnEOF(c *loop.Conn) { h.onEOF(c) }

// The handler that OnEOF sets is offered what is left, also if a write of OnEOF fails.
func TestTheHandlerOfTheRestIsOfferedItAfterAFailedWrite(t *testing.T) {
	offered := ""
	err := leaveToRest(t, "rest", func(c *loop.Conn) {
		if _, err := c.Write([]byte("bye")); err != nil {
			t.Error(err)
		}
	}, func(_ *loop.Conn, in []byte) (int, error) { offered += string(in); return len(in), nil })
	if offered != "rest" {
		t.Errorf("%q was offered, and OnClose heard %v", offered, err)
	}
}

// A handler that answers what OnEOF left over, so much at once that it is sent within the
// callback, is offered all of it, though the peer has reset and the first answer fails.
func TestARestIsOfferedAlthoughItsAnswersFail(t *testing.T) {
	for name, size := range map[string]int{"at the end of the turn": 10, "within the callback": 16 << 10} {
		t.Run(name, func(t *testing.T) {
			offered := ""
			err := leaveToRest(t, "0123456789", func(*loop.Conn) {}, func(c *loop.Conn, in []byte) (int, error) {
				offered += string(in[:1])
				_, _ = c.Write(make([]byte, size))
				return 1, nil
			})
			if offered != "0123456789" || err == nil {
				t.Errorf("%q was offered, and OnClose heard %v", offered, err)
			}
		})
	}
}

// leaveToRest lets a peer send, end its output and reset. The handler takes nothing, and its
// OnEOF, which begins with before, leaves all to another, whose OnData is data. It returns
// what OnClose heard.
func leaveToRest(t *testing.T, sent string, before func(*loop.Conn), data func(*loop.Conn, []byte) (int, error)) error {
	t.Helper()
	r := newRig(t, loop.Config{Loops: 1})
	conns, causes := make(chan *loop.Conn, 1), make(chan error, 1)
	rest := r.watch(hooks{data: data, close: func(_ *loop.Conn, err error) { causes <- err }})
	first := endHandler{
		HandlerFunc: func(*loop.Conn, []byte) (int, error) { return 0, nil },
		onEOF:       func(c *loop.Conn) { before(c); c.SetHandler(rest) },
	}
	peer := r.dial(r.listen(func(c *loop.Conn) loop.Handler { conns <- c; return first }))
	c := take(t, "the connection", conns)
	do(t, c.Loop(), func() {
		peer.send([]byte(sent))
		peer.finish()
		peer.reset()
		awaitReset(t, c)
	})
	return take(t, "the end", causes)
}

// A connection whose peer has ended its output, and is reset while so much of the answer
// is pending that nothing is read, ends: no event will come any more.
func TestAResetEndsAStalledAnswer(t *testing.T) {
	answers := map[string]hooks{
		"written in OnEOF": {eof: func(c *loop.Conn) { _, _ = c.Write(make([]byte, stalledOutput)) }},
		"paced by OnDrain": {eof: fillToHighMark, drain: fillToHighMark},
	}
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		for name, h := range answers {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput})
				stalled, causes := make(chan *loop.Conn, 1), make(chan error, 1)
				answer := h.eof
				h.eof = func(c *loop.Conn) { answer(c); stalled <- c }
				h.close = func(_ *loop.Conn, err error) { causes <- err }
				peer := r.dial(listen(r, r.always(h)))
				peer.finish()
				c := take(t, "OnEOF", stalled)
				awaitPending(t, c)
				peer.Close() // with input that it has not read: a reset
				if err := take(t, "OnClose", causes); err == nil {
					t.Error("OnClose hears nil of an answer that was cut")
				}
			})
		}
	})
}

func fillToHighMark(c *loop.Conn) {
	for c.Buffered() <= loop.DefaultHighMark {
		if _, err := c.Write(make([]byte, 16<<10)); err != nil {
			return
		}
	}
}

// awaitPending waits until the kernel takes no more of the output, which is above the
// high mark then.
func awaitPending(t *testing.T, c *loop.Conn) {
	t.Helper()
	before := -1
	until(t, "output is pending and stays so", func() bool {
		var now int
		do(t, c.Loop(), func() { now = c.Buffered() })
		same := now == before && now > loop.DefaultHighMark
		before = now
		return same
	})
}

// A handler that OnEOF sets and that takes a byte per call is offered all that is left
// before it hears of the end, in however many turns.
func TestTheHandlerOfTheRestHearsOfTheEndAfterIt(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	const left = 1000 // more calls than one connection gets in a row
	offered, told := 0, make(chan int, 1)
	rest := r.watch(hooks{
		data: func(*loop.Conn, []byte) (int, error) { offered++; return 1, nil },
		eof:  func(c *loop.Conn) { told <- offered; c.Close() },
	})
	first := endHandler{
		HandlerFunc: func(*loop.Conn, []byte) (int, error) { return 0, nil },
		onEOF:       func(c *loop.Conn) { c.SetHandler(rest) },
	}
	peer := r.dial(r.listen(func(*loop.Conn) loop.Handler { return first }))
	peer.send(record(1, left))
	peer.finish()
	if n := take(t, "OnEOF", told); n != left {
		t.Errorf("%d bytes were offered before OnEOF, want %d", n, left)
	}
	peer.expectEnd()
}
