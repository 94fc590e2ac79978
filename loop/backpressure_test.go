//go:build unix

package loop_test

// What is bounded, and what happens at the bound.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// A Write past MaxPending takes nothing, says so, and the stream goes on as if
// it had not been tried.
func TestErrBackpressureTakesNothing(t *testing.T) {
	const most = 100_000
	r := newRig(t, loop.Config{Loops: 1, MaxPending: most, HighMark: 64 << 10})
	refused := make(chan int, 1)
	conns := make(chan *loop.Conn, 1)
	var out ledger // the loop's
	fill := func(c *loop.Conn) error {
		for {
			before := c.Buffered()
			p := record(int(out), 7001)
			if _, err := c.Write(p); err == nil {
				out += ledger(len(p))
				continue
			} else if err != loop.ErrBackpressure {
				return err
			}
			for name, write := range map[string]func() (int, error){
				"Write":       func() (int, error) { return c.Write(p) },
				"WriteString": func() (int, error) { return c.WriteString(string(p)) },
				"Writev":      func() (int, error) { return c.Writev([][]byte{p[:1], p[1:]}) },
			} {
				if n, err := write(); n != 0 || err != loop.ErrBackpressure {
					t.Errorf("%s past MaxPending: %d, %v", name, n, err)
				}
			}
			if c.Buffered() != before || before > most || before+len(p) <= most {
				t.Errorf("%d bytes are pending, %d before the refusal; MaxPending is %d", c.Buffered(), before, most)
			}
			return nil
		}
	}
	drains := 0
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error { conns <- c; err := fill(c); refused <- int(out); return err },
		drain: func(c *loop.Conn) {
			if drains++; drains == 3 {
				c.Close()
				return
			}
			if err := fill(c); err != nil {
				t.Error(err)
			}
		},
	})))
	take(t, "the refusal", refused)
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	l := take(t, "the connection", conns).Loop()
	var sent ledger
	do(t, l, func() { sent = out })
	if len(got) != int(sent) || !bytes.Equal(got, record(0, len(got))) {
		t.Errorf("%d bytes came, %d were taken, or they are not the same", len(got), sent)
	}
}

// The peer of a connection that is not read is not read from either, above the
// high mark; at the low mark both go on.
func TestReadingPausesAtTheHighMark(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		const high, low = 40_000, 10_000
		r := newRig(t, loop.Config{Loops: 1, HighMark: high, LowMark: low, ReadBuffer: 4096})
		l := r.engine.Loops()[0]
		var conn *loop.Conn // the loop's
		drained := 0
		most := 0
		c := r.dial(listen(r, r.always(hooks{
			open: func(c *loop.Conn) error { conn = c; return nil },
			data: func(c *loop.Conn, in []byte) (int, error) {
				if c.Buffered() > high {
					t.Errorf("OnData is called with %d bytes pending", c.Buffered())
				}
				n, err := c.Write(in)
				most = max(most, c.Buffered())
				return n, err
			},
			drain: func(c *loop.Conn) {
				drained++
				if c.Buffered() > low {
					t.Errorf("OnDrain is called with %d bytes pending", c.Buffered())
				}
			},
		})))
		// The client writes without reading until everything between it and the
		// handler is full.
		sent := 0
		for full := false; !full; {
			_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			n, err := c.Write(record(sent, 64<<10))
			sent += n
			if err == nil {
				continue
			}
			in := r.engine.Stats().BytesIn
			turn(t, l)
			do(t, l, func() { full = conn.Buffered() > high })
			full = full && r.engine.Stats().BytesIn == in
		}
		do(t, l, func() {
			if drained != 0 {
				t.Error("OnDrain is called while nobody reads")
			}
			if most > high+4096 {
				t.Errorf("%d bytes were pending, the high mark is %d and a read brings at most 4096", most, high)
			}
		})
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		got := make([]byte, sent)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, record(0, sent)) {
			t.Fatalf("the echo of %d bytes: %v, or they are not the same", sent, err)
		}
		c.echoes()
		do(t, l, func() {
			if drained == 0 {
				t.Error("OnDrain was not called")
			}
		})
	})
}

// A handler that pauses by Buffered and goes on at OnDrain is never left
// waiting, whichever way the bytes went.
func TestOnDrainFollowsEveryRiseAboveTheHighMark(t *testing.T) {
	for _, piece := range []int{100, 5000, 9000, 100_000} {
		t.Run(fmt.Sprint(piece), func(t *testing.T) {
			const high = 16 << 10
			r := newRig(t, loop.Config{Loops: 1, HighMark: high})
			rounds := 0
			fill := func(c *loop.Conn) {
				if rounds++; rounds > 5 {
					c.Close()
					return
				}
				for c.Buffered() <= high {
					if _, err := c.Write(make([]byte, piece)); err != nil {
						t.Error(err)
						return
					}
				}
			}
			c := r.dial(r.listen(r.always(hooks{
				open:  func(c *loop.Conn) error { fill(c); return nil },
				drain: fill,
			})))
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("with pieces of %d: %v", piece, err)
			}
		})
	}
}

// A handler that consumes nothing ends its connection, at MaxInbound and not
// before, whatever the pieces in which the bytes come.
func TestMaxInbound(t *testing.T) {
	const most = 10_000
	for name, cfg := range map[string]loop.Config{
		"defaults":     {Loops: 1, MaxInbound: most},
		"small buffer": {Loops: 1, MaxInbound: most, ReadBuffer: 100},
		"small budget": {Loops: 1, MaxInbound: most, ReadBuffer: 1 << 20, ReadBudget: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, cfg)
			l := r.engine.Loops()[0]
			offered := 0 // the loop's
			causes := make(chan error, 1)
			c := r.dial(r.listen(r.always(hooks{
				data:  func(_ *loop.Conn, in []byte) (int, error) { offered = len(in); return 0, nil },
				close: func(_ *loop.Conn, err error) { causes <- err },
			})))
			c.send(record(0, most-1))
			until(t, "all was offered", func() (all bool) {
				do(t, l, func() { all = offered == most-1 })
				return all
			})
			select {
			case err := <-causes:
				t.Fatalf("closed with %v below MaxInbound", err)
			default:
			}
			c.send([]byte("x"))
			c.finish()
			if err := take(t, "the end", causes); !errors.Is(err, loop.ErrMaxInbound) {
				t.Errorf("OnClose heard %v, want ErrMaxInbound", err)
			}
			do(t, l, func() {
				if offered != most {
					t.Errorf("%d bytes were offered, MaxInbound is %d", offered, most)
				}
			})
		})
	}
}

// A message as long as MaxInbound allows comes through, byte by byte or at once.
func TestAMessageOfMaxInboundIsServed(t *testing.T) {
	const most = 30_000
	r := newRig(t, loop.Config{Loops: 1, MaxInbound: most})
	c := r.dial(r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		if len(in) < most {
			return 0, nil
		}
		return c.Write(in[:most])
	}})))
	for range 3 {
		msg := record(3, most)
		for i := 0; i < most; i += 7001 {
			c.send(msg[i:min(i+7001, most)])
		}
		c.expect(string(msg))
	}
}

// Pause holds back what is there and what comes; Resume offers it, later.
func TestPauseAndResume(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	var conn *loop.Conn // the loop's
	paused := false
	got := make(chan string, 100)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error { conn = c; return nil },
		data: func(c *loop.Conn, in []byte) (int, error) {
			if paused {
				t.Error("OnData is called while paused")
			}
			got <- string(in[:1])
			paused = true
			c.Pause()
			return 1, nil
		},
	})))
	c.send([]byte("abc"))
	for _, want := range []string{"a", "b", "c"} {
		if s := take(t, "the next byte", got); s != want {
			t.Fatalf("%q is offered, want %q", s, want)
		}
		turn(t, l)
		if len(got) > 0 {
			t.Fatal("a paused connection is offered more")
		}
		do(t, l, func() {
			paused = false
			conn.Resume()
			if len(got) > 0 {
				t.Error("Resume itself calls OnData")
			}
		})
	}
	turn(t, l)
	if len(got) > 0 {
		t.Error("Resume offers what was consumed")
	}
}

// A handler that takes one byte a call gets all, and does not keep the loop for
// itself meanwhile.
func TestOneByteACallIsFair(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	calls := 0 // the loop's
	done := make(chan struct{})
	served := make(chan int, 1)
	const total = 50_000
	slow := r.dial(r.listenUnix(r.always(hooks{data: func(*loop.Conn, []byte) (int, error) {
		if calls++; calls == total {
			close(done)
		}
		return 1, nil
	}})))
	other := r.dial(r.listenUnix(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		served <- calls
		return len(in), nil
	}})))
	until(t, "the connections are up", func() bool { return r.engine.Stats().Accepted == 2 })
	release := hold(t, r.engine.Loops()[0])
	slow.send(make([]byte, total))
	other.send([]byte("x"))
	release()
	if n := take(t, "the other connection", served); n > 1000 {
		t.Errorf("%d calls of one connection went first", n)
	}
	take(t, "all calls", done)
}

// A vector of any length goes out whole and in order, empty slices aside
// (hazard 22: a short writev, more slices than the kernel takes).
func TestWritevOfAnyLength(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		for _, count := range []int{0, 1, 65, 3000} {
			for _, size := range []int{1, 1000, 20_000} {
				total := count * size
				if total > 4<<20 {
					continue
				}
				t.Run(fmt.Sprintf("%d of %d", count, size), func(t *testing.T) {
					r := newRig(t, loop.Config{Loops: 1})
					c := r.dial(listen(r, r.always(hooks{open: func(c *loop.Conn) error {
						var bufs [][]byte
						for i := range count {
							bufs = append(bufs, record(i*size, size), nil)
						}
						n, err := c.Writev(bufs)
						if n != total || err != nil {
							t.Errorf("Writev of %d slices of %d: %d, %v", count, size, n, err)
						}
						for _, b := range bufs {
							clear(b) // they are the caller's again
						}
						return c.Close()
					}})))
					c.expect(string(record(0, total)))
					c.expectEnd()
				})
			}
		}
	})
}

// What is written in pieces, small and large in turn, comes in order: the cork,
// direct sends and the queue are one stream.
func TestSmallAndLargeWritesKeepTheirOrder(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	sizes := []int{1, 8191, 8192, 8193, 3, 65536, 65535, 10, 300_000, 7, 7, 100_000, 1}
	total := 0
	for _, n := range sizes {
		total += n
	}
	write := func(c *loop.Conn, n *ledger) error {
		for _, size := range sizes {
			p := make([]byte, size)
			n.fill(p)
			if _, err := c.Write(p); err != nil {
				return err
			}
			clear(p)
		}
		return nil
	}
	var out ledger
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error { return write(c, &out) },
		data: func(c *loop.Conn, in []byte) (int, error) {
			// Not in the connection's own callback: corked to the end of the turn.
			return len(in), c.Loop().Post(func() {
				if err := write(c, &out); err != nil {
					t.Error(err)
				}
				c.Close()
			})
		},
	})))
	c.expect(string(record(0, total)))
	c.send([]byte("x"))
	c.expect(string(record(total, total)))
	c.expectEnd()
}

// A nil or empty write is no write.
func TestEmptyWrites(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	c := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		for name, write := range map[string]func() (int, error){
			"Write":       func() (int, error) { return c.Write(nil) },
			"WriteString": func() (int, error) { return c.WriteString("") },
			"Writev":      func() (int, error) { return c.Writev(nil) },
			"Writev2":     func() (int, error) { return c.Writev([][]byte{nil, {}}) },
		} {
			if n, err := write(); n != 0 || err != nil || c.Buffered() != 0 {
				t.Errorf("empty %s: %d, %v, %d pending", name, n, err, c.Buffered())
			}
		}
		return c.Close()
	}})))
	c.expectEnd()
	if s := r.engine.Stats(); s.Sends != 0 {
		t.Errorf("%d sends of nothing", s.Sends)
	}
}

// Pieces written in one callback go out in one send, and so does what is
// written to another connection within a turn.
func TestWritesAreCorked(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	conns := make(chan *loop.Conn, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error { conns <- c; return nil },
		data: func(c *loop.Conn, in []byte) (int, error) {
			for range 50 {
				if _, err := c.WriteString("0123456789"); err != nil {
					return 0, err
				}
			}
			return len(in), nil
		},
	})))
	conn := take(t, "the connection", conns)
	sends := func() uint64 {
		turn(t, l)
		return r.engine.Stats().Sends
	}
	before := sends()
	c.send([]byte("x"))
	c.expect(string(bytes.Repeat([]byte("0123456789"), 50)))
	if n := sends() - before; n != 1 {
		t.Errorf("%d sends for 50 writes in a callback", n)
	}
	before = sends()
	do(t, l, func() {
		for range 50 {
			if _, err := conn.WriteString("0123456789"); err != nil {
				t.Error(err)
			}
		}
	})
	c.expect(string(bytes.Repeat([]byte("0123456789"), 50)))
	if n := sends() - before; n != 1 {
		t.Errorf("%d sends for 50 writes in a task", n)
	}
}

// A write that found its connection ended says so, and what was pending is
// dropped, not sent to somebody else.
func TestWriteAfterCloseIsRefused(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	c := r.dial(r.listen(r.always(hooks{open: func(c *loop.Conn) error {
		if _, err := c.WriteString("last"); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
		if n, err := c.WriteString("more"); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close: %d, %v", n, err)
		}
		return nil
	}})))
	c.expect("last")
	c.expectEnd()
}

// Whoever was refused hears OnDrain when there is room, although the high mark
// was never reached; what never fits is refused for good.
func TestOnDrainFollowsARefusal(t *testing.T) {
	const most = 64 << 10
	r := newRig(t, loop.Config{Loops: 1, MaxPending: most, HighMark: most, LowMark: 8 << 10})
	taken := make(chan int, 1)
	c := r.dial(r.listen(r.always(hooks{
		open: func(c *loop.Conn) error {
			// Until the kernel takes no more and something is pending.
			for n := 0; ; n += 1000 {
				if _, err := c.Write(make([]byte, 1000)); err != nil {
					return err
				}
				if c.Buffered() > 20_000 && c.Buffered() <= most-1000 {
					if _, err := c.Write(make([]byte, most)); err != loop.ErrBackpressure {
						t.Errorf("Write: %v, want ErrBackpressure", err)
					}
					if _, err := c.Write(make([]byte, most+1)); !errors.Is(err, os.ErrInvalid) {
						t.Errorf("a Write longer than MaxPending: %v, want os.ErrInvalid", err)
					}
					return nil
				}
			}
		},
		drain: func(c *loop.Conn) {
			n, err := c.Write(make([]byte, most-8<<10))
			if err != nil {
				t.Errorf("Write in OnDrain: %v", err)
			}
			taken <- n
			c.Close()
		},
	})))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Error(err)
	}
	take(t, "OnDrain", taken)
}

// Input that a handler leaves because its answer is refused is offered again when there
// is room, although it may be as much as may wait (C4).
func TestInputLeftForWantOfRoomIsOfferedAgain(t *testing.T) {
	const size, requests = 3 << 20, 8
	for name, cfg := range map[string]loop.Config{
		"marks at the limit": {Loops: 1, MaxPending: 4 << 20, HighMark: 4 << 20},
		"MaxInbound is left": {Loops: 1, MaxPending: 4 << 20, HighMark: 4 << 20, MaxInbound: requests - 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, cfg)
			refused := make(chan struct{}, requests)
			c := r.dial(r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
				_, err := c.Write(make([]byte, size))
				switch err {
				case nil:
					return 1, nil
				case loop.ErrBackpressure:
					refused <- struct{}{}
					return 0, nil
				}
				return 0, err
			}})))
			c.send(make([]byte, requests))
			take(t, "a refusal", refused) // nobody reads before
			if n, err := io.CopyN(io.Discard, c, requests*size); err != nil {
				t.Errorf("%d bytes of %d are answered, %v", n, requests*size, err)
			}
		})
	}
}
