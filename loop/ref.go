package loop

// Ref: a connection as other goroutines see it.

import (
	"bytes"
	"fmt"
	"net"
	"os"
)

// Ref is a handle on a connection for any goroutine. It is a small value, safe
// to keep and copy; once the connection is gone it reports net.ErrClosed and
// reaches nobody else. The zero Ref is one of a connection that is gone.
type Ref struct{ c *Conn }

// Ref returns a handle that other goroutines may use. Any goroutine.
func (c *Conn) Ref() Ref { return Ref{c} }

// Loop returns the connection's loop, nil for the zero Ref.
func (r Ref) Loop() *Loop {
	if r.c == nil {
		return nil
	}
	return r.c.loop
}

// Write copies p and sends it from the connection's loop, in the order of the
// calls. A nil error means that the bytes are sent unless the connection, or its
// output, ends first. Since the caller cannot be asked later, a write that finds MaxPending
// exceeded ends the connection with ErrBackpressure. Errors: ErrBackpressure past
// MaxTasks or MaxTaskBytes; os.ErrInvalid for a p that is longer than MaxTaskBytes
// or MaxPending and can never be taken; net.ErrClosed.
func (r Ref) Write(p []byte) (int, error) {
	if r.c == nil {
		return 0, net.ErrClosed
	}
	cfg := &r.c.loop.engine.cfg
	if most := min(cfg.MaxTaskBytes, int64(cfg.MaxPending)); int64(len(p)) > most {
		return 0, fmt.Errorf("loop: write to %v: %d bytes exceed MaxTaskBytes or MaxPending: %w", r.c.peer, len(p), os.ErrInvalid)
	}
	if err := r.post(&refWrite{r.c, bytes.Clone(p)}, len(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Do calls f with the connection on its loop's goroutine. f is not called if
// the connection has ended by then. Errors are those of [Loop.Post].
func (r Ref) Do(f func(*Conn)) error {
	if f == nil {
		return fmt.Errorf("loop: do: nil function: %w", os.ErrInvalid)
	}
	return r.post(&refDo{r.c, f}, 0)
}

// Close is Conn.Close, as soon as the loop gets to it. Errors: ErrBackpressure past
// MaxTasks; net.ErrClosed.
func (r Ref) Close() error { return r.post((*refClose)(r.c), 0) }

func (r Ref) post(t task, size int) error {
	if r.c == nil || r.c.gone.Load() {
		return net.ErrClosed
	}
	return r.c.loop.post(t, size)
}

type refWrite struct {
	c *Conn
	p []byte
}

func (t *refWrite) run(*Loop) {
	if _, err := t.c.Write(t.p); err == ErrBackpressure {
		t.c.reset(err)
	}
}

type refDo struct {
	c *Conn
	f func(*Conn)
}

func (t *refDo) run(*Loop) {
	if t.c.is(closed) {
		return
	}
	t.c.begin()
	t.f(t.c)
	t.c.end()
}

type refClose Conn

func (t *refClose) run(*Loop) { _ = (*Conn)(t).Close() }
