//go:build unix

package loop_test

// C7 of the contract: nothing is left after Close.

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// Close leaves nothing of anything: connections in every state, listeners,
// dials, timers, registrations, tasks. The rig counts the descriptors.
func TestC7NothingIsLeftAfterClose(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2, MaxPending: stalledOutput})
	ln := r.listen(r.always(hooks{data: echo, eof: func(*loop.Conn) {}}))
	r.listenUnix(r.always(hooks{}))
	r.listenOn(loop.ListenConfig{Balance: loop.ReusePort}, "tcp", "127.0.0.1:0", r.always(hooks{}))
	for range 20 {
		r.dial(ln).echoes()
	}
	half := r.dial(ln)
	half.echoes()
	half.finish()
	full := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		c.SetIdleTimeout(time.Hour)
		_, err := c.Write(make([]byte, stalledOutput))
		return err
	}})))
	full.expect("\x00")
	outcome := make(chan error, 1)
	err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", silentAddress(t), r.always(hooks{}),
		func(_ *loop.Conn, err error) { outcome <- err })
	if err != nil {
		t.Fatal(err)
	}
	a, b, err := stream.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	for _, l := range r.engine.Loops() {
		do(t, l, func() {
			l.AfterFunc(time.Hour, func() { t.Error("a timer fired at the end") })
			if _, err := l.Every(time.Hour, func() { t.Error("a timer fired at the end") }); err != nil {
				t.Error(err)
			}
			if l.Index() == 1 {
				return
			}
			if _, err := l.Register(a.FD(), poller.Read, func(poller.Event) {}); err != nil {
				t.Error(err)
			}
		})
	}
	r.stop()
	if err := take(t, "the outcome of the dial", outcome); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the dial under way ended with %v", err)
	}
	if n := r.engine.Stats().Conns; n != 0 {
		t.Errorf("%d connections are left", n)
	}
	for _, l := range r.engine.Loops() {
		if err := l.Post(func() { t.Error("a task ran after the end") }); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Post after the end: %v", err)
		}
	}
}
