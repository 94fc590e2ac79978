package loop_test

// A poller that stops working, without any hook: its descriptor becomes another
// file.

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// epolls is the epoll descriptors of this process.
func epolls(t *testing.T) map[int]bool {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	fds := make(map[int]bool)
	for _, e := range entries {
		if what, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && what == "anon_inode:[eventpoll]" {
			fd, err := strconv.Atoi(e.Name())
			if err != nil {
				t.Fatal(err)
			}
			fds[fd] = true
		}
	}
	return fds
}

// One loop that cannot wait any more ends the engine, on all loops: Run returns
// the error, everybody hears of the end, what was accepted still runs.
func TestC6OneDeadPollerEndsTheEngine(t *testing.T) {
	before := epolls(t)
	r := newRig(t, loop.Config{Loops: 3})
	r.failed = true
	broken := -1
	for fd := range epolls(t) {
		if !before[fd] {
			broken = fd
		}
	}
	if broken < 0 {
		t.Fatal("the engine has no epoll descriptor")
	}
	causes := make(chan error, 6)
	ln := r.listen(r.always(hooks{data: echo, close: func(_ *loop.Conn, err error) { causes <- err }}))
	var clients []*client
	for range cap(causes) { // two on each loop
		c := r.dial(ln)
		c.echoes()
		clients = append(clients, c)
	}
	outcomes := make(chan error, 1)
	err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", silentAddress(t), r.always(hooks{}),
		func(_ *loop.Conn, err error) { outcomes <- err })
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.engine.Loops() {
		do(t, l, func() { l.AfterFunc(time.Hour, func() { t.Error("a timer fired at the end") }) })
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	// The number stays taken, so that nobody else's is closed with the poller.
	if err := syscall.Dup3(int(null.Fd()), broken, syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	ran, accepted := new(counter), int64(0)
	for _, l := range r.engine.Loops() {
		for range 10 {
			if l.Post(ran.more) == nil {
				accepted++
			}
		}
	}
	r.wait()
	if !errors.Is(r.runErr, syscall.EINVAL) || !strings.Contains(r.runErr.Error(), "epoll_wait") {
		t.Errorf("Run: %v, want EINVAL of epoll_wait", r.runErr)
	}
	failed, closed := 0, 0
	for range cap(causes) {
		switch err := take(t, "OnClose", causes); {
		case errors.Is(err, syscall.EINVAL):
			failed++
		case errors.Is(err, net.ErrClosed):
			closed++
		default:
			t.Errorf("OnClose heard %v", err)
		}
	}
	if failed != 2 || closed != 4 {
		t.Errorf("%d connections heard the error, %d net.ErrClosed; want 2, 4", failed, closed)
	}
	if err := take(t, "the outcome of the dial", outcomes); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, net.ErrClosed) {
		t.Errorf("the dial ended with %v", err)
	}
	if ran.Load() != accepted || accepted == 0 {
		t.Errorf("%d of %d accepted tasks have run", ran.Load(), accepted)
	}
	if s := r.engine.Stats(); s.Conns != 0 || s.Closed != 6 {
		t.Errorf("%d connections are open, %d were closed", s.Conns, s.Closed)
	}
	for _, l := range r.engine.Loops() {
		if err := l.Post(func() {}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Post after the end: %v", err)
		}
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("it still listens")
	}
	if err := r.engine.Shutdown(context.Background()); err != nil {
		t.Errorf("a later Shutdown: %v", err)
	}
	for _, c := range clients {
		c.Close()
	}
}
