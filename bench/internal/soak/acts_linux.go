package soak

// What the workers do that send and receive.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
)

// echo sends one message on a connection that lasts, and now and then resets it.
func (w *worker) echo() error {
	if w.conn == nil {
		c, err := w.dial()
		if err != nil {
			return err
		}
		w.conn = c
	}
	if err := w.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := w.message(w.conn, 1+w.rng.IntN(16<<10)); err != nil {
		return err
	}
	if w.rng.IntN(200) == 0 {
		w.conn.resetOnClose()
		w.hangUp()
	}
	return nil
}

// streams begins the same stream of bytes twice, from a place chosen at random.
func streams(rng *rand.Rand) (out, in *ledger.Stream) {
	id := rng.IntN(1 << 16)
	return ledger.New(id), ledger.New(id)
}

// message sends n bytes and wants them back.
func (w *worker) message(c *conn, n int) error {
	out, in := streams(w.rng)
	if _, err := c.Write(out.Next(n)); err != nil {
		return err
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(c, p); err != nil {
		return err
	}
	w.bytes.Add(int64(n))
	return in.Check(p)
}

// churn connects for one message.
func (w *worker) churn() error { return w.messages(1, 1<<10) }

// converse connects for some messages.
func (w *worker) converse() error { return w.messages(1+w.rng.IntN(4), 16<<10) }

func (w *worker) messages(count, most int) error {
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for range count {
		if err := w.message(c, 1+w.rng.IntN(most)); err != nil {
			return err
		}
	}
	return nil
}

// halfClose sends, ends its output, and wants all of it and then the end.
func (w *worker) halfClose() error {
	return w.exchange(1+w.rng.IntN(256<<10), func() {})
}

// readSlowly is the same for a reader that rests between its reads, while the
// server has more for it than it may keep.
func (w *worker) readSlowly() error {
	return w.exchange(1<<20+w.rng.IntN(4<<20), func() { time.Sleep(time.Duration(w.rng.IntN(int(20 * time.Millisecond)))) })
}

func (w *worker) exchange(total int, between func()) error {
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	out, in := streams(w.rng)
	sent := make(chan error, 1)
	go func() { sent <- sendAll(c, out, total) }()
	for p := make([]byte, 128<<10); ; {
		between()
		n, err := c.Read(p)
		if err := in.Check(p[:n]); err != nil {
			return errors.Join(err, c.Close(), <-sent)
		}
		w.bytes.Add(int64(n))
		if err == nil {
			continue
		}
		if err != io.EOF || in.Done() != int64(total) {
			err = fmt.Errorf("after %d of %d bytes: %w", in.Done(), total, err)
			return errors.Join(err, c.Close(), <-sent)
		}
		return <-sent
	}
}

// sendAll sends total bytes and FIN.
func sendAll(c *conn, out *ledger.Stream, total int) error {
	for left := total; left > 0; {
		p := out.Next(left)
		if _, err := c.Write(p); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
		left -= len(p)
	}
	return c.CloseWrite()
}

// reset breaks a connection in the middle of what it sends or receives.
func (w *worker) reset() error {
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	out, _ := streams(w.rng)
	_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) // it reads nothing
	for left := 1 + w.rng.IntN(512<<10); left > 0 && err == nil; {
		p := out.Next(left)
		left -= len(p)
		_, err = c.Write(p)
	}
	if w.rng.IntN(2) == 0 {
		_, _ = c.Read(make([]byte, 64<<10))
	}
	c.resetOnClose()
	return nil
}

// abortDial gives up while it connects, or right after.
func (w *worker) abortDial() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.rng.IntN(int(200*time.Microsecond))))
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, w.at.Network, w.at.Address)
	if err != nil {
		return nil // as was intended
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	return c.Close()
}
