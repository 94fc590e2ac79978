//go:build unix

package frame_test

// Frames on real connections, and what a callback may do to its connection between
// two of them.

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
	"github.com/eddyline/eddyline/stream"
)

func TestFramesInAnyPieces(t *testing.T) {
	p := serve(t, loop.Config{}, frame.Protocol(frame.Line{}.Split, answer))
	for _, piece := range []string{"a", "b\r", "\n", "\n\nc", "\nd\n"} {
		p.send(piece)
	}
	p.end()
	p.expectEnd("[ab][][][c][d]")
}

func TestAnErrorOfFnIsTheCause(t *testing.T) {
	refused := errors.New("refused")
	protocol, causes := sessions(frame.Line{}.Split, func(c *loop.Conn, f []byte) error {
		return errors.Join(answer(c, f), refused)
	})
	p := serve(t, loop.Config{}, protocol)
	p.send("a\nb\n")
	p.expectEnd("[a]")
	if err := take(t, "OnClose", causes); !errors.Is(err, refused) {
		t.Errorf("OnClose heard %v", err)
	}
}

// The peer declares a frame that it does not send: the connection ends without it.
func TestTooLongEndsTheConnectionBeforeTheFrameIsThere(t *testing.T) {
	protocol, causes := sessions(frame.Length{Max: 10}.Split, answer)
	p := serve(t, loop.Config{}, protocol)
	p.send("\x00\x00\x00\x01a\x00\x00\x00\x0b")
	p.expectEnd("[a]")
	if err := take(t, "OnClose", causes); !errors.Is(err, frame.ErrTooLong) {
		t.Errorf("OnClose heard %v", err)
	}
}

// polite tells its peer why it closes.
type polite struct{ *frame.Handler }

func (h polite) OnData(c *loop.Conn, in []byte) (int, error) {
	n, err := h.Handler.OnData(c, in)
	if errors.Is(err, frame.ErrTooLong) {
		_, _ = c.WriteString("too long")
	}
	return n, err
}

func TestAnOnDataOfOnesOwn(t *testing.T) {
	p := serve(t, loop.Config{}, func(*loop.Conn) loop.Handler {
		return polite{frame.New(frame.Line{Max: 2}.Split, answer)}
	})
	p.send("ab\nabcd")
	p.expectEnd("[ab]too long")
}

// A frame of the whole of MaxInbound is served; one byte more ends the connection.
func TestAFrameAsLongAsMaxInbound(t *testing.T) {
	const bound = 1000
	for size, cause := range map[int]error{bound: nil, bound + 1: loop.ErrMaxInbound} {
		length := frame.Length{Max: bound}
		protocol, causes := sessions(length.Split, answer)
		p := serve(t, loop.Config{MaxInbound: bound}, protocol)
		body := strings.Repeat("x", size-4)
		in, err := length.Append(nil, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		p.send(string(in))
		if cause == nil {
			p.expect("[" + body + "]")
		}
		p.end()
		if err := take(t, "OnClose", causes); !errors.Is(err, cause) {
			t.Errorf("a frame of %d bytes: %v, want %v", size, err, cause)
		}
	}
}

// A Split that takes what is not there ends its connection, and is not believed.
func TestAnImpossibleSplit(t *testing.T) {
	for _, impossible := range []int{-1, 3} {
		protocol, causes := sessions(func(in []byte, _ int, _ bool) (int, []byte, error) {
			return impossible, in, nil
		}, answer)
		p := serve(t, loop.Config{}, protocol)
		p.send("ab")
		p.expectEnd("")
		if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrCount) {
			t.Errorf("with n %d OnClose heard %v", impossible, err)
		}
	}
}

func TestSetHandlerGivesTheRestToTheNextHandler(t *testing.T) {
	next := map[string]func(causes chan error) loop.Handler{
		"raw":    func(chan error) loop.Handler { return brackets },
		"frames": func(causes chan error) loop.Handler { return &session{frame.New(frame.Fixed(3).Split, answer), causes} },
	}
	for _, tc := range []struct{ name, out string }{{"raw", "[go](abc\nxyz)"}, {"frames", "[go][abc][\nxy]"}} {
		t.Run(tc.name, func(t *testing.T) {
			causes := make(chan error, 1)
			p := serve(t, loop.Config{}, frame.Protocol(frame.Line{}.Split, func(c *loop.Conn, f []byte) error {
				c.SetHandler(next[tc.name](causes))
				return answer(c, f)
			}))
			p.send("go\nabc\nxyz")
			p.end()
			p.expectEnd(tc.out)
			if tc.name != "frames" {
				return
			}
			if err := take(t, "OnClose", causes); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the end within a frame of the second protocol is %v", err)
			}
		})
	}
}

// The rest of an input that has ended goes to the next handler as well.
func TestSetHandlerAtTheEnd(t *testing.T) {
	p := serve(t, loop.Config{}, frame.Protocol(frame.Rest(frame.Fixed(3).Split), func(c *loop.Conn, f []byte) error {
		if len(f) < 3 {
			c.SetHandler(brackets)
		}
		return answer(c, f)
	}))
	p.send("abcd")
	p.end()
	p.expectEnd("[abc][d]")
}

func TestNothingComesAfterCloseOrAbort(t *testing.T) {
	for name, stop := range map[string]func(c *loop.Conn){
		"Close": func(c *loop.Conn) { _ = c.Close() },
		"Abort": (*loop.Conn).Abort,
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			protocol, causes := sessions(frame.Line{}.Split, func(c *loop.Conn, f []byte) error {
				got = append(got, string(f))
				stop(c)
				return nil
			})
			p := serve(t, loop.Config{}, protocol)
			p.send("a\nb\nc")
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			take(t, "OnClose", causes)
			if !slices.Equal(got, []string{"a"}) {
				t.Errorf("frames %q", got)
			}
		})
	}
}

func TestPauseHoldsTheNextFrameUntilResume(t *testing.T) {
	paused := make(chan *loop.Conn, 4)
	p := serve(t, loop.Config{}, frame.Protocol(frame.Rest(frame.Line{}.Split), func(c *loop.Conn, f []byte) error {
		c.Pause()
		paused <- c
		return answer(c, f)
	}))
	p.send("a\nb\nc")
	p.end()
	for _, want := range []string{"[a]", "[b]", "[c]"} {
		c := take(t, "a frame", paused)
		p.expect(want)
		if err := c.Ref().Do(func(c *loop.Conn) {
			if len(paused) > 0 {
				t.Error("a frame came while paused")
			}
			c.Resume()
		}); err != nil {
			t.Fatal(err)
		}
	}
	p.expectEnd("")
}

// Leaving the engine behind a frame, as the package comment says it is done, and
// within one, which is then unread still. Either way no further frame comes.
func TestDetach(t *testing.T) {
	type left struct {
		socket *stream.Stream
		unread []byte
		err    error
	}
	detached := make(chan left, 1)
	detach := func(c *loop.Conn) {
		socket, unread, err := c.Detach()
		detached <- left{socket, unread, err}
	}
	for name, way := range map[string]struct {
		leave  func(c *loop.Conn) error
		unread string
	}{
		"behind": {func(c *loop.Conn) error { c.Pause(); return c.Ref().Do(detach) }, "a\nb"},
		"within": {func(c *loop.Conn) error { detach(c); return nil }, "go\na\nb"},
	} {
		t.Run(name, func(t *testing.T) {
			frames := 0
			protocol, causes := sessions(frame.Line{}.Split, func(c *loop.Conn, _ []byte) error {
				frames++
				return way.leave(c)
			})
			p := serve(t, loop.Config{}, protocol)
			p.send("go\na\nb")
			got := take(t, "the socket", detached)
			if got.err != nil || string(got.unread) != way.unread {
				t.Fatalf("unread %q, %v; want %q", got.unread, got.err, way.unread)
			}
			if err := got.socket.Close(); err != nil {
				t.Error(err)
			}
			if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrDetached) || frames != 1 {
				t.Errorf("after %d frames OnClose heard %v", frames, err)
			}
		})
	}
}

// When the peer does not read, frames wait: each gets its answer, none is refused.
func TestFramesWaitForTheOutput(t *testing.T) {
	const frames, size = 2000, 4000
	reply := make([]byte, size)
	refused := make(chan error, 1)
	p := serve(t, loop.Config{HighMark: size, MaxPending: 4 * size}, frame.Protocol(frame.Line{}.Split, func(c *loop.Conn, f []byte) error {
		_, err := c.Write(reply)
		if err != nil {
			refused <- err
		}
		return err
	}))
	go func() {
		_, _ = io.WriteString(p, strings.Repeat("\n", frames))
		_ = p.CloseWrite()
	}()
	if n, err := io.Copy(io.Discard, p); n != frames*size || err != nil {
		t.Errorf("%d bytes of answers, %v", n, err)
	}
	if len(refused) > 0 {
		t.Error(<-refused)
	}
}

// patient has the optional callbacks of a handler, beside its frames.
type patient struct {
	session
	heard chan string
}

func (h *patient) OnOpen(c *loop.Conn) error {
	h.heard <- "open"
	c.SetReadDeadline(c.Loop().Now().Add(time.Millisecond))
	return nil
}

func (h *patient) OnTimeout(c *loop.Conn, d loop.Deadline) error {
	if c.Handler() != loop.Handler(h) {
		return errors.New("the engine does not know the handler by its own type")
	}
	h.heard <- d.String()
	_, err := c.WriteString("well?")
	return err
}

func (h *patient) OnShutdown(c *loop.Conn) {
	h.heard <- "shutdown"
	_ = c.Close()
}

func TestCallbacksBesideTheFrames(t *testing.T) {
	h := &patient{session{frame.New(frame.Line{}.Split, answer), make(chan error, 1)}, make(chan string, 4)}
	p := serve(t, loop.Config{}, func(*loop.Conn) loop.Handler { return h })
	p.expect("well?")
	p.send("a\n")
	p.expect("[a]")
	done := make(chan error, 1)
	go func() { done <- p.engine.Shutdown(context.Background()) }()
	p.expectEnd("")
	if err := take(t, "the shutdown", done); err != nil {
		t.Error(err)
	}
	take(t, "OnClose", h.causes)
	for _, want := range []string{"open", "read deadline", "shutdown"} {
		if got := take(t, want, h.heard); got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
}

// A header and a long frame go out without the frame being copied.
func TestAHeaderAndItsFrameByWritev(t *testing.T) {
	body := strings.Repeat("x", 100_000)
	length := frame.Length{Max: 200_000}
	p := serve(t, loop.Config{}, frame.Protocol(frame.Line{}.Split, func(c *loop.Conn, f []byte) error {
		header, err := length.AppendHeader(nil, len(body))
		if err != nil {
			return err
		}
		_, err = c.Writev([][]byte{header, []byte(body)})
		return err
	}))
	p.send("\n")
	p.end()
	p.expectEnd("\x00\x01\x86\xa0" + body)
}
