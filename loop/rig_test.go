//go:build unix

package loop_test

// What every test of the engine needs: an engine on loopback, clients that keep
// a ledger of bytes, and a handler that watches the order of callbacks.

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// patience is how long a test waits for what must happen. It is no promise of
// the package: whatever takes this long has hung.
const patience = 60 * time.Second

// stalledOutput is more than both kernel's buffers of a connection take from a peer that
// does not read, and the high mark (tcp_wmem of tcp(7): 4 MiB at most by default).
const stalledOutput = 12 << 20

// TestMain holds the whole suite to C7: when the tests are over, no goroutine
// and no descriptor is left, and none was closed that is not ours.
func TestMain(m *testing.M) {
	// Package net opens its own poller once, which is no leak of ours.
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
	before := openDescriptors()
	code := m.Run()
	if code == 0 {
		code = findLeaks(before)
	}
	os.Exit(code)
}

func findLeaks(before int) int {
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left:", err)
		return 1
	}
	if now := openDescriptors(); now < before || now > before+profiles() {
		fmt.Fprintf(os.Stderr, "%d descriptors at the start, %d at the end\n", before, now)
		return 1
	}
	return 0
}

// profiles is how many files package testing may have open because it was asked
// to: it leaves them to the collector.
func profiles() (n int) {
	for _, name := range []string{"test.cpuprofile", "test.trace"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			n++
		}
	}
	return n
}

// openDescriptors is how many descriptors this process has, or -1 where the
// system does not tell.
func openDescriptors() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return len(entries)
		}
	}
	return -1
}

// expectDescriptors wants no more descriptors than before. A test that came
// before may have been about to close some.
func expectDescriptors(t testing.TB, before int) {
	t.Helper()
	until(t, fmt.Sprintf("no more than %d descriptors are open", before), func() bool {
		return openDescriptors() <= before
	})
}

// until waits for a condition that nobody announces.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// take waits for a value that must come.
func take[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// rig is a running engine and everything of it that is checked at the end.
type rig struct {
	testing.TB
	engine *loop.Engine
	ran    chan error
	failed bool // Run is expected to fail: its error is in runErr
	runErr error
	once   sync.Once

	mu       sync.Mutex
	watchers []*watcher
}

// newRig starts an engine. At the end of the test it is closed, and then every
// handler must have heard OnClose and no descriptor may be left.
func newRig(t testing.TB, cfg loop.Config) *rig {
	t.Helper()
	before := openDescriptors()
	e, err := loop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{TB: t, engine: e, ran: make(chan error, 1)}
	go func() { r.ran <- e.Run(context.Background()) }()
	t.Cleanup(func() {
		r.stop()
		expectDescriptors(t, before)
	})
	do(t, e.Loops()[0], func() {}) // Run has begun
	return r
}

// stop closes the engine and holds it to C2 and C6.
func (r *rig) stop() {
	r.Helper()
	if err := r.engine.Close(); err != nil {
		r.Errorf("Close: %v", err)
	}
	r.wait()
}

// wait waits for the end of Run, however it comes.
func (r *rig) wait() {
	r.Helper()
	r.once.Do(func() {
		r.runErr = take(r.TB, "the end of Run", r.ran)
		if r.runErr != nil && !r.failed {
			r.Errorf("Run after a requested stop: %v", r.runErr)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, w := range r.watchers {
			if !w.closed {
				r.Errorf("a handler has not heard OnClose when Run returns")
			}
		}
	})
}

// hooks are the callbacks of one connection. The handler has OnEOF, OnTimeout
// and OnShutdown only if they are set, since their absence has a meaning.
type hooks struct {
	open     func(c *loop.Conn) error
	data     func(c *loop.Conn, in []byte) (int, error) // nil consumes everything
	eof      func(c *loop.Conn)
	drain    func(c *loop.Conn)
	timeout  func(c *loop.Conn, d loop.Deadline) error
	shutdown func(c *loop.Conn)
	close    func(c *loop.Conn, err error)
}

// watcher is a handler that holds the engine to C2: OnOpen at most once and
// first, OnClose exactly once and last, never two callbacks at once.
type watcher struct {
	hooks
	t      testing.TB
	inside string // the callback under way; plain, so that -race sees another goroutine
	opened bool
	began  bool
	closed bool
	ended  bool
	cause  error         // what OnClose heard
	gone   chan struct{} // closed by OnClose
}

// watch returns a watching handler for h.
func (r *rig) watch(h hooks) loop.Handler {
	w := &watcher{hooks: h, t: r.TB, gone: make(chan struct{})}
	r.mu.Lock()
	r.watchers = append(r.watchers, w)
	r.mu.Unlock()
	return w.handler()
}

// protocol gives every connection the hooks that each makes for it.
func (r *rig) protocol(each func(c *loop.Conn) hooks) loop.Protocol {
	return func(c *loop.Conn) loop.Handler { return r.watch(each(c)) }
}

// always is the protocol of connections that all have the same hooks.
func (r *rig) always(h hooks) loop.Protocol {
	return r.protocol(func(*loop.Conn) hooks { return h })
}

func (w *watcher) enter(name string) (leave func()) {
	switch {
	case w.inside != "":
		w.t.Errorf("%s is called within %s", name, w.inside)
	case w.closed:
		w.t.Errorf("%s is called after OnClose", name)
	}
	w.inside = name
	w.began = true
	return func() { w.inside = "" }
}

func (w *watcher) OnOpen(c *loop.Conn) error {
	if w.began {
		w.t.Error("OnOpen is not the first callback, or not the only OnOpen")
	}
	defer w.enter("OnOpen")()
	w.opened = true
	if w.open == nil {
		return nil
	}
	return w.open(c)
}

func (w *watcher) OnData(c *loop.Conn, in []byte) (int, error) {
	defer w.enter("OnData")()
	if len(in) == 0 {
		w.t.Error("OnData is called without data")
	}
	if w.data == nil {
		return len(in), nil
	}
	return w.data(c, in)
}

func (w *watcher) OnDrain(c *loop.Conn) {
	defer w.enter("OnDrain")()
	if w.drain != nil {
		w.drain(c)
	}
}

func (w *watcher) OnClose(c *loop.Conn, err error) {
	defer w.enter("OnClose")()
	w.closed = true
	w.cause = err
	defer close(w.gone)
	if w.close != nil {
		w.close(c, err)
	}
}

type withEOF struct{ w *watcher }

func (p withEOF) OnEOF(c *loop.Conn) {
	defer p.w.enter("OnEOF")()
	if p.w.ended {
		p.w.t.Error("OnEOF is called twice")
	}
	p.w.ended = true
	p.w.eof(c)
}

type withTimeout struct{ w *watcher }

func (p withTimeout) OnTimeout(c *loop.Conn, d loop.Deadline) error {
	defer p.w.enter("OnTimeout")()
	return p.w.timeout(c, d)
}

type withShutdown struct{ w *watcher }

func (p withShutdown) OnShutdown(c *loop.Conn) {
	defer p.w.enter("OnShutdown")()
	p.w.shutdown(c)
}

// handler returns w with exactly the optional methods that have hooks.
func (w *watcher) handler() loop.Handler {
	e, t, s := withEOF{w}, withTimeout{w}, withShutdown{w}
	set := 0
	for i, there := range []bool{w.eof != nil, w.timeout != nil, w.shutdown != nil} {
		if there {
			set |= 1 << i
		}
	}
	switch set {
	case 1:
		return struct {
			*watcher
			withEOF
		}{w, e}
	case 2:
		return struct {
			*watcher
			withTimeout
		}{w, t}
	case 3:
		return struct {
			*watcher
			withEOF
			withTimeout
		}{w, e, t}
	case 4:
		return struct {
			*watcher
			withShutdown
		}{w, s}
	case 5:
		return struct {
			*watcher
			withEOF
			withShutdown
		}{w, e, s}
	case 6:
		return struct {
			*watcher
			withTimeout
			withShutdown
		}{w, t, s}
	case 7:
		return struct {
			*watcher
			withEOF
			withTimeout
			withShutdown
		}{w, e, t, s}
	}
	return w
}

// echo returns what it gets. Its pending output is bounded by the automatic
// pause, so Write never refuses.
func echo(c *loop.Conn, in []byte) (int, error) { return c.Write(in) }

// listen listens on a free port of loopback.
func (r *rig) listen(p loop.Protocol) *loop.Listener {
	r.Helper()
	return r.listenOn(loop.ListenConfig{}, "tcp", "127.0.0.1:0", p)
}

func (r *rig) listenOn(cfg loop.ListenConfig, network, address string, p loop.Protocol) *loop.Listener {
	r.Helper()
	ln, err := r.engine.Listen(cfg, network, address, p)
	if err != nil {
		r.Fatal(err)
	}
	return ln
}

// listenUnix listens at a path.
func (r *rig) listenUnix(p loop.Protocol) *loop.Listener {
	r.Helper()
	return r.listenOn(loop.ListenConfig{}, "unix", socketPath(r.TB), p)
}

// onEachNetwork runs a scenario over tcp and over a unix socket.
func onEachNetwork(t *testing.T, scenario func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener)) {
	t.Run("tcp", func(t *testing.T) { scenario(t, (*rig).listen) })
	t.Run("unix", func(t *testing.T) { scenario(t, (*rig).listenUnix) })
}

// socketPath is a path that is short enough for a socket on every system.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "eddy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// client is one end of a connection that the engine has the other of.
type client struct {
	net.Conn
	t testing.TB
}

// dial connects to ln; the client is closed before the engine.
func (r *rig) dial(ln *loop.Listener) *client {
	r.Helper()
	return connect(r.TB, ln)
}

// served is a connection of r, as its loop and as its client see it.
func (r *rig) served() (*loop.Conn, *client) {
	r.Helper()
	conns := make(chan *loop.Conn, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error { conns <- c; return nil },
		data: echo,
	})))
	return take(r.TB, "the connection", conns), c
}

// dialDoomed is dial for a connection that the server resets at once: the loops
// are held until the client knows that it is up.
func (r *rig) dialDoomed(ln *loop.Listener) *client {
	r.Helper()
	for _, l := range r.engine.Loops() {
		defer hold(r.TB, l)()
	}
	return connect(r.TB, ln)
}

func connect(t testing.TB, ln *loop.Listener) *client {
	t.Helper()
	network, address := "tcp", ln.Addr().String()
	if ln.Addr().IsUnix() {
		network, address = "unix", ln.Addr().Path()
	}
	return connectTo(t, network, address)
}

func connectTo(t testing.TB, network, address string) *client {
	t.Helper()
	nc, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return &client{nc, t}
}

func (c *client) send(p []byte) {
	c.t.Helper()
	if _, err := c.Write(p); err != nil {
		c.t.Fatalf("client write: %v", err)
	}
}

// expect wants exactly these bytes next.
func (c *client) expect(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if err != nil || string(got) != want {
		c.t.Fatalf("client read %.60q, %v; want %.60q", got[:n], err, want)
	}
}

// expectEnd wants the peer's FIN and nothing before it.
func (c *client) expectEnd() {
	c.t.Helper()
	rest, err := io.ReadAll(c)
	if err != nil || len(rest) > 0 {
		c.t.Fatalf("client read %d bytes, %v; want the end", len(rest), err)
	}
}

// expectReset wants the connection to be reset, whatever comes before.
func (c *client) expectReset() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("client read: %v, want a reset", err)
	}
}

// finish ends the client's output.
func (c *client) finish() {
	c.t.Helper()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		c.t.Fatalf("%T has no CloseWrite", c.Conn)
	}
	if err := half.CloseWrite(); err != nil {
		c.t.Fatalf("client CloseWrite: %v", err)
	}
}

// reset ends the connection with a RST.
func (c *client) reset() {
	c.t.Helper()
	if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
	c.Close()
}

// echoes wants the server to be alive and to echo.
func (c *client) echoes() {
	c.t.Helper()
	const word = "are you there?"
	c.send([]byte(word))
	c.expect(word)
}

// do runs f on the goroutine of l and waits for its end.
func do(t testing.TB, l *loop.Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if err := l.Post(func() { defer close(done); f() }); err != nil {
		t.Fatalf("Post: %v", err)
	}
	take(t, "a posted function", done)
}

// hold stops a loop until release is called, so that what happens meanwhile
// comes to it in one batch.
func hold(t testing.TB, l *loop.Loop) (release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	if err := l.Post(func() { close(held); <-free }); err != nil {
		t.Fatalf("Post: %v", err)
	}
	take(t, "the loop to be held", held)
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	return release
}

// turn waits until l has gone through a whole turn.
func turn(t testing.TB, l *loop.Loop) {
	t.Helper()
	do(t, l, func() {})
	do(t, l, func() {})
}

// sequence is what ledgers are filled from. Its length is a prime, so that a
// piece lost or doubled at any power of two shows.
var sequence = func() []byte {
	once := make([]byte, 65521)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(once)
	return once
}()

// ledger is a position in the endless sequence of bytes that one direction of
// one connection carries. The start tells directions apart.
type ledger int

// fill makes p the next bytes.
func (l *ledger) fill(p []byte) {
	for len(p) > 0 {
		n := copy(p, sequence[int(*l)%len(sequence):])
		*l += ledger(n)
		p = p[n:]
	}
}

// check compares p with the next bytes.
func (l *ledger) check(p []byte) error {
	for len(p) > 0 {
		want := sequence[int(*l)%len(sequence):]
		n := min(len(p), len(want))
		if !bytes.Equal(p[:n], want[:n]) {
			return fmt.Errorf("the bytes after position %d are not those that were sent", *l)
		}
		*l += ledger(n)
		p = p[n:]
	}
	return nil
}

// record returns n bytes of a ledger that starts at start.
func record(start, n int) []byte {
	p := make([]byte, n)
	l := ledger(start)
	l.fill(p)
	return p
}

// pieceSize is from 1 B to 1 MiB, small ones as likely as large ones.
func pieceSize(rng *rand.Rand) int {
	return min(1+rng.IntN(2<<rng.IntN(20)), 1<<20)
}

// sendLedger sends total bytes in pieces of all sizes, then FIN.
func (c *client) sendLedger(rng *rand.Rand, start, total int) error {
	l := ledger(start)
	buf := make([]byte, 1<<20)
	for left := total; left > 0; {
		p := buf[:min(left, pieceSize(rng))]
		l.fill(p)
		if _, err := c.Write(p); err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", total-left, total, err)
		}
		left -= len(p)
	}
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// receiveLedger wants total bytes and then FIN. It reads in pieces, and slow
// readers leave the other end the time to fill all buffers between them.
func (c *client) receiveLedger(rng *rand.Rand, start, total int, slow bool) error {
	l := ledger(start)
	buf := make([]byte, 256<<10)
	for got := 0; ; {
		n, err := c.Read(buf[:1+rng.IntN(len(buf))])
		if err := l.check(buf[:n]); err != nil {
			return err
		}
		got += n
		if err == io.EOF {
			if got != total {
				return fmt.Errorf("the end came after %d of %d bytes", got, total)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", got, total, err)
		}
		if slow {
			for range 50 {
				runtime.Gosched()
			}
		}
	}
}

// all runs the parts at the same time and fails with the errors they return.
func all(t testing.TB, parts ...func() error) {
	t.Helper()
	errs := make(chan error, len(parts))
	for _, part := range parts {
		go func() { errs <- part() }()
	}
	for range parts {
		if err := take(t, "the parts of the test", errs); err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// silentAddress is an address of loopback to which connects never come to an
// end: the queue of its listener is full, and nobody accepts.
func silentAddress(t testing.TB) string {
	t.Helper()
	return silentAt(t, "127.0.0.1").String()
}

func silentAt(t testing.TB, host string) stream.Addr {
	t.Helper()
	at, err := stream.ParseAddr(net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := stream.Listen(at, stream.ListenOptions{Backlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	addr, err := ln.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := stream.ConnectTimeout(addr, 50*time.Millisecond)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return addr
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
	}
}

// halfCloseRead ends the client's input.
func (c *client) halfCloseRead() {
	c.t.Helper()
	half, ok := c.Conn.(interface{ CloseRead() error })
	if !ok {
		c.t.Fatalf("%T has no CloseRead", c.Conn)
	}
	if err := half.CloseRead(); err != nil {
		c.t.Fatalf("client CloseRead: %v", err)
	}
}

// counter is a number that callbacks raise and tests read.
type counter struct{ atomic.Int64 }

func (n *counter) more() { n.Add(1) }
