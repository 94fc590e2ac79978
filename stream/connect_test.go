//go:build unix

package stream_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Connect and ConnectTimeout: which address wins, which error is told, and that
// time-outs are exact and leave nothing behind.

func TestConnectWithoutAddressIsInvalid(t *testing.T) {
	s, err := stream.Connect()
	if s != nil {
		t.Fatalf("got %v", s)
	}
	expectError(t, "Connect()", err, os.ErrInvalid)
}

func TestConnectToTheUnknownAddressIsAnError(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		for name, call := range map[string]func() (*stream.Stream, error){
			"Connect":        func() (*stream.Stream, error) { return stream.Connect(stream.Addr{}) },
			"ConnectTimeout": func() (*stream.Stream, error) { return stream.ConnectTimeout(stream.Addr{}, time.Second) },
			"Start":          func() (*stream.Stream, error) { return stream.Start(stream.Addr{}) },
		} {
			if s, err := call(); err == nil || s != nil {
				t.Errorf("%s of the zero Addr: got (%v, %v), want an error", name, s, err)
			}
		}
	})
}

func TestConnectLoopback(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		client, server := connected(t, at)
		send(t, client, []byte{66})
		expectReceived(t, server, []byte{66})
		send(t, server, []byte{67})
		expectReceived(t, client, []byte{67})
	})
}

func TestConnectError(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		s, err := stream.Connect(parse(t, "0.0.0.0:1"))
		if s != nil {
			s.Close()
			t.Fatal("it connects: does something listen on port 1 here?")
		}
		expectError(t, "Connect", err, syscall.ECONNREFUSED, syscall.EADDRNOTAVAIL, syscall.EINVAL)
	})
}

func TestConnectRefused(t *testing.T) {
	to := refusing(t)
	expectNoNewDescriptor(t, func() {
		s, err := stream.Connect(to)
		if s != nil {
			t.Fatalf("got %v", s)
		}
		expectError(t, "Connect", err, syscall.ECONNREFUSED)
		expectOpError(t, "Connect", err)
		if !strings.Contains(err.Error(), to.String()) {
			t.Errorf("%q does not name the address %v", err, to)
		}
	})
}

func TestConnectTriesAddressesInOrder(t *testing.T) {
	first, second := listen(t, loopback4()), listen(t, loopback4())
	a, b := listenerAddr(t, first), listenerAddr(t, second)
	for _, c := range []struct {
		name string
		to   []stream.Addr
		want stream.Addr
	}{
		{"both good", []stream.Addr{a, b}, a},
		{"both good, the other way round", []stream.Addr{b, a}, b},
		{"refused before good", []stream.Addr{refusing(t), a, b}, a},
		{"three kinds of failure before good", []stream.Addr{
			refusing(t), stream.UnixAddr("/nonexistent/s"), {}, b, a}, b},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := stream.Connect(c.to...)
			must(t, "Connect", err)
			defer s.Close()
			peer, err := s.PeerAddr()
			must(t, "PeerAddr", err)
			if peer != c.want {
				t.Errorf("connected to %v, want %v", peer, c.want)
			}
		})
	}
	// Each listener must have been asked exactly twice: an address behind the one
	// that answered is left alone.
	for _, l := range []*stream.Listener{first, second} {
		accept(t, l)
		accept(t, l)
		if s, err := l.Accept(); err != stream.ErrWouldBlock {
			t.Errorf("a third connection at %v: %v, %v", l, s, err)
		}
	}
}

func TestConnectReportsLastAddressError(t *testing.T) {
	refused, missing := refusing(t), stream.UnixAddr("/nonexistent/s")
	expectNoNewDescriptor(t, func() {
		_, err := stream.Connect(refused, missing)
		expectError(t, "missing path last", err, syscall.ENOENT)
		if !strings.Contains(err.Error(), missing.String()) {
			t.Errorf("%q does not name the last address", err)
		}
		_, err = stream.Connect(missing, refused)
		expectError(t, "refused last", err, syscall.ECONNREFUSED)
		if !strings.Contains(err.Error(), refused.String()) {
			t.Errorf("%q does not name the last address", err)
		}
	})
}

func TestConnectedStreamIsNonblocking(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		client, server := connected(t, at)
		p := make([]byte, 1)
		for _, s := range []*stream.Stream{client, server} {
			n, err := s.Read(p)
			expectWouldBlock(t, "Read", n, err)
		}
	})
}

func TestConnectTimeoutValid(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		s, err := stream.ConnectTimeout(listenerAddr(t, l), patience)
		must(t, "ConnectTimeout", err)
		defer s.Close()
		send(t, s, []byte("x"))
		expectReceived(t, accept(t, l), []byte("x"))
		n, err := s.Read(make([]byte, 1))
		expectWouldBlock(t, "a Read after ConnectTimeout", n, err)
	})
}

// Of many tries that nobody answers, some end in time however busy the machine.
func TestConnectTimeoutIsPrecise(t *testing.T) {
	const limit, late = 3 * time.Millisecond, 2 * time.Millisecond
	_, addr := unanswering(t)
	least := time.Hour
	for end := time.Now().Add(patience); least > late; {
		if time.Now().After(end) {
			t.Fatalf("ConnectTimeout(%v) is late by %v at least", limit, least)
		}
		start := time.Now()
		_, err := stream.ConnectTimeout(addr, limit)
		least = min(least, time.Since(start)-limit)
		expectError(t, "ConnectTimeout", err, os.ErrDeadlineExceeded)
	}
}

func TestConnectTimeoutHuge(t *testing.T) {
	l := listen(t, loopback4())
	s, err := stream.ConnectTimeout(listenerAddr(t, l), 1<<63-1)
	must(t, "ConnectTimeout", err)
	s.Close()
}

func TestConnectTimeoutRefused(t *testing.T) {
	to := refusing(t)
	expectNoNewDescriptor(t, func() {
		_, err := stream.ConnectTimeout(to, patience)
		expectError(t, "ConnectTimeout", err, syscall.ECONNREFUSED)
		expectOpError(t, "ConnectTimeout", err)
		if !strings.Contains(err.Error(), to.String()) {
			t.Errorf("%q does not name the address %v", err, to)
		}
	})
}

// A multicast group is never a TCP peer; the kernel says so without a packet.
func TestConnectTimeoutUnroutable(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		_, err := stream.ConnectTimeout(parse(t, "224.0.0.1:9"), patience)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %v, want the kernel's error", err)
		}
		expectOpError(t, "ConnectTimeout", err)
	})
}

func TestConnectTimeoutPortZero(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		_, err := stream.ConnectTimeout(loopback4(), patience)
		expectError(t, "ConnectTimeout", err, syscall.ECONNREFUSED, syscall.EADDRNOTAVAIL)
	})
}

func TestConnectTimeoutZeroIsInvalid(t *testing.T) {
	l := listen(t, loopback4())
	expectNoNewDescriptor(t, func() {
		for _, d := range []time.Duration{0, -1, -time.Hour, -1 << 63} {
			s, err := stream.ConnectTimeout(listenerAddr(t, l), d)
			if s != nil {
				t.Fatalf("timeout %v: got %v", d, s)
			}
			expectError(t, "ConnectTimeout of "+d.String(), err, os.ErrInvalid)
		}
	})
}

// The connection that is made afterwards is the first and only one that the
// listener ever saw.
func TestConnectTimeoutZeroSendsNoSYN(t *testing.T) {
	l := listen(t, loopback4())
	to := listenerAddr(t, l)
	for range 10 {
		_, err := stream.ConnectTimeout(to, 0)
		expectError(t, "ConnectTimeout of 0", err, os.ErrInvalid)
		_, err = stream.ConnectTimeout(to, -time.Second)
		expectError(t, "ConnectTimeout below 0", err, os.ErrInvalid)
	}
	client := connect(t, to)
	local, err := client.LocalAddr()
	must(t, "LocalAddr", err)
	peer, err := accept(t, l).PeerAddr()
	must(t, "PeerAddr", err)
	if peer != local {
		t.Errorf("the first connection in the queue is from %v, want %v", peer, local)
	}
	if s, err := l.Accept(); err != stream.ErrWouldBlock {
		t.Errorf("a second connection in the queue: %v, %v", s, err)
	}
}

func TestConnectTimeoutExpires(t *testing.T) {
	_, to := unanswering(t)
	for _, d := range []time.Duration{
		1, time.Microsecond, 999 * time.Microsecond, time.Millisecond, 1500 * time.Microsecond,
		10*time.Millisecond + 1, 45*time.Millisecond + 678*time.Microsecond,
	} {
		expectNoNewDescriptor(t, func() {
			start := time.Now()
			s, err := stream.ConnectTimeout(to, d)
			took := time.Since(start)
			if s != nil {
				t.Fatalf("timeout %v: got %v", d, s)
			}
			expectError(t, "ConnectTimeout of "+d.String(), err, os.ErrDeadlineExceeded)
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%v (%T) is no net.Error that reports a time-out", err, err)
			}
			if !strings.Contains(err.Error(), to.String()) {
				t.Errorf("%q does not name the address %v", err, to)
			}
			if took < d {
				t.Errorf("timeout %v: over after %v", d, took)
			}
		})
	}
}

func TestMultipleConnectSerial(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		const connections = 10
		l := listen(t, at)
		to := listenerAddr(t, l)
		inBackground(t, "clients", func() error {
			for i := range connections {
				s, err := stream.Connect(to)
				if err != nil {
					return err
				}
				if err := sendAll(s, []byte{byte(i)}); err != nil {
					return err
				}
				if err := s.Close(); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range connections {
			expectReceived(t, accept(t, l), []byte{byte(i)})
		}
	})
}

// Connections are opened one inside the other, so that the last one opened is
// the first to write; greedy servers read each at once, lazy ones when all are up.
func TestMultipleConnectInterleaved(t *testing.T) {
	const connections = 10
	var nest func(to stream.Addr, i int) error
	nest = func(to stream.Addr, i int) error {
		if i == connections {
			return nil
		}
		s, err := stream.Connect(to)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := nest(to, i+1); err != nil {
			return err
		}
		return sendAll(s, []byte{byte(i)})
	}
	t.Run("greedy", func(t *testing.T) {
		eachIP(t, func(t *testing.T, at stream.Addr) {
			l := listen(t, at)
			to := listenerAddr(t, l)
			inBackground(t, "clients", func() error { return nest(to, 0) })
			for i := range connections {
				s := accept(t, l)
				inBackground(t, "server", func() error {
					p := make([]byte, 1)
					if _, err := readSome(s, p); err != nil {
						return err
					}
					if p[0] != byte(i) {
						return errors.New("the bytes of two connections were mixed up")
					}
					return nil
				})
			}
		})
	})
	t.Run("lazy", func(t *testing.T) {
		eachIP(t, func(t *testing.T, at stream.Addr) {
			l := listen(t, at)
			to := listenerAddr(t, l)
			inBackground(t, "clients", func() error { return nest(to, 0) })
			var servers []*stream.Stream
			for range connections {
				servers = append(servers, accept(t, l))
			}
			for i := connections - 1; i >= 0; i-- {
				expectReceived(t, servers[i], []byte{byte(i)})
			}
		})
	})
}

func TestSocketAndPeerName(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		bound := listenerAddr(t, l)
		if bound.AddrPort().Addr() != at.AddrPort().Addr() || bound.AddrPort().Port() == 0 {
			t.Fatalf("bound %v when asked for %v", bound, at)
		}
		client := connect(t, bound)
		server := accept(t, l)
		for _, c := range []struct {
			what string
			call func() (stream.Addr, error)
			want func() (stream.Addr, error)
		}{
			{"the client's peer is the listener", client.PeerAddr, l.LocalAddr},
			{"the server's own is the listener's", server.LocalAddr, l.LocalAddr},
			{"the server's peer is the client", server.PeerAddr, client.LocalAddr},
		} {
			got, err := c.call()
			must(t, c.what, err)
			want, err := c.want()
			must(t, c.what, err)
			if got != want {
				t.Errorf("%s: got %v, want %v", c.what, got, want)
			}
		}
	})
}
