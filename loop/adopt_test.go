//go:build unix

package loop_test

// Connections that come from elsewhere, go elsewhere, or change their protocol.

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// An adopted connection is served like any other, bytes included that were
// there before.
func TestAdopt(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	nc, c := tcpPair(t)
	c.send([]byte("early"))
	peer := nc.RemoteAddr().String()
	peers := make(chan string, 1)
	err := r.engine.Adopt(nc, r.always(hooks{
		open: func(c *loop.Conn) error { peers <- c.RemoteAddr().String(); return nil },
		data: echo,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := take(t, "OnOpen", peers); got != peer {
		t.Errorf("the peer is %s, want %s", got, peer)
	}
	c.expect("early")
	c.echoes()
	if _, err := nc.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection of package net is still open: %v", err)
	}
	c.finish()
	c.expectEnd()
}

// A lingering close that somebody set does not block the loop (hazard 6).
func TestAdoptedLingerDoesNotBlock(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: stalledOutput, FlushTimeout: time.Millisecond})
	nc, c := tcpPair(t)
	if err := nc.(*net.TCPConn).SetLinger(3600); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	if err := r.engine.Adopt(nc, r.always(hooks{
		open:  func(c *loop.Conn) error { _, _ = c.Write(make([]byte, stalledOutput)); return c.Close() },
		close: func(_ *loop.Conn, err error) { gone <- err },
	})); err != nil {
		t.Fatal(err)
	}
	take(t, "OnClose", gone) // and not after an hour
	c.expectReset()
}

// What is no stream socket, or nothing, is refused and stays as it was.
func TestAdoptRefusals(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	p := r.always(hooks{})
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := r.engine.Adopt(a, p); err == nil {
		t.Error("a net.Pipe is adopted")
	}
	go func() { _, _ = a.Write([]byte("x")) }()
	if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Errorf("the refused pipe: %v", err)
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if err := r.engine.Adopt(udp, p); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a UDP socket: %v, want os.ErrInvalid", err)
	}
	if udp.LocalAddr() == nil {
		t.Error("the refused socket is closed")
	}
	nc, _ := tcpPair(t)
	if err := r.engine.Adopt(nc, nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a nil Protocol: %v, want os.ErrInvalid", err)
	}
	if err := r.engine.Adopt(nil, p); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a nil connection: %v, want os.ErrInvalid", err)
	}
	if err := r.engine.Adopt((*net.TCPConn)(nil), p); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a nil TCPConn: %v, want os.ErrInvalid", err)
	}
	if err := r.engine.AdoptStream(nil, p); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a nil Stream: %v, want os.ErrInvalid", err)
	}
	if err := r.engine.AdoptStream(new(stream.Stream), p); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a zero Stream: %v, want net.ErrClosed", err)
	}
	nc.Close()
	if err := r.engine.Adopt(nc, p); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "adopt") {
		t.Errorf("a closed connection: %v, want net.ErrClosed", err)
	}
	if n := r.engine.Stats().Conns; n != 0 {
		t.Errorf("%d connections are counted", n)
	}
}

// A Stream passes to the engine, unless somebody is using it.
func TestAdoptStream(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	a, b := pair(t)
	if err := a.Acquire(); err != nil {
		t.Fatal(err)
	}
	if err := r.engine.AdoptStream(a, r.always(hooks{data: echo})); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("a Stream in use: %v, want EBUSY", err)
	}
	a.Release()
	if err := r.engine.AdoptStream(a, r.always(hooks{data: echo})); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the adopted Stream: %v, want net.ErrClosed", err)
	}
	if err := b.SetNonblocking(false); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := b.ReadFull(buf); err != nil || string(buf) != "hello" {
		t.Errorf("read %q, %v", buf, err)
	}
	for _, err := range []error{r.engine.AdoptStream(nil, r.always(hooks{})), r.engine.AdoptStream(b, nil)} {
		if !errors.Is(err, os.ErrInvalid) {
			t.Errorf("nil: %v, want os.ErrInvalid", err)
		}
	}
}

// detached is what a callback took out of the engine.
type detached struct {
	s      *stream.Stream
	unread []byte
}

// Detach gives the socket and the input that was not consumed; the connection
// goes on with the methods of Stream, and no byte is lost.
func TestDetachGoesOnWithoutTheEngine(t *testing.T) {
	for name, queued := range map[string]bool{"in OnData": false, "with queued input": true} {
		t.Run(name, func(t *testing.T) {
			onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
				r := newRig(t, loop.Config{Loops: 1})
				const total = 100_000 // fits into the socket's buffer
				taken := make(chan detached, 1)
				causes := make(chan error, 1)
				c := r.dial(listen(r, r.always(hooks{
					data: func(c *loop.Conn, in []byte) (int, error) {
						if queued && len(in) < 1000 {
							return 0, nil // so that there is input in the engine
						}
						if _, err := c.WriteString("taken over"); err != nil {
							return 0, err
						}
						s, unread, err := c.Detach()
						if err != nil {
							return 0, err
						}
						taken <- detached{s, unread}
						return len(in), nil // has no meaning any more
					},
					close: func(_ *loop.Conn, err error) { causes <- err },
				})))
				if queued {
					c.send(record(0, 10))
					turn(t, r.engine.Loops()[0])
					c.send(record(10, total-10))
				} else {
					c.send(record(0, total))
				}
				c.finish()
				if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrDetached) {
					t.Errorf("OnClose heard %v, want ErrDetached", err)
				}
				got := take(t, "the Stream", taken)
				defer got.s.Close()
				c.expect("taken over")
				if err := got.s.SetNonblocking(false); err != nil {
					t.Fatal(err)
				}
				all, err := got.s.ReadToEnd(got.unread)
				if err != nil || !bytes.Equal(all, record(0, total)) {
					t.Errorf("%d bytes of %d, %v, or they are not the same", len(all), total, err)
				}
				if _, err := got.s.Write([]byte("bye")); err != nil {
					t.Error(err)
				}
				got.s.Close()
				c.expect("bye")
				c.expectEnd()
			})
		})
	}
}

// Output that the kernel does not take keeps the connection where it is.
func TestDetachWithPendingOutput(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	const total = 4 << 20
	tried := make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			if _, err := c.Write(record(0, total)); err != nil {
				return err
			}
			_, _, err := c.Detach()
			tried <- err
			return nil
		},
		data: echo,
	})))
	if err := take(t, "Detach", tried); !errors.Is(err, loop.ErrBackpressure) {
		t.Errorf("Detach: %v, want ErrBackpressure", err)
	}
	c.expect(string(record(0, total)))
	c.echoes()
}

// Output that could not be sent is not passed over in silence.
func TestDetachReportsOutputThatCouldNotBeSent(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	conns := make(chan *loop.Conn, 1)
	c := r.dial(r.listen(r.always(hooks{
		open:  func(c *loop.Conn) error { conns <- c; return nil },
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	conn := take(t, "the connection", conns)
	turn(t, conn.Loop())
	if err := conn.Ref().Do(func(conn *loop.Conn) {
		c.reset()
		if _, err := conn.WriteString("lost"); err != nil {
			t.Error(err)
		}
		if s, _, err := conn.Detach(); err == nil {
			s.Close()
			t.Error("Detach succeeds although what was written is lost")
		}
		if _, _, err := conn.Detach(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the next Detach reports %v, want the write's error", err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := take(t, "OnClose", causes); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("OnClose heard %v, want the write's error", err)
	}
}

// The kernel forgets the peer of a connection that was reset, the engine does not.
func TestTheStreamOfAResetConnectionKnowsItsPeer(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conns := make(chan *loop.Conn, 1)
	c := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		c.Pause()
		conns <- c
		return nil
	}})))
	conn := take(t, "the connection", conns)
	turn(t, conn.Loop())
	c.reset()
	do(t, conn.Loop(), func() {
		s, err := conn.Stream()
		if err != nil {
			t.Error(err)
			return
		}
		if peer, err := s.PeerAddr(); err != nil || peer != conn.RemoteAddr() {
			t.Errorf("the peer is %v, %v; want %v", peer, err, conn.RemoteAddr())
		}
		conn.Abort()
	})
}

// A protocol is upgraded in place: what the old handler left, and the end, are
// the new one's; its OnOpen is not called (hazard 23).
func TestSetHandlerUpgradesInPlace(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1})
		var got []byte // the loop's
		ended := make(chan string, 1)
		second := hooks{
			data: func(_ *loop.Conn, in []byte) (int, error) { got = append(got, in...); return len(in), nil },
			eof:  func(c *loop.Conn) { ended <- string(got); c.Close() },
		}
		first := &upgrade{to: func() loop.Handler { return r.watch(second) }}
		c := r.dial(listen(r, func(*loop.Conn) loop.Handler { return first }))
		c.send([]byte("UPGRADE\nand the rest"))
		c.finish()
		if s := take(t, "the end", ended); s != "and the rest" {
			t.Errorf("the new handler got %q", s)
		}
		c.expectEnd()
		if first.closed {
			t.Error("the old handler hears OnClose")
		}
	})
}

// upgrade is a protocol of one line, after which another takes over.
type upgrade struct {
	to     func() loop.Handler
	closed bool
}

func (u *upgrade) OnData(c *loop.Conn, in []byte) (int, error) {
	line, _, found := bytes.Cut(in, []byte("\n"))
	if !found {
		return 0, nil
	}
	c.SetHandler(u.to())
	return len(line) + 1, nil
}

func (u *upgrade) OnClose(*loop.Conn, error) { u.closed = true }

// A handler that is set elsewhere than in OnData gets at once what is there, and
// the end although its predecessor was told already.
func TestSetHandlerFromElsewhere(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	refs := make(chan loop.Ref, 1)
	first := hooks{
		data: func(*loop.Conn, []byte) (int, error) { return 0, nil },
		eof:  func(c *loop.Conn) { refs <- c.Ref() },
	}
	var swapped bool
	c := r.dial(r.listen(func(*loop.Conn) loop.Handler { return unwatched{first} }))
	c.send([]byte("left over"))
	c.finish()
	ref := take(t, "OnEOF", refs)
	heard := make(chan string, 2)
	err := ref.Do(func(c *loop.Conn) {
		c.SetHandler(r.watch(hooks{
			data: func(_ *loop.Conn, in []byte) (int, error) {
				if !swapped {
					t.Error("the new handler is called within SetHandler")
				}
				heard <- string(in)
				return len(in), nil
			},
			eof: func(c *loop.Conn) { heard <- "EOF"; c.Close() },
		}))
		swapped = true
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := take(t, "the data", heard); s != "left over" {
		t.Errorf("the new handler got %q", s)
	}
	if s := take(t, "the end", heard); s != "EOF" {
		t.Errorf("then it got %q", s)
	}
	c.expectEnd()
}

// unwatched are hooks without a watcher, for handlers that are replaced and so do
// not hear OnClose.
type unwatched struct{ h hooks }

func (u unwatched) OnData(c *loop.Conn, in []byte) (int, error) { return u.h.data(c, in) }
func (u unwatched) OnEOF(c *loop.Conn)                          { u.h.eof(c) }
func (u unwatched) OnClose(*loop.Conn, error)                   {}

// The descriptor of a connection whose Stream was asked for, and duplicated, is
// deregistered and closed like any other (hazard 5).
func TestADuplicatedConnectionIsDeregistered(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	clones := make(chan *stream.Stream, 1)
	gone := make(chan error, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			s, err := c.Stream()
			if err != nil {
				return err
			}
			clone, err := s.TryClone()
			clones <- clone
			return err
		},
		data:  func(c *loop.Conn, in []byte) (int, error) { return len(in), c.Close() },
		close: func(_ *loop.Conn, err error) { gone <- err },
	})))
	clone := take(t, "the clone", clones)
	defer clone.Close()
	c.send([]byte("x"))
	take(t, "OnClose", gone)
	l := r.engine.Loops()[0]
	turn(t, l)
	before := r.engine.Stats().Turns
	for range 10 {
		_, _ = c.Write([]byte("late")) // readiness of a socket that only the clone has
	}
	turn(t, l)
	if n := r.engine.Stats().Turns - before; n > 20 {
		t.Errorf("%d turns: the registration is still there", n)
	}
	if err := clone.SetNonblocking(false); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if _, err := clone.ReadFull(buf); err != nil || string(buf) != "late" {
		t.Errorf("the clone reads %q, %v", buf, err)
	}
}

// The race of Adopt with the engine's end neither leaks nor panics (the rig
// counts).
func TestAdoptRacesTheEnd(t *testing.T) {
	for range 20 {
		r := newRig(t, loop.Config{Loops: 2})
		var conns []net.Conn
		for range 5 {
			nc, _ := tcpPair(t)
			conns = append(conns, nc)
		}
		go func() { _ = r.engine.Shutdown(context.Background()) }()
		for _, nc := range conns {
			if err := r.engine.Adopt(nc, r.always(hooks{})); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Errorf("Adopt: %v", err)
			}
		}
		r.stop()
		if s := r.engine.Stats(); s.Conns != 0 || s.Adopted != s.Closed {
			t.Errorf("%d connections are left, %d were adopted, %d closed", s.Conns, s.Adopted, s.Closed)
		}
	}
}
