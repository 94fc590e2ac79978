package soak

// The load: workers that do one thing each, over and over.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/harness"
)

// patience is how long one action may take. The server is stopped for less.
const patience = 30 * time.Second

// kind is one kind of worker.
type kind struct {
	name    string
	service string        // of the server
	share   float64       // of the connections, about
	pause   time.Duration // between two actions, at most
	act     func(*worker) error
}

var kinds = []kind{
	{"echo", "echo", 0.3, 20 * time.Millisecond, (*worker).echo},
	{"slow reader", "echo", 0.1, 50 * time.Millisecond, (*worker).readSlowly},
	{"churn", "echo", 0.1, 20 * time.Millisecond, (*worker).churn},
	{"half-close", "echo", 0.05, 50 * time.Millisecond, (*worker).halfClose},
	{"read deadline", "read deadline", 0.05, 50 * time.Millisecond, (*worker).outlastRead},
	{"write deadline", "write deadline", 0.05, 50 * time.Millisecond, (*worker).outlastWrite},
	{"idle timeout", "idle timeout", 0.05, 50 * time.Millisecond, (*worker).outlastIdle},
	{"reset", "echo", 0.1, 50 * time.Millisecond, (*worker).reset},
	{"aborted dial", "echo", 0.05, 50 * time.Millisecond, (*worker).abortDial},
	{"hand-over", "hand-over", 0.05, 50 * time.Millisecond, (*worker).halfClose},
	{"pause", "pause", 0.05, 50 * time.Millisecond, (*worker).halfClose},
	{"relay", "relay", 0.05, 50 * time.Millisecond, (*worker).converse},
	{"unix socket", "unix", 0.05, 50 * time.Millisecond, (*worker).halfClose},
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
}

type tally struct{ done, lost, bytes atomic.Int64 }

// worker does one kind of action.
type worker struct {
	*load
	*tally
	at   place
	rng  *rand.Rand
	conn *conn // of echo, kept
}

func newLoad(ctx context.Context, at listening) *load {
	l := &load{listening: at, ctx: ctx, tallies: make([]tally, len(kinds))}
	l.lost.first = map[string]string{}
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
	return &worker{
		load:  l,
		tally: &l.tallies[kind],
		at:    l.listening[kinds[kind].service],
		rng:   rand.New(rand.NewPCG(seed, uint64(number))),
	}
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

// conn is a connection that ends with a context.
type conn struct {
	halfCloser
	forget func() bool
}

// halfCloser is a net.TCPConn or net.UnixConn.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

func (c *conn) Close() error {
	c.forget()
	return c.halfCloser.Close()
}

// resetOnClose lets Close send a reset, where the network has one.
func (c *conn) resetOnClose() {
	if tcp, ok := c.halfCloser.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// dial connects; the connection ends by itself if it lasts.
func dial(ctx context.Context, to place) (*conn, error) {
	return dialWith(ctx, &net.Dialer{Timeout: patience}, to)
}

func dialWith(ctx context.Context, d *net.Dialer, to place) (*conn, error) {
	nc, err := d.DialContext(ctx, to.Network, to.Address)
	if err != nil {
		return nil, err
	}
	c, ok := nc.(halfCloser)
	if !ok {
		return nil, fmt.Errorf("connections of %s cannot end one direction", to.Network)
	}
	forget := context.AfterFunc(ctx, func() { nc.Close() })
	return &conn{c, forget}, nc.SetDeadline(time.Now().Add(patience))
}

// dial connects to the worker's service.
func (w *worker) dial() (*conn, error) { return dial(w.ctx, w.at) }

// dialNarrow is dial for a connection in which the kernels hold little.
func (w *worker) dialNarrow() (*conn, error) {
	narrow := func(_, _ string, raw syscall.RawConn) error {
		var err1, err2 error
		err := raw.Control(func(fd uintptr) {
			err1 = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<10)
			err2 = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1000) // the peer's buffer grows by segments
		})
		return errors.Join(err, err1, err2)
	}
	return dialWith(w.ctx, &net.Dialer{Timeout: patience, Control: narrow}, w.at)
}

func (w *worker) hangUp() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}
