package soak

// The load: workers that do one thing each, over and over.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
)

// patience is how long one action may take. The server is stopped for less.
const patience = 30 * time.Second

// kind is one kind of worker.
type kind struct {
	name  string
	share float64       // of the connections
	pause time.Duration // between two actions, at most
	act   func(*worker) error
}

var kinds = []kind{
	{"echo", 0.4, 20 * time.Millisecond, (*worker).echo},
	{"slow reader", 0.1, 50 * time.Millisecond, (*worker).readSlowly},
	{"churn", 0.1, 20 * time.Millisecond, (*worker).churn},
	{"half-close", 0.1, 50 * time.Millisecond, (*worker).halfClose},
	{"deadline", 0.1, 50 * time.Millisecond, (*worker).outlast},
	{"reset", 0.1, 50 * time.Millisecond, (*worker).reset},
	{"aborted dial", 0.1, 50 * time.Millisecond, (*worker).abortDial},
}

// load is all workers.
type load struct {
	listening
	ctx     context.Context // when it ends, what is under way is broken off
	tallies []tally
	lost    struct {
		sync.Mutex
		first map[string]string // by kind
	}
	latency struct {
		sync.Mutex
		*hdrhistogram.Histogram
	}
}

type tally struct{ done, lost, bytes atomic.Int64 }

// worker does one kind of action.
type worker struct {
	*load
	*tally
	rng  *rand.Rand
	conn *conn // of echo, kept
}

func newLoad(ctx context.Context, at listening) *load {
	l := &load{listening: at, ctx: ctx, tallies: make([]tally, len(kinds))}
	l.lost.first = map[string]string{}
	l.latency.Histogram = hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	return l
}

// once does one action of every kind.
func (l *load) once(seed uint64) {
	for i, k := range kinds {
		w := l.worker(i, seed, 1<<32+i)
		l.do(w, k)
		w.hangUp()
	}
}

// run keeps conns connections busy until ctx ends, and waits for their last
// actions.
func (l *load) run(ctx context.Context, seed uint64, conns int) {
	var all sync.WaitGroup
	number := 0
	for i, k := range kinds {
		for range max(1, int(k.share*float64(conns))) {
			w := l.worker(i, seed, number)
			number++
			all.Go(func() {
				defer w.hangUp()
				for ctx.Err() == nil {
					l.do(w, k)
					harness.Sleep(ctx, time.Duration(w.rng.Int64N(int64(k.pause))))
				}
			})
		}
	}
	all.Wait()
}

func (l *load) worker(kind int, seed uint64, number int) *worker {
	return &worker{load: l, tally: &l.tallies[kind], rng: rand.New(rand.NewPCG(seed, uint64(number)))}
}

// do makes one action.
func (l *load) do(w *worker, k kind) {
	err := k.act(w)
	if err != nil {
		w.hangUp()
	}
	if l.ctx.Err() != nil {
		return // whatever came of it
	}
	w.done.Add(1)
	if err == nil {
		return
	}
	w.tally.lost.Add(1)
	l.lost.Lock()
	defer l.lost.Unlock()
	if l.lost.first[k.name] == "" {
		l.lost.first[k.name] = err.Error()
	}
}

// conn is a connection that ends with the load's context.
type conn struct {
	*net.TCPConn
	forget func() bool
}

func (c *conn) Close() error {
	c.forget()
	return c.TCPConn.Close()
}

// dial connects to the server; the connection ends by itself if it lasts.
func (l *load) dial(address string) (*conn, error) {
	nc, err := (&net.Dialer{Timeout: patience}).DialContext(l.ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	forget := context.AfterFunc(l.ctx, func() { nc.Close() })
	return &conn{nc.(*net.TCPConn), forget}, nc.SetDeadline(time.Now().Add(patience))
}

func (w *worker) hangUp() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// echo sends one message on a connection that lasts, and now and then resets it.
func (w *worker) echo() error {
	if w.conn == nil {
		c, err := w.dial(w.Echo)
		if err != nil {
			return err
		}
		w.conn = c
	}
	began := time.Now()
	if err := w.conn.SetDeadline(began.Add(patience)); err != nil {
		return err
	}
	if err := w.message(w.conn, 1+w.rng.IntN(16<<10)); err != nil {
		return err
	}
	w.latency.Lock()
	_ = w.latency.RecordValue(time.Since(began).Microseconds())
	w.latency.Unlock()
	if w.rng.IntN(200) == 0 {
		_ = w.conn.SetLinger(0)
		w.hangUp()
	}
	return nil
}

// stream begins the same stream of bytes twice, from a place chosen at random.
func stream(rng *rand.Rand) (out, in *ledger.Stream) {
	id := rng.IntN(1 << 16)
	return ledger.New(id), ledger.New(id)
}

// message sends n bytes and wants them back.
func (w *worker) message(c *conn, n int) error {
	out, in := stream(w.rng)
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
func (w *worker) churn() error {
	c, err := w.dial(w.Echo)
	if err != nil {
		return err
	}
	defer c.Close()
	return w.message(c, 1+w.rng.IntN(1<<10))
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
	c, err := w.dial(w.Echo)
	if err != nil {
		return err
	}
	defer c.Close()
	out, in := stream(w.rng)
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

// outlast waits for the server's deadline, sending a byte now and then that must
// not move it.
func (w *worker) outlast() error {
	began := time.Now()
	c, err := w.dial(w.Limited)
	if err != nil {
		return err
	}
	defer c.Close()
	if w.rng.IntN(2) == 0 {
		_, _ = c.Write([]byte{0})
	}
	n, err := c.Read(make([]byte, 1))
	var late net.Error
	if n > 0 || errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("a connection past its deadline: %d bytes, %w", n, err)
	}
	if lasted := time.Since(began); lasted < readLimit {
		return fmt.Errorf("a deadline of %v ended the connection after %v", readLimit, lasted)
	}
	return nil
}

// reset breaks a connection in the middle of what it sends or receives.
func (w *worker) reset() error {
	c, err := w.dial(w.Echo)
	if err != nil {
		return err
	}
	defer c.Close()
	out, _ := stream(w.rng)
	_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) // it reads nothing
	for left := 1 + w.rng.IntN(512<<10); left > 0 && err == nil; {
		p := out.Next(left)
		left -= len(p)
		_, err = c.Write(p)
	}
	if w.rng.IntN(2) == 0 {
		_, _ = c.Read(make([]byte, 64<<10))
	}
	return c.SetLinger(0)
}

// abortDial gives up while it connects, or right after.
func (w *worker) abortDial() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.rng.IntN(int(200*time.Microsecond))))
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", w.Echo)
	if err != nil {
		return nil // as was intended
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	return c.Close()
}
