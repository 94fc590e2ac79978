package reliability

// The clients of a row: each keeps the ledger of its bytes.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
)

// Client is one connection to the server. Sending and receiving belong to one
// goroutine each.
type Client struct {
	*net.TCPConn
	t       *Trial
	id      int
	out, in *ledger.Stream
	buf     []byte
}

// unread is how many bytes wait in the client's socket, 0 for one that is closed.
func (c *Client) unread() (n int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return n
}

// Tweak changes a client's socket before it connects.
type Tweak func(fd int) error

// Dial opens n connections, all at once, spread over source addresses.
func (t *Trial) Dial(s *Server, n int, tweaks ...Tweak) []*Client {
	clients, err := t.DialAll(s, n, tweaks...)
	t.Must(fmt.Sprintf("connect %d times", n), err)
	return clients
}

// DialAll is Dial that returns what failed, and those that did not.
func (t *Trial) DialAll(s *Server, n int, tweaks ...Tweak) ([]*Client, error) {
	first := t.next
	t.next += n
	made := make([]*Client, n)
	err := each(span(first, n), func(id int) error {
		c, err := t.connect(s, id, tweaks)
		made[id-first] = c
		return err
	})
	var clients []*Client
	for _, c := range made {
		if c != nil {
			clients = append(clients, c)
		}
	}
	t.clients = append(t.clients, clients...)
	return clients, err
}

// served are n connections that the server has begun to serve.
func (t *Trial) served(s *Server, n int) []*Client {
	clients := t.Dial(s, n)
	t.Must("echo before the fault", each(clients, func(c *Client) error { return c.Echo(64) }))
	return clients
}

// perSource is how many connections come from one address of 127.0.0.0/8.
const perSource = 5000

func (t *Trial) connect(s *Server, id int, tweaks []Tweak) (*Client, error) {
	d := net.Dialer{Timeout: t.Patience, Control: control(tweaks)}
	if host, _, _ := net.SplitHostPort(s.Addr); host == "127.0.0.1" {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+id/perSource))}
	}
	nc, err := s.dial(d)
	if err != nil {
		return nil, dialBreach(err)
	}
	return t.newClient(nc.(*net.TCPConn), id), nil
}

// newClient is the client of a connection.
func (t *Trial) newClient(nc *net.TCPConn, id int) *Client {
	// Whoever waits for the server waits no longer when the row is interrupted.
	context.AfterFunc(t.ctx, func() { nc.Close() })
	return &Client{TCPConn: nc, t: t, id: id, out: ledger.New(id), in: ledger.New(id)}
}

// dial connects from where the clients are.
func (s *Server) dial(d net.Dialer) (net.Conn, error) {
	if s.network != nil {
		return s.network.dialer(d, s.Addr)
	}
	return d.DialContext(s.t.ctx, "tcp", s.Addr)
}

func dialBreach(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return breach(Ended, "%v", err)
	case isTimeout(err):
		return breach(Hung, "%v", err)
	}
	return breach(Lost, "%v", err)
}

// isTimeout reports whether err is about a time limit of this side or the kernel's.
func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func control(tweaks []Tweak) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			// Many sources with few ports each: the port is chosen at connect.
			failed = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1))
			for _, tweak := range tweaks {
				failed = errors.Join(failed, tweak(int(fd)))
			}
		})
		return errors.Join(err, failed)
	}
}

// SmallBuffers makes the kernel keep little for a client, on both sides, so that
// much stays with the server: Linux sizes the buffers of a sender by the segments,
// which are of 64 KiB on loopback.
func SmallBuffers(fd int) error {
	return errors.Join(
		os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1000)),
		os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)),
	)
}

// wrong says what an error of reading or writing means.
func (c *Client) wrong(doing string, err error) error {
	if c.t.ctx.Err() != nil {
		return c.t.ctx.Err()
	}
	o := Lost
	if isTimeout(err) {
		o = Hung
	}
	b := breach(o, "client %d: %s: %v, %d bytes sent, %d come back", c.id, doing, err, c.out.Done(), c.in.Done())
	b.cause = err
	return b
}

// soon is when patience ends.
func (c *Client) soon() time.Time { return time.Now().Add(c.t.Patience) }

// Send sends the next n bytes of the client's stream.
func (c *Client) Send(n int) error {
	_ = c.SetWriteDeadline(c.soon())
	for n > 0 {
		p := c.out.Next(n)
		if _, err := c.Write(p); err != nil {
			return c.wrong("send", err)
		}
		n -= len(p)
	}
	return nil
}

// Receive receives the next n bytes and checks them.
func (c *Client) Receive(n int) error {
	for n > 0 {
		got, err := c.receive(n)
		n -= got
		if err != nil {
			return err
		}
	}
	return nil
}

// receive receives some bytes, at most n, and checks them.
func (c *Client) receive(n int) (int, error) {
	if c.buf == nil {
		c.buf = make([]byte, 32<<10)
	}
	_ = c.SetReadDeadline(c.soon())
	got, err := c.Read(c.buf[:min(n, len(c.buf))])
	if wrong := c.in.Check(c.buf[:got]); wrong != nil {
		return got, breach(Lost, "client %d: %v", c.id, wrong)
	}
	if err == io.EOF {
		return got, err
	}
	if err != nil {
		return got, c.wrong("receive", err)
	}
	return got, nil
}

// Echo sends n bytes and receives them again, at the same time.
func (c *Client) Echo(n int) error {
	if n <= 4096 {
		if err := c.Send(n); err != nil {
			return err
		}
		return c.all(n)
	}
	sent := make(chan error, 1)
	go func() { sent <- c.Send(n) }()
	return errors.Join(c.all(n), <-sent)
}

// all receives n bytes; the end before them is one that lost some.
func (c *Client) all(n int) error {
	err := c.Receive(n)
	if err == io.EOF {
		return c.wrong("receive", errors.New("the connection ended"))
	}
	return err
}

// Finish ends the client's output, receives until the server's end, and wants all
// that was sent to have come back.
func (c *Client) Finish() error {
	if err := c.CloseWrite(); err != nil {
		return c.wrong("end the output", err)
	}
	return c.Drain()
}

// Drain receives until the server's end, and wants all that was sent.
func (c *Client) Drain() error {
	for {
		_, err := c.receive(1 << 20)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	c.Close()
	if c.in.Done() != c.out.Done() {
		return breach(Lost, "client %d: %d bytes sent, %d come back before a clean end", c.id, c.out.Done(), c.in.Done())
	}
	return nil
}

// visit connects, echoes size bytes and ends.
func (t *Trial) visit(s *Server, id, size int) error {
	c, err := t.connect(s, id, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Echo(size); err != nil {
		return err
	}
	return c.Finish()
}

// Reset ends the connection with a reset.
func (c *Client) Reset() error {
	return errors.Join(c.SetLinger(0), c.Close())
}

// Watch pings from some clients until it is stopped: the connections that a fault
// must not touch.
type Watch struct {
	pause time.Duration
	stop  chan struct{}
	done  sync.WaitGroup
	pings []int
	worst []time.Duration
	errs  []error
	mu    sync.Mutex
}

// every is the pause of a watching client between pings.
const every = 5 * time.Millisecond

// Watch begins to watch the server with n clients.
func (t *Trial) Watch(s *Server, n int) *Watch { return t.WatchWith(t.served(s, n)) }

// WatchWith is Watch with clients that there are already.
func (t *Trial) WatchWith(clients []*Client) *Watch { return t.WatchEvery(clients, every) }

// WatchEvery is WatchWith with a pause of its own between pings.
func (t *Trial) WatchEvery(clients []*Client, pause time.Duration) *Watch {
	w := &Watch{
		pause: pause,
		stop:  make(chan struct{}),
		pings: make([]int, len(clients)),
		worst: make([]time.Duration, len(clients)),
		errs:  make([]error, len(clients)),
	}
	for i, c := range clients {
		w.done.Go(func() { w.ping(i, c) })
	}
	return w
}

func (w *Watch) ping(i int, c *Client) {
	for {
		began := time.Now()
		err := c.Echo(64)
		w.mu.Lock()
		w.pings[i]++
		w.worst[i] = max(w.worst[i], time.Since(began))
		w.errs[i] = err
		w.mu.Unlock()
		if err != nil {
			return
		}
		select {
		case <-w.stop:
			return
		case <-time.After(w.pause):
		}
	}
}

// Pings are the counts by client, so far.
func (w *Watch) Pings() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]int(nil), w.pings...)
}

// Stop ends the pings; each must have been answered.
func (w *Watch) Stop() (pings int, worst time.Duration, err error) {
	close(w.stop)
	w.done.Wait()
	for i := range w.pings {
		pings += w.pings[i]
		worst = max(worst, w.worst[i])
		if w.errs[i] != nil && err == nil {
			err = w.errs[i]
		}
	}
	return pings, worst, err
}

// End is Stop, held to the row: what ended meanwhile was none of the fault's.
func (t *Trial) End(w *Watch) {
	pings, worst, err := w.Stop()
	t.Must("connections that the fault does not touch", err)
	t.Figure("%d pings beside it, slowest %v", pings, worst.Round(100*time.Microsecond))
}
