//go:build unix

package loop_test

// C10 of the contract: no state spins, the log is bounded.

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// Nothing spins: whatever state connections are in, an engine to which nothing
// happens takes no turns (hazards 15, 16 and 31).
func TestC10NoStateSpins(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2, MaxConns: 50, MaxPending: stalledOutput})
	keep := hooks{eof: func(*loop.Conn) {}, data: func(*loop.Conn, []byte) (int, error) { return 0, nil }}
	paused := hooks{open: func(c *loop.Conn) error { c.Pause(); return nil }}
	full := hooks{open: func(c *loop.Conn) error { _, err := c.Write(make([]byte, stalledOutput)); return err }}
	closing := hooks{open: func(c *loop.Conn) error {
		if _, err := c.Write(make([]byte, stalledOutput)); err != nil {
			return err
		}
		return c.Close()
	}}
	for _, listen := range []func(*rig, loop.Protocol) *loop.Listener{(*rig).listen, (*rig).listenUnix} {
		for _, h := range []hooks{keep, paused, full, closing} {
			ln := listen(r, r.always(h))
			for _, leave := range []func(*client){
				func(*client) {},
				func(c *client) { c.send([]byte("x")) },
				func(c *client) { c.send([]byte("x")); c.finish() },
				func(c *client) { c.send([]byte("x")); c.halfCloseRead() },
			} {
				leave(r.dial(ln))
			}
		}
	}
	ln := r.listen(r.always(hooks{}))
	for range 50 {
		r.dial(ln) // past MaxConns
	}
	until(t, "the engine is full", func() bool { return r.engine.Stats().AcceptPauses > 0 })

	// A spinning loop takes a turn in some microseconds. The listener's attempts
	// are turns too, but few.
	const window = 300 * time.Millisecond
	before := r.engine.Stats().Turns
	time.Sleep(window)
	if turns := r.engine.Stats().Turns - before; turns > 1000 {
		t.Errorf("%d turns in %v in which nothing happened", turns, window)
	}
}

// lines counts what is logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte("\n"))
}

// However often something happens, it is logged once a second.
func TestC10OneLogLineASecondAndCause(t *testing.T) {
	var log lines
	r := newRig(t, loop.Config{Loops: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	start := time.Now()
	for range 200 {
		for _, l := range r.engine.Loops() {
			do(t, l, func() {
				l.AfterFunc(0, func() { panic("test") })
			})
		}
	}
	until(t, "all have panicked", func() bool { return r.engine.Stats().Panics == 400 })
	if n, most := log.count(), 1+int(time.Since(start)/time.Second); n < 1 || n > most {
		t.Errorf("%d lines in %v", n, time.Since(start))
	}
}

// Nothing is written anywhere without a Logger: the test is that nothing fails.
func TestC10SilentByDefault(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	do(t, l, func() { l.AfterFunc(0, func() { panic(fmt.Errorf("test")) }) })
	until(t, "it has panicked", func() bool { return r.engine.Stats().Panics == 1 })
}
