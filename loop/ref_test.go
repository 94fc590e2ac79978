//go:build unix

package loop_test

// What other goroutines may do: Post, and connections through a Ref.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// refTo opens a connection and returns both ends.
func refTo(r *rig, cfg hooks) (loop.Ref, *client) {
	r.Helper()
	refs := make(chan loop.Ref, 1)
	open := cfg.open
	cfg.open = func(c *loop.Conn) error {
		refs <- c.Ref()
		if open == nil {
			return nil
		}
		return open(c)
	}
	c := r.dial(r.listen(r.always(cfg)))
	return take(r.TB, "the connection", refs), c
}

// Writes of one goroutine come in order, those of several whole; the bytes are
// copied.
func TestRefWriteFromManyGoroutines(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	ref, c := refTo(r, hooks{})
	const writers, words = 8, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			buf := make([]byte, 8)
			for i := range words {
				copy(buf, fmt.Sprintf("%02d%06d", w, i))
				if n, err := ref.Write(buf); n != len(buf) || err != nil {
					t.Errorf("Ref.Write: %d, %v", n, err)
					return
				}
				clear(buf)
			}
		})
	}
	next := make([]int, writers)
	buf := make([]byte, 8)
	for range writers * words {
		for n := 0; n < len(buf); {
			k, err := c.Read(buf[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		var w, i int
		if _, err := fmt.Sscanf(string(buf), "%02d%06d", &w, &i); err != nil || i != next[w] {
			t.Fatalf("got %q, want number %d of its writer: %v", buf, next[w], err)
		}
		next[w]++
	}
	all.Wait()
}

// Do runs on the loop's goroutine, and what it writes is corked.
func TestRefDo(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	ref, c := refTo(r, hooks{})
	if err := ref.Do(func(conn *loop.Conn) {
		if conn.Loop() != ref.Loop() {
			t.Error("the connection is on another loop")
		}
		for _, s := range []string{"a", "b", "c"} {
			if _, err := conn.WriteString(s); err != nil {
				t.Error(err)
			}
		}
		if conn.Buffered() != 3 {
			t.Errorf("%d bytes are pending, want 3", conn.Buffered())
		}
	}); err != nil {
		t.Fatal(err)
	}
	c.expect("abc")
	if err := ref.Close(); err != nil {
		t.Fatal(err)
	}
	c.expectEnd()
}

// What was queued through a Ref before the connection ended does not run after.
func TestRefDoIsNotCalledForAConnectionThatEnded(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ref, _ := refTo(r, hooks{})
	release := hold(t, ref.Loop())
	aborted := false // the loop's
	if err := ref.Do(func(c *loop.Conn) { c.Abort(); aborted = true }); err != nil {
		t.Fatal(err)
	}
	if err := ref.Do(func(*loop.Conn) { t.Error("Do runs after the end") }); err != nil {
		t.Fatal(err)
	}
	release()
	turn(t, ref.Loop())
	do(t, ref.Loop(), func() {
		if !aborted {
			t.Error("the first Do did not run")
		}
	})
	if err := ref.Do(func(*loop.Conn) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Do after the end: %v", err)
	}
}

// Past MaxPending a Ref's write cannot be refused any more: it ends the
// connection, with the cause.
func TestRefWritePastMaxPendingCloses(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxPending: 100_000})
	causes := make(chan error, 1)
	ref, c := refTo(r, hooks{close: func(_ *loop.Conn, err error) { causes <- err }})
	for range 1000 {
		if _, err := ref.Write(make([]byte, 50_000)); err != nil {
			if err != loop.ErrBackpressure && !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
			break
		}
	}
	if err := take(t, "OnClose", causes); !errors.Is(err, loop.ErrBackpressure) {
		t.Errorf("OnClose heard %v, want ErrBackpressure", err)
	}
	c.expectReset()
}

// The bytes that wait in a loop's queue are bounded, and given free again.
func TestMaxTaskBytes(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxTaskBytes: 1000})
	ref, c := refTo(r, hooks{})
	for range 3 {
		release := hold(t, ref.Loop())
		if _, err := ref.Write(record(0, 600)); err != nil {
			t.Fatal(err)
		}
		if n, err := ref.Write(make([]byte, 600)); n != 0 || err != loop.ErrBackpressure {
			t.Errorf("a write past MaxTaskBytes: %d, %v", n, err)
		}
		if _, err := ref.Write(record(600, 400)); err != nil {
			t.Errorf("a write that just fits: %v", err)
		}
		release()
		c.expect(string(record(0, 1000)))
	}
	if _, err := ref.Write(make([]byte, 1001)); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a write that never fits: %v, want os.ErrInvalid", err)
	}
}

// The zero Ref is one of a connection that is gone.
func TestZeroRef(t *testing.T) {
	var ref loop.Ref
	if ref.Loop() != nil {
		t.Error("it has a loop")
	}
	if _, err := ref.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := ref.Do(func(*loop.Conn) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Do: %v", err)
	}
	if err := ref.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
}

// Tasks run in the order in which they were posted, on one goroutine (hazard 33).
func TestPostKeepsTheOrder(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	const posters, tasks = 4, 2000
	next := make([]int, posters) // the loop's
	var all sync.WaitGroup
	for p := range posters {
		all.Go(func() {
			for i := range tasks {
				if err := l.Post(func() {
					if next[p] != i {
						t.Errorf("task %d of poster %d runs when %d is due", i, p, next[p])
					}
					next[p] = i + 1
				}); err != nil {
					t.Errorf("Post: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	do(t, l, func() {
		for p, n := range next {
			if n != tasks {
				t.Errorf("%d of %d tasks of poster %d ran", n, tasks, p)
			}
		}
	})
}

// A task that posts itself again for ever lets everything else go on (hazard 33).
func TestASelfRepostingTaskStarvesNobody(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	c := r.dial(r.listen(r.always(hooks{data: echo})))
	fired := make(chan struct{})
	var stop atomic.Bool
	var again func()
	again = func() {
		if !stop.Load() {
			if err := l.Post(again); err != nil {
				t.Error(err)
			}
		}
	}
	for range 3 {
		if err := l.Post(again); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		c.echoes()
	}
	do(t, l, func() { l.AfterFunc(1, func() { close(fired) }) })
	take(t, "a timer", fired)
	stop.Store(true)
	turn(t, l)
}

// Of the posts that race the engine's end every accepted one runs, and every
// other says so (hazard 42).
func TestAcceptedPostsRunAtTheEnd(t *testing.T) {
	for range 5 {
		r := newRig(t, loop.Config{Loops: 2, MaxTasks: 1000})
		var ran, accepted, conns counter
		ref, _ := refTo(r, hooks{close: func(*loop.Conn, error) { conns.more() }})
		var all sync.WaitGroup
		begun := make(chan struct{}, 4)
		for _, l := range append(r.engine.Loops(), r.engine.Loops()...) {
			all.Go(func() {
				for i := 0; ; i++ {
					if i == 10 {
						begun <- struct{}{}
					}
					switch err := l.Post(ran.more); {
					case err == nil:
						accepted.more()
					case errors.Is(err, net.ErrClosed):
						return
					case err != loop.ErrBackpressure:
						t.Errorf("Post: %v", err)
						return
					}
				}
			})
		}
		all.Go(func() {
			for {
				if _, err := ref.Write([]byte("x")); errors.Is(err, net.ErrClosed) {
					return
				}
			}
		})
		for range 4 {
			take(t, "the posts", begun)
		}
		r.stop()
		all.Wait()
		if ran.Load() != accepted.Load() || conns.Load() != 1 {
			t.Fatalf("%d posts were accepted, %d ran; OnClose was called %d times", accepted.Load(), ran.Load(), conns.Load())
		}
	}
}

// A write that can never be taken is refused where it is made: taken for sent and
// then dropped, it would be a gap in the stream.
func TestRefWriteThatNeverFits(t *testing.T) {
	for name, cfg := range map[string]loop.Config{
		"MaxPending":   {Loops: 1, MaxPending: 100 << 10},
		"MaxTaskBytes": {Loops: 1, MaxTaskBytes: 100 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, cfg)
			opened := make(chan loop.Ref, 1)
			ln := r.listen(r.always(hooks{open: func(c *loop.Conn) error { opened <- c.Ref(); return nil }}))
			c := r.dial(ln)
			ref := take(t, "the connection", opened)
			if n, err := ref.Write(make([]byte, 100<<10+1)); n != 0 || !errors.Is(err, os.ErrInvalid) {
				t.Fatalf("Write: %d, %v; want os.ErrInvalid", n, err)
			}
			if _, err := ref.Write([]byte("whole")); err != nil {
				t.Fatal(err)
			}
			c.expect("whole")
		})
	}
}

func TestShutdownWithoutAContext(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	var none context.Context
	if err := r.engine.Shutdown(none); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("Shutdown(nil): %v, want os.ErrInvalid", err)
	}
	r.dial(r.listen(r.always(hooks{data: echo}))).echoes()
}
