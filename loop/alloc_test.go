//go:build unix

package loop_test

// What the steady state costs: no allocation.

import (
	"io"
	"runtime"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// allocated is how many allocations the process makes in some rounds, after
// others in which everything reaches its size. The runtime itself allocates now
// and then: up to one in fifty rounds is its own.
func allocated(rounds int, round func()) (n uint64) {
	for range 200 {
		round()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range rounds {
		round()
	}
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

func expectAllocations(t *testing.T, each uint64, round func()) {
	t.Helper()
	const rounds = 4_000
	if n := allocated(rounds, round); n < each*rounds || n > each*rounds+rounds/50 {
		t.Errorf("%d allocations in %d messages, want %d in each", n, rounds, each)
	}
}

// receive reads exactly p.
func (c *client) receive(p []byte) {
	if _, err := io.ReadFull(c, p); err != nil {
		c.t.Fatal(err)
	}
}

// Messages allocate nothing: small, large, pipelined, cut in the middle, with
// deadlines that move at each, and by whatever way the answer leaves. The
// handlers have no watcher, whose bookkeeping may allocate.
func TestMessagesAllocateNothing(t *testing.T) {
	deadlines := func(c *loop.Conn, in []byte) (int, error) {
		c.SetReadDeadline(c.Loop().Now().Add(1e9))
		c.SetIdleTimeout(1e9)
		return c.Write(in)
	}
	halves := func(c *loop.Conn, in []byte) (int, error) {
		if len(in) < 100 {
			return 0, nil
		}
		return c.Write(in[:100])
	}
	vector := make([][]byte, 0, 100)
	pieces := func(size int) func(*loop.Conn, []byte) (int, error) {
		return func(c *loop.Conn, in []byte) (int, error) {
			vector = vector[:0]
			for from := 0; from < len(in); from += size {
				vector = append(vector, in[from:min(from+size, len(in))])
			}
			return c.Writev(vector)
		}
	}
	for _, tc := range []struct {
		name   string
		data   func(*loop.Conn, []byte) (int, error)
		size   int
		pieces int
	}{
		{"small", echo, 64, 1},
		{"large", echo, 60_000, 1},
		{"deadlines", deadlines, 64, 1},
		{"halves", halves, 100, 2},
		{"Writev in the cork", pieces(10), 64, 1},
		{"Writev beyond the cork", pieces(3_000), 60_000, 1},
		{"Writev of long slices", pieces(20_000), 60_000, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			c := r.dial(r.listen(loop.HandlerFunc(tc.data).Protocol()))
			msg, back := make([]byte, tc.size), make([]byte, tc.size)
			expectAllocations(t, 0, func() {
				for i := range tc.pieces {
					k := tc.size / tc.pieces
					c.send(msg[i*k : (i+1)*k])
				}
				c.receive(back)
			})
		})
	}
}

// What is written to another connection than that whose callback is under way is
// queued to the end of the turn, and allocates nothing: to one, or to many.
func TestForwardingAllocatesNothing(t *testing.T) {
	for name, size := range map[string]int{"small": 64, "large": 60_000} {
		t.Run(name, func(t *testing.T) {
			const receivers = 3
			r := newRig(t, loop.Config{Loops: 1})
			conns := make(chan *loop.Conn, receivers)
			out := r.listen(func(c *loop.Conn) loop.Handler { conns <- c; return loop.HandlerFunc(echo) })
			var clients []*client
			var others []*loop.Conn
			for range receivers {
				clients = append(clients, r.dial(out))
				others = append(others, take(t, "the connection", conns))
			}
			in := r.dial(r.listen(loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) {
				for _, other := range others {
					if _, err := other.Write(in); err != nil {
						return 0, err
					}
				}
				return len(in), nil
			}).Protocol()))
			msg, got := make([]byte, size), make([]byte, size)
			expectAllocations(t, 0, func() {
				in.send(msg)
				for _, c := range clients {
					c.receive(got)
				}
			})
		})
	}
}

// A Ref's write allocates its copy and the task that carries it; a function for a
// Ref or a loop that is made beforehand, the task; nothing else.
func TestRefsAllocateWhatTheyCarry(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conn, c := r.served()
	ref, got := conn.Ref(), make([]byte, 64)
	msg := make([]byte, len(got))
	write := func(c *loop.Conn) { _, _ = c.Write(msg) }
	task := func() { write(conn) }
	for _, way := range []struct {
		name string
		each uint64
		send func() error
	}{
		{"Ref.Write", 2, func() error { _, err := ref.Write(msg); return err }},
		{"Ref.Do", 1, func() error { return ref.Do(write) }},
		{"Post", 0, func() error { return conn.Loop().Post(task) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			expectAllocations(t, way.each, func() {
				if err := way.send(); err != nil {
					t.Fatal(err)
				}
				c.receive(got)
			})
		})
	}
}

// Moving a timer allocates nothing, nor does asking what is pending.
func TestMovingATimerAllocatesNothing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	do(t, l, func() {
		timer := l.AfterFunc(1e9, func() {})
		if n := testing.AllocsPerRun(1000, func() { timer.Reset(2e9); timer.Reset(1e9); timer.Stop(); timer.Reset(1e9) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
