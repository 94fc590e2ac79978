//go:build unix

package loop_test

// What was written before a connection changes hands, or is refused, arrives; and
// what else an end must not lose.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// A Detach behind CloseWrite carries the FIN out before it hands the socket over.
func TestDetachSendsTheFINOfCloseWrite(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	detached := make(chan *stream.Stream, 1)
	c := r.dial(r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		if _, err := c.Write([]byte("bye")); err != nil {
			t.Error(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		s, _, err := c.Detach()
		if err != nil {
			t.Errorf("Detach: %v", err)
		}
		detached <- s
		return len(in), nil
	}})))
	c.send([]byte("x"))
	s := take(t, "the socket", detached)
	defer s.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "bye" {
		t.Errorf("the peer reads %q, %v; want bye and the end", got, err)
	}
}

// What a Protocol writes before it refuses a connection arrives in full.
func TestARefusalIsFlushed(t *testing.T) {
	const most = 8 << 20
	r := newRig(t, loop.Config{Loops: 1, MaxPending: most})
	for _, size := range []int{0, 10, most} {
		ln := r.listen(func(c *loop.Conn) loop.Handler {
			if _, err := c.Write(make([]byte, size)); err != nil {
				t.Error(err)
			}
			return nil
		})
		c := r.dial(ln)
		if n, err := io.Copy(io.Discard, c); err != nil || n != int64(size) {
			t.Errorf("the peer reads %d bytes of %d, %v", n, size, err)
		}
	}
}

// unheard is a handler that nobody may call.
type unheard struct{ testing.TB }

func (h unheard) OnData(_ *loop.Conn, in []byte) (int, error) {
	h.Error("OnData of a refused connection")
	return len(in), nil
}

func (h unheard) OnClose(*loop.Conn, error) { h.Error("OnClose of a refused connection") }

// A refused connection has no callbacks, whatever the Protocol did to it before.
func TestARefusalForgetsTheHandlerThatWasSet(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	c := r.dial(r.listen(func(c *loop.Conn) loop.Handler {
		c.SetHandler(unheard{t})
		return nil
	}))
	c.expectEnd()
}

// The peer of a dial to the unspecified address is the one it was connected to.
func TestRemoteAddrOfADialToTheUnspecifiedAddress(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{}))
	want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), ln.Addr().AddrPort().Port())
	peers := make(chan stream.Addr, 1)
	err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", fmt.Sprintf("0.0.0.0:%d", want.Port()), r.always(hooks{}), func(c *loop.Conn, err error) {
		if err != nil {
			t.Error(err)
		} else {
			peers <- c.RemoteAddr()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := take(t, "the dial", peers).AddrPort(); got != want {
		t.Errorf("RemoteAddr is %v, want %v", got, want)
	}
}

// A dial from a path that has to wait for room in the listener's queue does not
// stumble over the file of its own first attempt.
func TestDialFromAPathWaitsForAFullQueue(t *testing.T) {
	dir := t.TempDir()
	l, err := stream.Listen(stream.UnixAddr(filepath.Join(dir, "l")), stream.ListenOptions{Backlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr, err := l.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := stream.Start(addr)
		if err != nil {
			break
		}
		defer s.Close()
	}
	r := newRig(t, loop.Config{Loops: 1})
	outcome := make(chan error, 1)
	cfg := loop.DialConfig{LocalAddr: stream.UnixAddr(filepath.Join(dir, "me"))}
	err = r.engine.Dial(context.Background(), cfg, "unix", addr.Path(), r.always(hooks{}), func(_ *loop.Conn, err error) { outcome <- err })
	if err != nil {
		t.Fatal(err)
	}
	do(t, r.engine.Loops()[0], func() {}) // the first attempt found no room
	for s, err := range l.Incoming() {
		if err == nil {
			defer s.Close()
		}
	}
	if err := take(t, "the dial", outcome); err != nil {
		t.Error(err)
	}
}

// A task that posts itself again does not keep Shutdown from ending.
func TestShutdownEndsBesideATaskThatPostsItself(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	var again func()
	again = func() { _ = l.Post(again) }
	do(t, l, again)
	if err := r.engine.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is sent for another connection is none of the business of the one whose callback
// runs: its next write must not be queued in front of what it has corked (C1).
func TestADetachOfAnotherKeepsTheOrder(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conns := make(chan *loop.Conn, 2)
	p := r.always(hooks{
		open: func(c *loop.Conn) error { conns <- c; return nil },
		eof:  func(*loop.Conn) {},
	})
	peer := r.dial(r.listenUnix(p))
	writer := take(t, "the writer", conns)
	other := r.dial(r.listen(p)) // of TCP the kernel takes a lot at once
	detached := take(t, "the other one", conns)
	go io.Copy(io.Discard, other)
	var want bytes.Buffer
	write := func(c *loop.Conn, p []byte) {
		if _, err := c.Write(p); err != nil {
			t.Error(err)
		}
		want.Write(p)
	}
	sockets := make(chan *stream.Stream, 1)
	if err := writer.Ref().Do(func(c *loop.Conn) {
		shrinkSendBuffer(t, c) // the kernel shall take a part of it
		for range 8 {
			write(c, bytes.Repeat([]byte("1"), 7<<10))
		}
		// Queued, for its callback does not run. Detach sends it.
		if _, err := detached.Write(make([]byte, 1<<20)); err != nil {
			t.Error(err)
		}
		s, _, err := detached.Detach()
		if err != nil && err != loop.ErrBackpressure {
			t.Errorf("Detach: %v", err)
		}
		write(c, []byte("2222"))
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		sockets <- s
	}); err != nil {
		t.Fatal(err)
	}
	if s := take(t, "the socket", sockets); s != nil {
		defer s.Close()
	}
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("the peer reads %d bytes of %d, %v; the last ones begin at %d", len(got), want.Len(), err, bytes.IndexByte(got, '2'))
	}
}

// shrinkSendBuffer makes the kernel keep little of what c sends.
func shrinkSendBuffer(t *testing.T, c *loop.Conn) {
	s, err := c.Stream()
	if err != nil {
		t.Error(err)
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	if err := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 4096)
	}); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Error(err)
	}
}

// Detach sends what waits for the end of the turn, as far as the kernel takes it.
func TestDetachSendsWhatIsQueued(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conns := make(chan *loop.Conn, 1)
	peer := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error { conns <- c; return nil }})))
	c := take(t, "the connection", conns)
	do(t, c.Loop(), func() { // none of its callbacks, so the write is queued
		if _, err := c.Write([]byte("bye")); err != nil {
			t.Error(err)
		}
		s, _, err := c.Detach()
		if err != nil {
			t.Errorf("Detach: %v", err)
			return
		}
		s.Close()
	})
	if got, err := io.ReadAll(peer); err != nil || string(got) != "bye" {
		t.Errorf("the peer reads %q, %v", got, err)
	}
}
