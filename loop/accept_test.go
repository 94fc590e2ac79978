//go:build unix

package loop_test

// Listening: which loop gets a connection, what happens at the bounds, and what
// Listen refuses.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// loopOf is a protocol that tells which loop each connection lives on.
func loopOf(r *rig) (loop.Protocol, <-chan int) {
	indexes := make(chan int, 1000)
	return r.always(hooks{
		open: func(c *loop.Conn) error { indexes <- c.Loop().Index(); return nil },
		data: echo,
	}), indexes
}

func TestRoundRobinIsEven(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 3})
		p, indexes := loopOf(r)
		ln := listen(r, p)
		counts := make([]int, 3)
		for range 30 {
			r.dial(ln)
			counts[take(t, "a connection", indexes)]++
		}
		if counts[0] != 10 || counts[1] != 10 || counts[2] != 10 {
			t.Errorf("30 connections are spread as %v", counts)
		}
	})
}

// The loop with the fewest gets the next, whatever became of those before.
func TestLeastConnsEvensOut(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 3})
	p, indexes := loopOf(r)
	ln := r.listenOn(loop.ListenConfig{Balance: loop.LeastConns}, "tcp", "127.0.0.1:0", p)
	byLoop := make([][]*client, 3)
	dial := func() {
		c := r.dial(ln)
		i := take(t, "a connection", indexes)
		byLoop[i] = append(byLoop[i], c)
	}
	for range 12 {
		dial()
	}
	for i, cs := range byLoop {
		if len(cs) != 4 {
			t.Fatalf("loop %d has %d of 12 connections", i, len(cs))
		}
	}
	for _, c := range byLoop[1] {
		c.Close()
	}
	byLoop[1] = nil
	until(t, "they are gone", func() bool { return r.engine.Stats().Conns == 8 })
	for range 4 {
		dial()
	}
	if n := len(byLoop[1]); n != 4 {
		t.Errorf("the emptied loop got %d of the next 4", n)
	}
}

// Connections that are refused do not count (hazard 49).
func TestLeastConnsForgetsTheRefused(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	refuse := r.listenOn(loop.ListenConfig{Balance: loop.LeastConns}, "tcp", "127.0.0.1:0",
		func(*loop.Conn) loop.Handler { return nil })
	for range 21 {
		r.dial(refuse).expectEnd()
	}
	until(t, "they are gone", func() bool { return r.engine.Stats().Conns == 0 })
	p, indexes := loopOf(r)
	ln := r.listenOn(loop.ListenConfig{Balance: loop.LeastConns}, "tcp", "127.0.0.1:0", p)
	counts := make([]int, 2)
	for range 10 {
		r.dial(ln)
		counts[take(t, "a connection", indexes)]++
	}
	if counts[0] != 5 {
		t.Errorf("10 connections are spread as %v", counts)
	}
}

// dialFrom connects from a certain address of loopback.
func dialFrom(t *testing.T, ln *loop.Listener, host string) *client {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	nc, err := d.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, nc)
}

// One IP address is one loop, whatever the port; many are many (hazard 49).
func TestSourceHashGoesByAddressNotPort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	r := newRig(t, loop.Config{Loops: 4})
	p, indexes := loopOf(r)
	ln := r.listenOn(loop.ListenConfig{Balance: loop.SourceHash}, "tcp", "127.0.0.1:0", p)
	used := make(map[int]bool)
	for host := range 40 {
		var first int
		for i := range 3 {
			dialFrom(t, ln, fmt.Sprintf("127.0.0.%d", 10+host))
			at := take(t, "a connection", indexes)
			if i == 0 {
				first = at
			}
			if at != first {
				t.Fatalf("one address is on loops %d and %d", first, at)
			}
		}
		used[first] = true
	}
	if len(used) < 3 {
		t.Errorf("40 addresses are on %d of 4 loops", len(used))
	}
}

// Peers without an address go round robin.
func TestSourceHashOfUnixSockets(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	p, indexes := loopOf(r)
	ln := r.listenOn(loop.ListenConfig{Balance: loop.SourceHash}, "unix", socketPath(t), p)
	counts := make([]int, 2)
	for range 10 {
		r.dial(ln)
		counts[take(t, "a connection", indexes)]++
	}
	if counts[0] != 5 {
		t.Errorf("10 connections are spread as %v", counts)
	}
}

// With ReusePort all loops listen on one port, which the kernel chooses once
// (hazard 45).
func TestReusePortSharesOnePort(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 4})
	p, indexes := loopOf(r)
	ln := r.listenOn(loop.ListenConfig{Balance: loop.ReusePort}, "tcp", "127.0.0.1:0", p)
	used := make(map[int]bool)
	for range 100 {
		r.dial(ln).echoes()
		used[take(t, "a connection", indexes)] = true
	}
	// The kernel hashes addresses and ports; all 100 on one of four is one in 4^99.
	if runtime.GOOS == "linux" && len(used) < 2 {
		t.Errorf("the kernel uses %d of 4 loops", len(used))
	}
	if n := r.engine.Stats().Accepted; n != 100 {
		t.Errorf("%d connections are accepted, want 100", n)
	}
}

// At MaxConns the listener pauses: the peers wait, and are served when others
// leave.
func TestMaxConnsPausesAndResumes(t *testing.T) {
	for _, balance := range []loop.Balance{loop.RoundRobin, loop.ReusePort} {
		t.Run(balance.String(), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2, MaxConns: 5})
			ln := r.listenOn(loop.ListenConfig{Balance: balance}, "tcp", "127.0.0.1:0", r.always(hooks{data: echo}))
			var served, waiting []*client
			for range 5 {
				c := r.dial(ln)
				c.echoes()
				served = append(served, c)
			}
			for range 5 {
				c := r.dial(ln)
				c.send([]byte("later"))
				waiting = append(waiting, c)
			}
			until(t, "the listener pauses", func() bool { return r.engine.Stats().AcceptPauses > 0 })
			if s := r.engine.Stats(); s.Conns != 5 || s.Accepted != 5 {
				t.Errorf("%d connections are open, %d were accepted; MaxConns is 5", s.Conns, s.Accepted)
			}
			served[0].echoes()
			for _, c := range served {
				c.Close()
			}
			for _, c := range waiting {
				c.expect("later")
			}
		})
	}
}

// Dials and adoptions count too, and are told.
func TestMaxConnsRefusesDialAndAdopt(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1, MaxConns: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	c := r.dial(ln)
	c.echoes()
	err := r.engine.Dial(context.Background(), loop.DialConfig{}, "tcp", ln.Addr().String(), r.always(hooks{}),
		func(*loop.Conn, error) { t.Error("done is called although Dial failed") })
	if !errors.Is(err, loop.ErrMaxConns) {
		t.Errorf("Dial: %v, want ErrMaxConns", err)
	}
	a, b := tcpPair(t)
	if err := r.engine.Adopt(a, r.always(hooks{})); !errors.Is(err, loop.ErrMaxConns) {
		t.Errorf("Adopt: %v, want ErrMaxConns", err)
	}
	// On an error the connection is untouched.
	if _, err := a.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	b.expect("x")
}

// tcpPair is both ends of a connection that the engine has nothing to do with.
func tcpPair(t testing.TB) (net.Conn, *client) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := connectTo(t, "tcp", ln.Addr().String())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc, c
}

// A closed listener accepts nothing more; its connections go on, others too.
func TestListenerClose(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 2})
		ln, other := listen(r, r.always(hooks{data: echo})), listen(r, r.always(hooks{data: echo}))
		c := r.dial(ln)
		c.echoes()
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), ln.Addr().String()) {
			t.Errorf("the second Close: %v", err)
		}
		network, address := ln.Addr().Network(), ln.Addr().String()
		if ln.Addr().IsUnix() {
			address = ln.Addr().Path()
		}
		until(t, "connects are refused", func() bool {
			nc, err := net.Dial(network, address)
			if err == nil {
				nc.Close()
			}
			return err != nil
		})
		if ln.Addr().IsUnix() {
			if _, err := os.Stat(address); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket's file: %v", err)
			}
		}
		c.echoes()
		r.dial(other).echoes()
	})
}

// Several listeners share an engine, before and while it runs.
func TestListenBeforeRun(t *testing.T) {
	e, err := loop.New(loop.Config{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", loop.HandlerFunc(echo).Protocol())
	if err != nil {
		t.Fatal(err)
	}
	early := connect(t, ln) // waits in the kernel's queue
	early.send([]byte("early"))
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	early.expect("early")
	e.Close()
	if err := take(t, "the end", ran); err != nil {
		t.Error(err)
	}
	if _, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", loop.HandlerFunc(echo).Protocol()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen after the end: %v, want net.ErrClosed", err)
	}
}

func TestListenOnNames(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	for _, at := range []struct{ network, address, want string }{
		{"tcp", "127.0.0.1:0", "127.0.0.1"},
		{"tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"tcp4", ":0", "0.0.0.0"},
		{"tcp6", "[::1]:0", "::1"},
		{"tcp6", ":0", "::"},
	} {
		t.Run(at.network+" "+at.address, func(t *testing.T) {
			if at.network == "tcp6" && !haveIPv6() {
				t.Skip("this machine has no IPv6")
			}
			ln, err := r.engine.Listen(loop.ListenConfig{}, at.network, at.address, r.always(hooks{data: echo}))
			if err != nil {
				t.Fatal(err)
			}
			ap := ln.Addr().AddrPort()
			if ap.Addr() != netip.MustParseAddr(at.want) || ap.Port() == 0 {
				t.Errorf("it listens on %v", ln.Addr())
			}
			connect(t, ln).echoes()
		})
	}
}

// A listener of tcp6 leaves the port to IPv4.
func TestListenOnTCP6TakesNoIPv4(t *testing.T) {
	if !haveIPv6() {
		t.Skip("this machine has no IPv6")
	}
	r := newRig(t, loop.Config{Loops: 1})
	// Any other program's connection may have one of the ports.
	for range 20 {
		ln, err := r.engine.Listen(loop.ListenConfig{}, "tcp6", ":0", r.always(hooks{data: echo}))
		if err != nil {
			t.Fatal(err)
		}
		if other, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", ln.Addr().AddrPort().Port())); err == nil {
			other.Close()
			return
		}
	}
	t.Error("none of 20 ports is free for IPv4")
}

func haveIPv6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	ln.Close()
	return true
}

// A listener on every address takes connections of both kinds, and tells IPv4
// peers by their IPv4 address.
func TestListenOnEveryAddress(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	peers := make(chan stream.Addr, 1)
	ln := r.listenOn(loop.ListenConfig{}, "tcp", ":0", r.always(hooks{
		open: func(c *loop.Conn) error { peers <- c.RemoteAddr(); return nil },
	}))
	port := ln.Addr().AddrPort().Port()
	hosts := []string{"127.0.0.1"}
	if haveIPv6() {
		hosts = append(hosts, "::1")
	}
	for _, host := range hosts {
		connectTo(t, "tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if peer := take(t, "a connection", peers); peer.AddrPort().Addr() != netip.MustParseAddr(host) {
			t.Errorf("the peer %s is %v", host, peer)
		}
	}
}

// Nagle's algorithm is off, unless it shall be on.
func TestKeepDelay(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 1})
			got := make(chan bool, 1)
			ln := r.listenOn(loop.ListenConfig{KeepDelay: keep}, "tcp", "127.0.0.1:0", r.always(hooks{open: func(c *loop.Conn) error {
				s, err := c.Stream()
				if err != nil {
					return err
				}
				on, err := s.NoDelay()
				got <- on
				return err
			}}))
			r.dial(ln)
			if on := take(t, "a connection", got); on == keep {
				t.Errorf("NoDelay is %v", on)
			}
		})
	}
}

// What Listen refuses names the address and the cause, and leaves nothing open
// (the rig counts); a directory or a live server at a unix path is left alone
// (hazard 44).
func TestListenErrors(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 2})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Dir(socketPath(t))
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := r.listenUnix(r.always(hooks{data: echo}))
	p := r.always(hooks{})
	reuse := loop.ListenConfig{Balance: loop.ReusePort}
	for _, c := range []struct {
		name             string
		cfg              loop.ListenConfig
		network, address string
		p                loop.Protocol
		want             error
	}{
		{"unknown network", loop.ListenConfig{}, "udp", "127.0.0.1:0", p, os.ErrInvalid},
		{"no network", loop.ListenConfig{}, "", "127.0.0.1:0", p, os.ErrInvalid},
		{"no port", loop.ListenConfig{}, "tcp", "127.0.0.1", p, os.ErrInvalid},
		{"bad port", loop.ListenConfig{}, "tcp", "127.0.0.1:66666", p, os.ErrInvalid},
		{"no address", loop.ListenConfig{}, "tcp", "", p, os.ErrInvalid},
		{"no path", loop.ListenConfig{}, "unix", "", p, os.ErrInvalid},
		{"wrong family", loop.ListenConfig{}, "tcp6", "127.0.0.1:0", p, os.ErrInvalid},
		{"nil Protocol", loop.ListenConfig{}, "tcp", "127.0.0.1:0", nil, os.ErrInvalid},
		{"unknown Balance", loop.ListenConfig{Balance: 99}, "tcp", "127.0.0.1:0", p, os.ErrInvalid},
		{"ReusePort on unix", reuse, "unix", filepath.Join(dir, "x"), p, os.ErrInvalid},
		{"long path", loop.ListenConfig{}, "unix", "/" + strings.Repeat("x", 200), p, nil},
		{"not ours", loop.ListenConfig{}, "tcp", "192.0.2.1:0", p, syscall.EADDRNOTAVAIL},
		{"taken port", loop.ListenConfig{}, "tcp", taken.Addr().String(), p, syscall.EADDRINUSE},
		{"taken port, shared", reuse, "tcp", taken.Addr().String(), p, syscall.EADDRINUSE},
		{"directory", loop.ListenConfig{}, "unix", dir, p, syscall.EADDRINUSE},
		{"file", loop.ListenConfig{}, "unix", file, p, syscall.EADDRINUSE},
		{"live socket", loop.ListenConfig{}, "unix", live.Addr().Path(), p, syscall.EADDRINUSE},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := openDescriptors()
			ln, err := r.engine.Listen(c.cfg, c.network, c.address, c.p)
			if err == nil {
				ln.Close()
				t.Fatal("Listen succeeds")
			}
			if ln != nil {
				t.Error("a Listener comes with the error")
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v is not %v", err, c.want)
			}
			if !strings.Contains(err.Error(), "listen") || !strings.Contains(err.Error(), c.address) {
				t.Errorf("%q does not name the operation and the address", err)
			}
			expectDescriptors(t, before)
		})
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "precious" {
		t.Errorf("the file: %q, %v", got, err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	r.dial(live).echoes()
}

// A socket that nobody listens on any more is replaced.
func TestAStaleSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	r := newRig(t, loop.Config{Loops: 1})
	r.dial(r.listenOn(loop.ListenConfig{}, "unix", path, r.always(hooks{data: echo}))).echoes()
}

// A nil Handler refuses the connection without any callback.
func TestANilHandlerRefuses(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		r := newRig(t, loop.Config{Loops: 1})
		made := new(counter)
		ln := listen(r, func(*loop.Conn) loop.Handler { made.more(); return nil })
		for range 5 {
			r.dial(ln).expectEnd()
		}
		if made.Load() != 5 {
			t.Errorf("Protocol was called %d times for 5 connections", made.Load())
		}
		until(t, "they are gone", func() bool { s := r.engine.Stats(); return s.Conns == 0 && s.Closed == 5 })
	})
}

// What a Protocol writes before it refuses is read, and its end, also by a peer that speaks
// first: input that nobody took must not turn the end into a reset.
func TestARefusalIsReadByAPeerThatSpeaksFirst(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(func(c *loop.Conn) loop.Handler {
		if _, err := c.WriteString("no"); err != nil {
			t.Error(err)
		}
		return nil
	})
	release := hold(t, r.engine.Loops()[0])
	c := r.dial(ln)
	c.send([]byte("hello"))
	release()
	c.expect("no")
	c.expectEnd()
	c.finish()
}

func TestBalanceNames(t *testing.T) {
	for b, want := range map[loop.Balance]string{
		loop.RoundRobin: "RoundRobin", loop.LeastConns: "LeastConns", loop.SourceHash: "SourceHash",
		loop.ReusePort: "ReusePort", 9: "Balance(9)",
	} {
		if b.String() != want {
			t.Errorf("%d is %q, want %q", b, b, want)
		}
	}
}
