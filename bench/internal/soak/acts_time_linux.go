package soak

// What the workers do that outlast a limit of the server: it must end them, and
// never early. How late depends on the machine, so that is patience.

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
)

// ended wants that a connection has ended, by the error of its last call, and that
// the limit was over then.
func ended(err error, began time.Time, limit time.Duration) error {
	lasted := time.Since(began)
	var broken *net.OpError
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("a limit of %v has not ended the connection in %v", limit, lasted)
	case !errors.Is(err, io.EOF) && !errors.As(err, &broken):
		return err
	case lasted < limit:
		return fmt.Errorf("a limit of %v ended the connection after %v: %w", limit, lasted, err)
	}
	return nil
}

// outlastRead waits for the read deadline; a byte that it sends must not move it.
func (w *worker) outlastRead() error {
	began := time.Now()
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if w.rng.IntN(2) == 0 {
		_, _ = c.Write([]byte{0})
	}
	_, err = c.Read(make([]byte, 1))
	return ended(err, began, readLimit)
}

// outlastWrite is sent much under a write deadline. Half of them read all of it, the
// others nothing until the connection ends.
func (w *worker) outlastWrite() error {
	began := time.Now()
	c, err := w.dialNarrow()
	if errors.Is(err, syscall.ECONNRESET) {
		return ended(err, began, writeLimit) // this process rested while the deadline passed
	}
	if err != nil {
		return err
	}
	defer c.Close()
	if w.rng.IntN(2) == 0 {
		return w.readAll(c, began)
	}
	for err == nil {
		time.Sleep(20 * time.Millisecond)
		_, err = c.Write([]byte{0}) // tells whether it has ended without reading
	}
	return ended(err, began, writeLimit)
}

// readAll wants all that is sent, or a reset that is not early: the server may have been
// stopped in the middle.
func (w *worker) readAll(c *conn, began time.Time) error {
	in := ledger.New(0)
	for p := make([]byte, 128<<10); in.Done() < lavish; {
		n, err := c.Read(p)
		if err := in.Check(p[:n]); err != nil {
			return err
		}
		w.bytes.Add(int64(n))
		if err == io.EOF {
			return fmt.Errorf("%d of %d bytes that look complete", in.Done(), lavish)
		}
		if err != nil {
			return ended(err, began, writeLimit)
		}
	}
	return nil
}

// outlastIdle moves the idle timeout some times and then lets it pass. It counts from
// the last echo's beginning: when this process rests for long it may pass before.
func (w *worker) outlastIdle() error {
	began := time.Now()
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for range 1 + w.rng.IntN(4) {
		sent := time.Now()
		if err := w.message(c, 1+w.rng.IntN(64)); err != nil {
			return ended(err, began, idleLimit)
		}
		began = sent
		time.Sleep(time.Duration(w.rng.Int64N(int64(idleLimit / 4))))
	}
	_, err = c.Read(make([]byte, 1))
	return ended(err, began, idleLimit)
}
