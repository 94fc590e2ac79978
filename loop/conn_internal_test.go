//go:build unix

package loop

// What a connection keeps, seen from within.

import (
	"context"
	"net"
	"runtime"
	"testing"
	"weak"
)

// running starts an engine of one loop that serves p, and connects to it.
func running(t *testing.T, cfg Config, p Protocol) (*Loop, *Listener) {
	t.Helper()
	cfg.Loops = 1
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	t.Cleanup(func() {
		e.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	ln, err := e.Listen(ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		t.Fatal(err)
	}
	return e.loops[0], ln
}

// dialed connects to ln.
func dialed(t *testing.T, ln *Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// on runs f on the loop, in a turn of its own.
func on(t *testing.T, l *Loop, f func()) {
	t.Helper()
	for _, f := range []func(){func() {}, f} {
		done := make(chan struct{})
		if err := l.Post(func() { defer close(done); f() }); err != nil {
			t.Fatal(err)
		}
		<-done
	}
}

// Asking for an address makes no Stream, and so no duplicate that would have to
// be deregistered before the descriptor is closed.
func TestLocalAddrMakesNoStream(t *testing.T) {
	conns := make(chan *Conn, 1)
	l, ln := running(t, Config{}, func(c *Conn) Handler {
		conns <- c
		return HandlerFunc(func(c *Conn, in []byte) (int, error) { return c.Write(in) })
	})
	nc := dialed(t, ln)
	c := <-conns
	on(t, l, func() {
		if got, want := c.LocalAddr().String(), nc.RemoteAddr().String(); got != want {
			t.Errorf("LocalAddr is %v, want %v", got, want)
		}
		if c.stream != nil || c.is(shared) {
			t.Error("LocalAddr made a Stream")
		}
		if n := testing.AllocsPerRun(100, func() { c.LocalAddr() }); n > 1 {
			t.Errorf("LocalAddr allocates %v times", n)
		}
		if _, err := c.Stream(); err != nil {
			t.Error(err)
		}
		if c.stream == nil || !c.is(shared) {
			t.Error("Stream made none: the test sees nothing")
		}
	})
}

// The scratch of a vectored send keeps nothing alive, neither what the handler
// wrote nor a block that the pool has given up.
func TestASendKeepsNothingAlive(t *testing.T) {
	small := make([]byte, 100)
	sends := map[string]func(c *Conn, big []byte) error{
		"cork and Write": func(c *Conn, big []byte) error {
			_, _ = c.Write(small)
			_, err := c.Write(big)
			return err
		},
		"cork and WriteString": func(c *Conn, big []byte) error {
			_, _ = c.Write(small)
			_, err := c.WriteString(string(big))
			return err
		},
		"Writev": func(c *Conn, big []byte) error {
			_, err := c.Writev([][]byte{small, big, small, big})
			return err
		},
		"queue": func(c *Conn, big []byte) error {
			c.loop.current = nil // as for a write from elsewhere
			defer func() { c.loop.current = c }()
			_, err := c.Write(big)
			return err
		},
	}
	for name, send := range sends {
		t.Run(name, func(t *testing.T) {
			var written weak.Pointer[byte] // the loop's
			conns := make(chan *Conn, 1)
			l, ln := running(t, Config{MaxIdleBlocks: 1}, func(c *Conn) Handler {
				conns <- c
				return HandlerFunc(func(c *Conn, in []byte) (int, error) {
					big := make([]byte, 2*directSize)
					written = weak.Make(&big[0])
					return len(in), send(c, big)
				})
			})
			nc := dialed(t, ln)
			c := <-conns
			before := l.engine.Stats().Sends
			if _, err := nc.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			for sent := uint64(0); sent == before; {
				on(t, l, func() { sent = l.stats.Sends })
			}
			on(t, l, func() {
				if c.queuedOut() > 0 {
					t.Error("the kernel has not taken everything")
				}
				for i, b := range l.vec[:cap(l.vec)] {
					if b != nil {
						t.Errorf("entry %d of the vector still holds %d bytes", i, len(b))
					}
				}
			})
			alive := true
			for range 100 {
				runtime.GC()
				on(t, l, func() { alive = written.Value() != nil })
				if !alive {
					return
				}
			}
			t.Error("what was written is still alive")
		})
	}
}
