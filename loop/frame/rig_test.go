//go:build unix

package frame_test

// What the tests on real connections need: an engine on loopback and a peer.

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// patience is how long a test waits for what must happen: whatever takes this long
// has hung.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left:", err)
		code = 1
	}
	os.Exit(code)
}

// take waits for a value that must come.
func take[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// peer is the other end of the one connection of a test.
type peer struct {
	*net.TCPConn
	t      testing.TB
	engine *loop.Engine
}

// serve runs an engine for p, until the end of the test, and connects to it.
func serve(t testing.TB, cfg loop.Config, p loop.Protocol) *peer {
	t.Helper()
	cfg.Loops = 1
	e, err := loop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := take(t, "the end of Run", ran); err != nil {
			t.Error(err)
		}
	})
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &peer{c.(*net.TCPConn), t, e}
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatal(err)
	}
}

// end ends the peer's output.
func (p *peer) end() {
	p.t.Helper()
	if err := p.CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
}

// expect wants the next bytes to be those of s.
func (p *peer) expect(s string) {
	p.t.Helper()
	got := make([]byte, len(s))
	if n, err := io.ReadFull(p, got); err != nil || string(got) != s {
		p.t.Fatalf("the peer received %q, %v; want %q", got[:n], err, s)
	}
}

// expectEnd wants s to be all that still comes, and ends the connection.
func (p *peer) expectEnd(s string) {
	p.t.Helper()
	if got, err := io.ReadAll(p); err != nil || string(got) != s {
		p.t.Fatalf("the peer received %q, %v, at the end; want %q", got, err, s)
	}
	if err := p.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// session is a handler as users write it: a frame.Handler with more to it.
type session struct {
	*frame.Handler
	causes chan error // what OnClose heard
}

func (s *session) OnClose(_ *loop.Conn, err error) { s.causes <- err }

// sessions is the Protocol of connections that split and call fn, and the channel
// on which their causes come.
func sessions(split frame.Split, fn func(c *loop.Conn, f []byte) error) (loop.Protocol, <-chan error) {
	causes := make(chan error, 1)
	return func(*loop.Conn) loop.Handler {
		return &session{frame.New(split, fn), causes}
	}, causes
}

// answer sends each frame back in brackets.
func answer(c *loop.Conn, f []byte) error {
	_, err := fmt.Fprintf(c, "[%s]", f)
	return err
}

// brackets is a handler that sends everything back in round brackets.
var brackets = loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
	_, err := fmt.Fprintf(c, "(%s)", in)
	return len(in), err
})
