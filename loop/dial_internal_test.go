//go:build unix

package loop

// How the addresses of a name are raced (RFC 8305): with addresses that no name
// has, so they are put in.

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

func addrs(t *testing.T, texts ...string) []stream.Addr {
	t.Helper()
	var list []stream.Addr
	for _, s := range texts {
		a, err := stream.ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

func TestInterleave(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"1.1.1.1:1"}, []string{"1.1.1.1:1"}},
		{[]string{"[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"},
			[]string{"[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"}},
		{[]string{"1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"},
			[]string{"1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"}},
		{[]string{"1.1.1.1:1", "1.1.1.2:1"}, []string{"1.1.1.1:1", "1.1.1.2:1"}},
	} {
		if got := interleave(addrs(t, c.in...)); !slices.Equal(got, addrs(t, c.want...)) {
			t.Errorf("interleave(%v) is %v, want %v", c.in, got, c.want)
		}
	}
}

// silent is an address whose connects never come to an end.
func silent(t *testing.T) stream.Addr {
	t.Helper()
	ln, err := stream.Listen(addrs(t, "127.0.0.1:0")[0], stream.ListenOptions{Backlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	a, err := ln.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := stream.ConnectTimeout(a, 50*time.Millisecond)
		if err != nil {
			return a
		}
		t.Cleanup(func() { s.Close() })
	}
}

// refusing is an address where nobody listens.
func refusing(t *testing.T) stream.Addr {
	t.Helper()
	ln, err := stream.Listen(addrs(t, "127.0.0.1:0")[0], stream.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err := ln.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// race is what Dial does for a name that has these addresses.
func (d *dial) race(list []stream.Addr) error {
	return d.prepare(func() {
		if d.begin() {
			d.resolved(list, nil)
		}
	})
}

type raceResult struct {
	peer stream.Addr
	err  error
}

// race dials a name that has these addresses.
func race(t *testing.T, cfg DialConfig, list ...stream.Addr) raceResult {
	t.Helper()
	e, err := New(Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	defer func() {
		e.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if n := e.Stats().Conns; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	}()
	results := make(chan raceResult, 1)
	l := e.loops[0]
	echo := HandlerFunc(func(c *Conn, in []byte) (int, error) { return c.Write(in) })
	d := &dial{loop: l, ctx: context.Background(), cfg: cfg, network: "tcp", address: "name:1", protocol: echo.Protocol(),
		done: func(c *Conn, err error) {
			if err != nil {
				results <- raceResult{err: err}
				return
			}
			results <- raceResult{peer: c.RemoteAddr()}
		}}
	if err := d.race(list); err != nil {
		t.Fatal(err)
	}
	return <-results
}

// A dead first address costs one AttemptDelay and not the Timeout.
func TestASilentAddressDoesNotHoldUpTheNext(t *testing.T) {
	ln, err := stream.Listen(addrs(t, "127.0.0.1:0")[0], stream.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	good, err := ln.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	const delay = 20 * time.Millisecond
	start := time.Now()
	got := race(t, DialConfig{Timeout: time.Hour, AttemptDelay: delay}, silent(t), silent(t), good)
	if got.err != nil || got.peer != good {
		t.Fatalf("the race ended with %v, %v; want %v", got.peer, got.err, good)
	}
	if took := time.Since(start); took < 2*delay {
		t.Errorf("the third address was tried after %v, the delay is %v", took, delay)
	}
}

// An address that refuses is followed by the next at once.
func TestARefusingAddressIsFollowedAtOnce(t *testing.T) {
	ln, err := stream.Listen(addrs(t, "127.0.0.1:0")[0], stream.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	good, err := ln.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	// With the delay the race would take an hour.
	got := race(t, DialConfig{Timeout: 2 * time.Hour, AttemptDelay: time.Hour}, refusing(t), refusing(t), good)
	if got.err != nil || got.peer != good {
		t.Fatalf("the race ended with %v, %v; want %v", got.peer, got.err, good)
	}
}

// A slow address may still win after the next was begun.
func TestTheFirstToConnectWins(t *testing.T) {
	first, err := stream.Listen(addrs(t, "127.0.0.1:0")[0], stream.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	a, err := first.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	got := race(t, DialConfig{Timeout: time.Hour, AttemptDelay: time.Hour}, a, silent(t))
	if got.err != nil || got.peer != a {
		t.Fatalf("the race ended with %v, %v; want %v", got.peer, got.err, a)
	}
}

// When all fail, the reason is that of the last to do so.
func TestTheLastErrorIsReported(t *testing.T) {
	last := refusing(t)
	got := race(t, DialConfig{}, refusing(t), refusing(t), last)
	var op *net.OpError
	if !errors.Is(got.err, syscall.ECONNREFUSED) || !errors.As(got.err, &op) || op.Addr != net.Addr(last) {
		t.Fatalf("the race ended with %v, want ECONNREFUSED of %v", got.err, last)
	}
}
