package loop_test

// Sends to a peer that is gone raise no SIGPIPE (hazard 30).

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"unsafe"

	"github.com/eddyline/eddyline/loop"
)

// dieOfSIGPIPE gives the signal its effect as the kernel has it. The runtime's own
// handler ignores it for most descriptors, so that without this nothing is seen.
func dieOfSIGPIPE(t *testing.T) {
	t.Helper()
	var byDefault [64]byte // a zero struct sigaction: SIG_DFL
	const maskSize = 8
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGPIPE),
		uintptr(unsafe.Pointer(&byDefault)), 0, maskSize, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// sends are the ways in which output reaches the kernel: send(2) of a cork, of a
// slice and of a queue, sendmsg(2) of a cork with a slice and of a queue of several
// blocks.
var sends = map[string]func(c *loop.Conn) error{
	"cork":            func(c *loop.Conn) error { return inCallback(c, 10) },
	"slice":           func(c *loop.Conn) error { return inCallback(c, 30_000) },
	"cork and slice":  func(c *loop.Conn) error { return inCallback(c, 10, 30_000) },
	"queue":           func(c *loop.Conn) error { return inTask(c, 10) },
	"queue of blocks": func(c *loop.Conn) error { return inTask(c, 200_000) },
}

// inCallback writes as many bytes as sizes say, in a callback of c.
func inCallback(c *loop.Conn, sizes ...int) error {
	return c.Ref().Do(func(c *loop.Conn) {
		for _, n := range sizes {
			_, _ = c.Write(make([]byte, n))
		}
	})
}

// inTask writes n bytes from outside of any callback.
func inTask(c *loop.Conn, n int) error {
	return c.Loop().Post(func() { _, _ = c.Write(make([]byte, n)) })
}

// breakAPipe lets a connection that does not read send to a peer that has gone, and
// wants it to hear of that.
func breakAPipe(t *testing.T, r *rig, listen func(*rig, loop.Protocol) *loop.Listener, send func(c *loop.Conn) error) {
	conns, causes := make(chan *loop.Conn, 1), make(chan error, 1)
	c := r.dial(listen(r, r.always(hooks{
		open:  func(c *loop.Conn) error { c.Pause(); conns <- c; return nil },
		close: func(_ *loop.Conn, err error) { causes <- err },
	})))
	conn := take(t, "the connection", conns)
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		// A reset that follows a FIN is told to a send as EPIPE.
		c.finish()
		_ = tcp.SetLinger(0)
	}
	c.Close()
	until(t, "OnClose", func() bool {
		_ = send(conn) // it may be closed by now
		return len(causes) > 0
	})
	if err := <-causes; !errors.Is(err, syscall.EPIPE) {
		t.Errorf("OnClose heard %v, want EPIPE", err)
	}
}

// A process on which SIGPIPE has its usual effect outlives every way to send. One
// that asks for it does not.
func TestNoSendRaisesSIGPIPE(t *testing.T) {
	switch role() {
	case "":
		if out, err := rerun(t, "send"); err != nil {
			t.Errorf("the process that only sent: %v\n%s", err, out)
		}
		if out, err := rerun(t, "write"); !killedBy(err, syscall.SIGPIPE) {
			t.Errorf("the process that asked for it: %v\n%s", err, out)
		}
	case "write":
		dieOfSIGPIPE(t)
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Close(fds[1])
		_, err = syscall.Write(fds[0], []byte("x"))
		t.Fatal("it is alive after ", err)
	case "send":
		dieOfSIGPIPE(t)
		onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
			for name, send := range sends {
				t.Run(name, func(t *testing.T) { breakAPipe(t, newRig(t, loop.Config{Loops: 1}), listen, send) })
			}
		})
	}
}
