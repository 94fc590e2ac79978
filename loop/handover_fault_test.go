//go:build unix && faultinject

package loop_test

// What takes something over, or hands it out, with its k-th system call failing:
// it stays whose it was, as good as it was.

import (
	"errors"
	"net"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// expectNoConnection wants no connection to be left, nor a place under MaxConns
// to be taken.
func (r *rig) expectNoConnection(t *testing.T) {
	t.Helper()
	until(t, "no connection is counted", func() bool {
		s := r.engine.Stats()
		return s.Conns == 0 && s.Adopted == s.Closed
	})
}

func TestAdoptWithEachCallFailing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxConns: 1})
	eachCall(t, func(t *testing.T) error {
		nc, c := tcpPair(t)
		err := r.engine.Adopt(nc, r.always(hooks{data: echo}))
		if err != nil {
			// It is untouched.
			if _, err := nc.Write([]byte("still here")); err != nil {
				t.Errorf("after a failed Adopt: %v", err)
			}
			c.expect("still here")
			nc.Close()
		}
		c.Close()
		r.expectNoConnection(t)
		return err
	}, "adopt", "127.0.0.1:")
}

// AdoptStream needs no call that may fail; what the loop then needs closes the
// connection, with a reset, if it fails.
func TestAdoptStreamWithEachCallFailing(t *testing.T) {
	for name, streams := range map[string]func(*testing.T) (mine, peer *stream.Stream){
		"tcp":  tcpStreams,
		"unix": pair,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1, MaxConns: 1})
			// Made ahead, so that none of their calls is made to fail.
			const attempts = 10
			var mine, peers []*stream.Stream
			for range attempts {
				a, b := streams(t)
				mine, peers = append(mine, a), append(peers, b)
			}
			k := -1
			reported := everyFailure(t, func(t *testing.T) error {
				if k++; k == attempts {
					t.Fatalf("more than %d calls", attempts)
				}
				err := r.engine.AdoptStream(mine[k], r.always(hooks{data: echo}))
				if closed := mine[k].Acquire(); !errors.Is(closed, net.ErrClosed) {
					t.Errorf("AdoptStream says %v, and the Stream was not taken: %v", err, closed)
				}
				peers[k].Close()
				r.expectNoConnection(t)
				return err
			})
			if reported != 0 || k < 2 {
				t.Errorf("%d of %d failures were reported; the documentation knows of none", reported, k)
			}
		})
	}
}

// tcpStreams is a connection of two Streams.
func tcpStreams(t *testing.T) (mine, peer *stream.Stream) {
	t.Helper()
	a, b := tcpPair(t)
	return streamOf(t, a), streamOf(t, b.Conn)
}

func streamOf(t *testing.T, nc net.Conn) *stream.Stream {
	t.Helper()
	s, err := stream.FromConn(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A registration that failed has left nothing that a second one could meet.
func TestRegisterWithEachCallFailing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, b := pair(t)
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	var reg *loop.Registration
	eachCall(t, func(t *testing.T) error {
		var err error
		events := make(chan poller.Event, 1)
		do(t, l, func() {
			reg, err = l.Register(a.FD(), poller.Read|poller.OneShot, func(ev poller.Event) { events <- ev })
			if (reg == nil) != (err != nil) {
				t.Errorf("Register: %v and %v", reg, err)
			}
		})
		if err == nil {
			take(t, "the event", events)
			return nil
		}
		turn(t, l)
		if len(events) > 0 {
			t.Error("the registration that failed reports an event")
		}
		return err
	}, "add fd")
	do(t, l, func() {
		if err := reg.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// Without its Stream a connection goes on, and the Stream can be asked for again.
func TestStreamOfAConnWithEachCallFailing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	conn, c := r.served()
	c.echoes()
	eachCall(t, func(t *testing.T) error {
		var err error
		do(t, conn.Loop(), func() {
			var s *stream.Stream
			if s, err = conn.Stream(); err == nil {
				err = s.SetNoDelay(false)
			}
		})
		if err != nil {
			c.echoes()
		}
		return err
	})
	c.echoes()
	if s := r.engine.Stats(); s.Conns != 1 {
		t.Errorf("%d connections are counted", s.Conns)
	}
}

// A connection that cannot be detached stays, and is served as before, its input
// that nobody took included.
func TestDetachWithEachCallFailing(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	offered := make(chan *loop.Conn, 10)
	whole := len("left" + "over")
	c := r.dial(r.listen(r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		offered <- c
		if len(in) < whole {
			return 0, nil
		}
		return c.Write(in)
	}})))
	c.send([]byte("left"))
	conn := take(t, "the connection", offered)
	eachCall(t, func(t *testing.T) error {
		var s *stream.Stream
		var unread []byte
		var err error
		do(t, conn.Loop(), func() { s, unread, err = conn.Detach() })
		if err != nil {
			c.send([]byte("over"))
			c.expect("leftover")
			c.send([]byte("left"))
			for seen := 0; seen < 2; seen++ {
				take(t, "what is left again", offered)
			}
			return err
		}
		s.Close()
		if string(unread) != "left" {
			t.Errorf("the input that nobody took is %q", unread)
		}
		return nil
	})
	turn(t, conn.Loop())
	if n := r.engine.Stats().Conns; n != 0 {
		t.Errorf("%d connections are counted after Detach", n)
	}
}
