package loop_test

// Descriptors and programs that the process starts (hazard 5).

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// everyDescriptor lets r have one descriptor at least of each kind that an engine
// makes, and returns what must be closed besides r.
func everyDescriptor(t *testing.T, r *rig) (closers []*stream.Stream) {
	t.Helper()
	conns := make(chan *loop.Conn, 10)
	h := hooks{data: echo, open: func(c *loop.Conn) error { conns <- c; return nil }}
	tcp, unix := r.listen(r.always(h)), r.listenUnix(r.always(h))
	shared := r.listenOn(loop.ListenConfig{Balance: loop.ReusePort}, "tcp", "127.0.0.1:0", r.always(h))
	for _, ln := range []*loop.Listener{tcp, unix, shared} {
		r.dial(ln).echoes()
	}
	taken := take(t, "a connection", conns)
	do(t, taken.Loop(), func() {
		s, err := taken.Stream()
		if err != nil {
			t.Error(err)
			return
		}
		clone, err := s.TryClone()
		if err != nil {
			t.Error(err)
		}
		closers = append(closers, clone)
	})
	given := take(t, "a connection", conns)
	do(t, given.Loop(), func() {
		s, _, err := given.Detach()
		if err != nil {
			t.Error(err)
		}
		closers = append(closers, s)
	})
	for _, ln := range []*loop.Listener{tcp, unix} {
		network, address := "tcp", ln.Addr().String()
		if ln.Addr().IsUnix() {
			network, address = "unix", ln.Addr().Path()
		}
		out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, network, address, r.always(hooks{})))
		if out.err != nil {
			t.Fatal(out.err)
		}
	}
	r.dialing(context.Background(), loop.DialConfig{Timeout: time.Hour}, "tcp", silentAddress(t), r.always(hooks{}))
	nc, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.engine.Adopt(nc, r.always(hooks{})); err != nil {
		t.Fatal(err)
	}
	until(t, "the dial is under way and the adopted one is in", func() bool {
		s := r.engine.Stats()
		return s.Adopted == 1 && s.Accepted >= 6
	})
	return closers
}

// A program that is started while an engine has descriptors of every kind is given
// none of them: it would keep connections open after their end, and their
// registrations alive.
func TestNoDescriptorIsInherited(t *testing.T) {
	before := inherited(t)
	r := newRig(t, loop.Config{Loops: 2})
	for _, s := range everyDescriptor(t, r) {
		defer s.Close()
	}
	if after := inherited(t); after != before {
		t.Errorf("a child has\n%swhen without an engine it has\n%s", after, before)
	}
}

// quiet wants an engine that has nothing to do to take no more turns than a few.
func quiet(t *testing.T, r *rig) {
	t.Helper()
	l := r.engine.Loops()[0]
	before := r.engine.Stats().Turns
	passed := make(chan struct{})
	do(t, l, func() { l.AfterFunc(50*time.Millisecond, func() { close(passed) }) })
	take(t, "a timer", passed)
	if n := r.engine.Stats().Turns - before; n > 100 {
		t.Errorf("%d turns in which nothing happened", n)
	}
}

// A child that has been forked and has not yet called exec keeps a connection's
// registration alive beyond its close. What arrives meanwhile reaches nobody, the
// next owner of the slot least of all.
func TestAForkedChildKeepsNoConnectionAlive(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conns := make(chan *loop.Conn, 2)
	ln := r.listen(r.always(hooks{data: echo, open: func(c *loop.Conn) error { conns <- c; return nil }}))
	c := r.dial(ln)
	c.echoes()
	mine := c.LocalAddr().(*net.TCPAddr).Port
	closeChild := forked(t, func(fd int) bool {
		peer, err := syscall.Getpeername(fd)
		v4, ok := peer.(*syscall.SockaddrInet4)
		return err == nil && ok && v4.Port == mine
	})
	defer closeChild()
	first := take(t, "the connection", conns)
	do(t, first.Loop(), first.Abort)
	until(t, "it is gone", func() bool { return r.engine.Stats().Conns == 0 })
	heir := r.dial(ln)
	heir.echoes()
	turn(t, first.Loop())
	receives := r.engine.Stats().Receives
	for range 10 {
		c.send([]byte("late"))
		turn(t, first.Loop())
	}
	if n := r.engine.Stats().Receives - receives; n != 0 {
		t.Errorf("%d receives: events of a connection that is gone reach another", n)
	}
	quiet(t, r)
	heir.echoes()
	closeChild()
	c.expectReset()
}

// The same with a listener, whose registration is level-triggered: connections that
// wait in a queue which only the child has are no reason for turns.
func TestAForkedChildKeepsNoListenerAlive(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	r.dial(ln).echoes()
	port := int(ln.Addr().AddrPort().Port())
	closeChild := forked(t, func(fd int) bool {
		listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
		own, _ := syscall.Getsockname(fd)
		v4, ok := own.(*syscall.SockaddrInet4)
		return err == nil && listening == 1 && ok && v4.Port == port
	})
	defer closeChild()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	turn(t, r.engine.Loops()[0])
	accepted := r.engine.Stats().Accepted
	r.dial(ln)
	quiet(t, r)
	if n := r.engine.Stats().Accepted - accepted; n != 0 {
		t.Errorf("%d connections were accepted by a listener that is closed", n)
	}
}
