//go:build unix && faultinject

package loop_test

// Calls that fail under connections that are up, and what those hear of it.

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

// After a send that failed nothing more is sent: what followed would close the
// gap (hazard 25). The connection ends with that error.
func TestNothingIsSentAfterAFailedSend(t *testing.T) {
	large, small := bytes.Repeat([]byte("L"), 20_000), []byte("small")
	writes := map[string]func(c *loop.Conn){
		"Writev": func(c *loop.Conn) { _, _ = c.Writev([][]byte{large, small}) },
		"Write": func(c *loop.Conn) {
			_, _ = c.Write(large)
			_, _ = c.Write(small)
			_, _ = c.WriteString("more")
		},
		"corked": func(c *loop.Conn) {
			_, _ = c.Write(small)
			_ = c.Loop().Post(func() { _, _ = c.Write(large) })
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			causes := make(chan error, 1)
			c := r.dial(r.listen(r.always(hooks{
				data:  func(c *loop.Conn, in []byte) (int, error) { write(c); return len(in), nil },
				close: func(_ *loop.Conn, err error) { causes <- err },
			})))
			_, remove := kth(t, 1, sys.CallSend)
			c.send([]byte("x"))
			err := take(t, "OnClose", causes)
			remove()
			if !errors.Is(err, syscall.ENOBUFS) || !strings.Contains(err.Error(), "write") {
				t.Errorf("OnClose heard %v, want the write's ENOBUFS", err)
			}
			if n, err := c.Read(make([]byte, 100)); n > 0 {
				t.Errorf("%d bytes were sent after the failed send, %v", n, err)
			}
		})
	}
}

// A receive that fails ends its connection with that error, and no other.
func TestAFailedReceiveIsTheCause(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	causes := make(chan error, 1)
	witness := r.dial(r.listen(r.always(hooks{data: echo})))
	witness.echoes()
	c := r.dial(r.listen(r.always(hooks{data: echo, close: func(_ *loop.Conn, err error) { causes <- err }})))
	c.echoes()
	_, remove := kth(t, 1, sys.CallRecv)
	c.send([]byte("x"))
	err := take(t, "OnClose", causes)
	remove()
	var op *net.OpError
	if !errors.Is(err, syscall.ENOBUFS) || !errors.As(err, &op) || op.Addr.String() != c.LocalAddr().String() {
		t.Errorf("OnClose heard %v, want ENOBUFS with the peer's address", err)
	}
	witness.echoes()
}

// A poller that fails is the one thing an engine cannot live without: Run says
// so, every connection hears it, nothing is left.
func TestC6APollerThatFailsEndsRunWithItsError(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 3})
	r.failed = true
	causes := make(chan error, 3)
	ln := r.listen(r.always(hooks{data: echo, close: func(_ *loop.Conn, err error) { causes <- err }}))
	for range 3 {
		r.dial(ln).echoes()
	}
	var once atomic.Bool
	inject(t, func(c sys.Call) sys.Errno {
		if c == sys.CallEpollWait && once.CompareAndSwap(false, true) {
			return sys.EBADF
		}
		return 0
	})
	_ = r.engine.Loops()[0].Post(func() {}) // somebody goes on to wait
	r.wait()
	if !errors.Is(r.runErr, syscall.EBADF) || !strings.Contains(r.runErr.Error(), "epoll_wait") {
		t.Errorf("Run: %v, want EBADF of epoll_wait", r.runErr)
	}
	told := 0
	for range 3 {
		if err := take(t, "OnClose", causes); errors.Is(err, syscall.EBADF) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d of 3 connections, one on each loop, heard the error", told)
	}
}

// A close that fails has closed: it is never tried again (hazard 6).
func TestAFailedCloseIsNotRetried(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	c := r.dial(ln)
	c.echoes()
	var closes atomic.Int64
	remove := inject(t, func(call sys.Call) sys.Errno {
		if call != sys.CallClose {
			return 0
		}
		closes.Add(1)
		return sys.EINTR
	})
	c.Close()
	until(t, "the connection is gone", func() bool { return r.engine.Stats().Conns == 0 })
	remove()
	if n := closes.Load(); n != 1 {
		t.Errorf("%d closes of one descriptor", n)
	}
	r.dial(ln).echoes()
}

// What fails in the middle of a stream ends it with a reset: after a FIN the
// peer would take what it has for all there is.
func TestWhatTheKernelFailedIsReset(t *testing.T) {
	for _, call := range []sys.Call{sys.CallRecv, sys.CallSend, sys.CallShutdown, sys.CallEpollCtl} {
		t.Run(string(call), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			ln := r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
				n, err := c.Write(in)
				return n, errors.Join(err, c.CloseWrite())
			}}))
			turn(t, r.engine.Loops()[0]) // the listener is registered
			_, remove := kth(t, 1, call)
			defer remove()
			c := r.dialDoomed(ln)
			if _, err := c.Write([]byte("and what became of it?")); errors.Is(err, syscall.ECONNRESET) {
				return // it was faster, and is told only once
			}
			c.expectReset()
		})
	}
}
