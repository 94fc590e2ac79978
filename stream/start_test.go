//go:build unix

package stream_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Start and FinishConnect: a connect that nobody waits for.

func TestStartThenFinishConnect(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		s, err := stream.Start(listenerAddr(t, l))
		must(t, "Start", err)
		defer s.Close()
		must(t, "FinishConnect", await(s.FinishConnect))
		must(t, "FinishConnect once more", s.FinishConnect())
		peer, err := s.PeerAddr()
		must(t, "PeerAddr", err)
		if want := listenerAddr(t, l); peer != want {
			t.Errorf("peer %v, want %v", peer, want)
		}
		send(t, s, []byte("x"))
		expectReceived(t, accept(t, l), []byte("x"))
	})
}

// The listener drops the SYN until a place in its queue is free; the kernel then
// tries again by itself.
func TestFinishConnectWouldBlockWhilePending(t *testing.T) {
	l, to := unanswering(t)
	s, err := stream.Start(to)
	must(t, "Start", err)
	defer s.Close()
	for range 5 {
		if err := s.FinishConnect(); err != stream.ErrWouldBlock {
			t.Fatalf("FinishConnect: %v, want ErrWouldBlock", err)
		}
	}
	local, err := s.LocalAddr()
	must(t, "LocalAddr", err)
	inBackground(t, "make room", func() error {
		for {
			c, err := awaitAccept(l)
			if err != nil {
				return err
			}
			peer, err := c.PeerAddr()
			c.Close()
			if err != nil || peer == local {
				return err
			}
		}
	})
	must(t, "FinishConnect", await(s.FinishConnect))
}

func TestFinishConnectRefused(t *testing.T) {
	to := refusing(t)
	expectNoNewDescriptor(t, func() {
		s, err := stream.Start(to)
		if err != nil {
			expectError(t, "Start", err, syscall.ECONNREFUSED)
			return
		}
		defer s.Close()
		err = await(s.FinishConnect)
		expectError(t, "FinishConnect", err, syscall.ECONNREFUSED)
		expectOpError(t, "FinishConnect", err)
		// Asking again must not turn the failure into a success.
		if err := await(s.FinishConnect); err == nil {
			t.Error("FinishConnect after a refusal reports success")
		}
		if n, err := s.Read(make([]byte, 1)); err == nil || err == io.EOF || n != 0 {
			t.Errorf("Read after a refusal: (%d, %v), want an error that is no end", n, err)
		}
	})
}

func TestStartFailureLeavesNoDescriptor(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		for _, to := range []stream.Addr{
			stream.UnixAddr("/nonexistent/s"), parse(t, "224.0.0.1:9"), {},
		} {
			if s, err := stream.Start(to); err == nil {
				s.Close()
				t.Errorf("Start(%v) succeeded", to)
			}
		}
	})
}

func TestCloseWhileConnectIsPending(t *testing.T) {
	_, to := unanswering(t)
	expectNoNewDescriptor(t, func() {
		s, err := stream.Start(to)
		must(t, "Start", err)
		must(t, "Close", s.Close())
		expectClosed(t, "FinishConnect", s.FinishConnect())
	})
}

// Two handles of one connect: neither may take the other's failure for success.
func TestCloneOfPendingConnect(t *testing.T) {
	s, err := stream.Start(refusing(t))
	must(t, "Start", err)
	defer s.Close()
	c := clone(t, s)
	for name, h := range map[string]*stream.Stream{"one": s, "other": c} {
		if err := await(h.FinishConnect); err == nil {
			t.Errorf("FinishConnect on the %s handle reports success", name)
		}
	}
}

// FinishConnect decides while others look at the stream and clone it.
func TestFinishConnectRacingOtherCalls(t *testing.T) {
	to := refusing(t)
	for range 100 {
		s, err := stream.Start(to)
		must(t, "Start", err)
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if err := await(s.FinishConnect); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("FinishConnect: %v, want ECONNREFUSED", err)
				}
			})
		}
		group.Go(func() {
			if c, err := s.TryClone(); err == nil {
				c.Close()
			}
		})
		group.Go(func() { s.PeerAddr(); _ = s.String() })
		group.Wait()
		must(t, "Close", s.Close())
	}
}

func TestStartFrom(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		s, err := stream.StartFrom(at, listenerAddr(t, l))
		must(t, "StartFrom", err)
		defer s.Close()
		must(t, "FinishConnect", await(s.FinishConnect))
		local, err := s.LocalAddr()
		must(t, "LocalAddr", err)
		if local.AddrPort().Addr() != at.AddrPort().Addr() || local.AddrPort().Port() == 0 {
			t.Errorf("connected from %v", local)
		}
		if peer, err := accept(t, l).PeerAddr(); peer != local || err != nil {
			t.Errorf("the listener sees (%v, %v), want %v", peer, err, local)
		}
	})
	expectNoNewDescriptor(t, func() {
		l := listen(t, loopback4())
		if s, err := stream.StartFrom(parse(t, "198.51.100.1:0"), listenerAddr(t, l)); err == nil {
			s.Close()
			t.Error("started from an address that this machine does not have")
		}
		must(t, "Close", l.Close())
	})
}

// A unix listener whose queue is full: a connect that nobody waits for begins
// nothing, and one that waits goes on when there is room.
func TestConnectToFullUnixListener(t *testing.T) {
	at := stream.UnixAddr(socketPath(t))
	l := listenWith(t, at, stream.ListenOptions{Backlog: 1})
	full := false
	for range 32 {
		s, err := stream.Start(at)
		if full = err == stream.ErrWouldBlock; full {
			break
		}
		must(t, "Start", err)
		defer s.Close()
	}
	if !full && runtime.GOOS == "linux" {
		t.Fatal("a listener with Backlog 1 takes 32 connections")
	}
	if !full {
		t.Skip("this system's unix listeners refuse instead")
	}
	expectNoNewDescriptor(t, func() {
		const limit = 10 * time.Millisecond
		start := time.Now()
		_, err := stream.ConnectTimeout(at, limit)
		expectError(t, "ConnectTimeout", err, os.ErrDeadlineExceeded)
		if took := time.Since(start); took < limit {
			t.Errorf("limit %v, over after %v", limit, took)
		}
	})
	connecting := inBackground(t, "Connect", func() error {
		s, err := stream.Connect(at)
		if err != nil {
			return err
		}
		return s.Close()
	})
	untilBlocked(t, "eddyline/stream.Connect")
	accept(t, l)
	connecting()
}

// A connect to a free port of the own host may be given that very port to come
// from, and then meets itself. Here it is made to.
func TestSelfConnectIsRefused(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		expectNoNewDescriptor(t, func() {
			err := connectToItself(t, at)
			for attempts := 1; errors.Is(err, syscall.EADDRINUSE) && attempts < 10; attempts++ {
				err = connectToItself(t, at) // somebody else had taken the port
			}
			expectError(t, "a connect that comes from where it goes", err, syscall.ECONNREFUSED)
		})
	})
}

// connectToItself is the outcome of a connect from a port that was free to the
// same.
func connectToItself(t *testing.T, at stream.Addr) error {
	t.Helper()
	l := listen(t, at)
	itself := listenerAddr(t, l)
	must(t, "Close", l.Close())
	s, err := stream.StartFrom(itself, itself)
	if err != nil {
		return err
	}
	defer s.Close()
	return await(s.FinishConnect)
}
