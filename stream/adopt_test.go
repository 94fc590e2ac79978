//go:build unix

package stream_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// Descriptors that come from elsewhere and go elsewhere: FromFD, Detach, FromConn,
// NetConn and SyscallConn.

// socketPair is two ends of a connection that this package did not make:
// blocking and inherited by children, as the kernel's defaults are.
func socketPair(t *testing.T, kind int) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind, 0)
	must(t, "socketpair", err)
	return fds[0], fds[1]
}

func TestFromFD(t *testing.T) {
	a, b := socketPair(t, syscall.SOCK_STREAM)
	defer syscall.Close(b)
	s, err := stream.FromFD(a)
	must(t, "FromFD", err)
	defer s.Close()
	if s.FD() != a {
		t.Errorf("FD() is %d, want %d", s.FD(), a)
	}
	expectDescriptorFlags(t, a)
	n, err := s.Read(make([]byte, 1))
	expectWouldBlock(t, "Read", n, err)
	if _, err := syscall.Write(b, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	expectReceived(t, s, []byte("hello"))
	must(t, "Close", s.Close())
	if n, err := syscall.Read(b, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the other end reads (%d, %v), want the end", n, err)
	}
}

func TestFromFDKnowsItsAddresses(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		s, _ := connected(t, at)
		local, _ := s.LocalAddr()
		peer, _ := s.PeerAddr()
		fd, err := s.Detach()
		must(t, "Detach", err)
		again, err := stream.FromFD(fd)
		must(t, "FromFD", err)
		defer again.Close()
		if a, err := again.LocalAddr(); a != local || err != nil {
			t.Errorf("LocalAddr: (%v, %v), want %v", a, err, local)
		}
		if a, err := again.PeerAddr(); a != peer || err != nil {
			t.Errorf("PeerAddr: (%v, %v), want %v", a, err, peer)
		}
	})
}

// A peer that is gone already is no reason to refuse: unread data may be left.
func TestFromFDOfConnectionThatIsReset(t *testing.T) {
	s := resetBehindOurBack(t, loopback4())
	fd, err := s.Detach()
	must(t, "Detach", err)
	again, err := stream.FromFD(fd)
	must(t, "FromFD", err)
	defer again.Close()
	_, err = again.Read(make([]byte, 1))
	expectError(t, "Read", err, syscall.ECONNRESET)
}

func TestFromConnectedFDKnowsThePeerOfAConnectionThatIsReset(t *testing.T) {
	s := resetBehindOurBack(t, loopback4())
	peer, err := s.PeerAddr()
	must(t, "PeerAddr", err)
	fd, err := s.Detach()
	must(t, "Detach", err)
	again, err := stream.FromConnectedFD(fd, peer)
	must(t, "FromConnectedFD", err)
	defer again.Close()
	if a, err := again.PeerAddr(); a != peer || err != nil {
		t.Errorf("PeerAddr: (%v, %v), want %v", a, err, peer)
	}
}

// Whatever is no connected stream is refused, and is the caller's as before: open.
func TestFromFDRefusesWhatIsNoStream(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	must(t, "create", err)
	defer file.Close()
	r, w, err := os.Pipe()
	must(t, "pipe", err)
	defer r.Close()
	defer w.Close()
	datagram, other := socketPair(t, syscall.SOCK_DGRAM)
	defer syscall.Close(datagram)
	defer syscall.Close(other)
	udp, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	must(t, "socket", err)
	defer syscall.Close(udp)
	l := listen(t, loopback4())
	for name, fd := range map[string]int{
		"regular file": int(file.Fd()), "pipe": int(r.Fd()), "unix datagram": datagram, "udp": udp, "listener": l.FD(),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := stream.FromFD(fd)
			if err == nil || s != nil {
				t.Fatalf("got (%v, %v), want an error", s, err)
			}
			if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); errno != 0 {
				t.Errorf("the descriptor was closed: %v", errno)
			}
		})
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Errorf("the pipe is broken: %v", err)
	}
	connect(t, listenerAddr(t, l))
	accept(t, l)
}

func TestFromFDOfNoDescriptor(t *testing.T) {
	for _, fd := range []int{-1, -1 << 31, 1<<31 - 1} {
		s, err := stream.FromFD(fd)
		if err == nil || s != nil {
			t.Errorf("FromFD(%d): got (%v, %v), want an error", fd, s, err)
		}
	}
	_, err := stream.FromFD(1<<31 - 1)
	expectError(t, "FromFD of a number that is not open", err, syscall.EBADF)
	expectOpError(t, "FromFD of a number that is not open", err)
}

func TestDetach(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		want := s.FD()
		fd, err := s.Detach()
		if fd != want || err != nil {
			t.Fatalf("got (%d, %v), want %d", fd, err, want)
		}
		_, err = s.Read(make([]byte, 1))
		expectClosed(t, "Read after Detach", err)
		if err := s.Close(); err != nil {
			expectClosed(t, "Close after Detach", err)
		}
		if _, err := s.Detach(); err == nil {
			t.Error("a second Detach succeeded")
		}
		// The descriptor is the caller's, open and connected.
		again, err := stream.FromFD(fd)
		must(t, "FromFD", err)
		defer again.Close()
		send(t, again, []byte("alive"))
		expectReceived(t, peer, []byte("alive"))
	})
}

// What is detached is no longer the collector's business.
func TestDetachedDescriptorIsNotCollected(t *testing.T) {
	l := listen(t, loopback4())
	fd := func() int {
		s, err := stream.Connect(listenerAddr(t, l))
		must(t, "Connect", err)
		fd, err := s.Detach()
		must(t, "Detach", err)
		return fd
	}()
	peer := accept(t, l)
	// Another stream that is dropped at the same time shows when the collector has
	// come by.
	_, err := stream.Connect(listenerAddr(t, l))
	must(t, "Connect", err)
	mark := accept(t, l)
	collected(t, mark)
	if _, err := syscall.Write(fd, []byte("x")); err != nil {
		t.Fatalf("write to the detached descriptor: %v", err)
	}
	expectReceived(t, peer, []byte("x"))
	must(t, "close", syscall.Close(fd))
}

func TestDetachWhileInUseIsBusy(t *testing.T) {
	s, peer := tcpPair(t)
	must(t, "Acquire", s.Acquire())
	_, err := s.Detach()
	expectError(t, "Detach while acquired", err, syscall.EBUSY)
	var op *net.OpError
	if !errors.As(err, &op) {
		t.Errorf("%v (%T) is no *net.OpError", err, err)
	}
	s.Release()

	waits(t, s)
	reading := inBackground(t, "Read", func() error { _, err := s.Read(make([]byte, 1)); return err })
	untilBlocked(t, "stream.(*Stream).Read")
	_, err = s.Detach()
	expectError(t, "Detach during a Read", err, syscall.EBUSY)
	send(t, peer, []byte("x"))
	reading()

	// The refusals changed nothing, and now it goes through.
	send(t, peer, []byte("y"))
	expectReceived(t, s, []byte("y"))
	fd, err := s.Detach()
	must(t, "Detach", err)
	must(t, "close", syscall.Close(fd))
}

// Input that ReadToString holds would be lost with the stream that holds it.
func TestDetachKeepsInputThatIsHeld(t *testing.T) {
	s, peer := tcpPair(t)
	send(t, peer, []byte("held"))
	must(t, "Peek", awaitInput(s, 4))
	text, err := s.ReadToString()
	expectWouldBlock(t, "ReadToString", len(text), err)
	if fd, err := s.Detach(); err == nil {
		syscall.Close(fd)
		t.Fatal("Detach succeeded and lost four bytes")
	}
	expectReceived(t, s, []byte("held"))
	fd, err := s.Detach()
	must(t, "Detach", err)
	must(t, "close", syscall.Close(fd))
}

func netPair(t *testing.T, network, address string) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, "net.Listen", err)
	defer l.Close()
	client, err = net.Dial(network, l.Addr().String())
	must(t, "net.Dial", err)
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	must(t, "net's Accept", err)
	t.Cleanup(func() { server.Close() })
	return client, server
}

func TestFromConn(t *testing.T) {
	for _, c := range []struct{ network, address string }{
		{"tcp", "127.0.0.1:0"}, {"unix", socketPath(t)},
	} {
		t.Run(c.network, func(t *testing.T) {
			conn, peer := netPair(t, c.network, c.address)
			local, remote := conn.LocalAddr(), conn.RemoteAddr()
			s, err := stream.FromConn(conn)
			must(t, "FromConn", err)
			defer s.Close()
			expectDescriptorFlags(t, s.FD())
			if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write to the original: %v, want net.ErrClosed", err)
			}
			if c.network == "tcp" {
				gotLocal, _ := s.LocalAddr()
				gotPeer, _ := s.PeerAddr()
				if gotLocal.String() != local.String() || gotPeer.String() != remote.String() {
					t.Errorf("addresses %v->%v, want %v->%v", gotLocal, gotPeer, local, remote)
				}
			}
			n, err := s.Read(make([]byte, 1))
			expectWouldBlock(t, "Read", n, err)
			send(t, s, []byte("ping"))
			p := make([]byte, 4)
			if _, err := io.ReadFull(peer, p); err != nil || string(p) != "ping" {
				t.Fatalf("the peer read (%q, %v)", p, err)
			}
			if _, err := peer.Write([]byte("pong")); err != nil {
				t.Fatal(err)
			}
			expectReceived(t, s, []byte("pong"))
			must(t, "Close", s.Close())
			if n, err := peer.Read(p); n != 0 || err != io.EOF {
				t.Errorf("the peer reads (%d, %v), want the end: is a duplicate left?", n, err)
			}
		})
	}
}

// What has no stream socket under it is refused and works on.
func TestFromConnRefusesOthers(t *testing.T) {
	udp, err := net.Dial("udp", "127.0.0.1:9")
	must(t, "net.Dial", err)
	defer udp.Close()
	plain, far := netPair(t, "tcp", "127.0.0.1:0")
	inner, other := net.Pipe()
	defer inner.Close()
	defer other.Close()
	for name, conn := range map[string]net.Conn{"udp": udp, "net.Pipe": inner, "TLS": tls.Client(plain, nil)} {
		t.Run(name, func(t *testing.T) {
			expectNoNewDescriptor(t, func() {
				s, err := stream.FromConn(conn)
				if err == nil || s != nil {
					t.Fatalf("got (%v, %v), want an error", s, err)
				}
			})
		})
	}
	if s, err := stream.FromConn(nil); err == nil || s != nil {
		t.Errorf("FromConn(nil): got (%v, %v), want an error", s, err)
	}
	if _, err := udp.Write([]byte("x")); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the UDP socket is broken: %v", err)
	}
	if _, err := plain.Write([]byte("x")); err != nil {
		t.Errorf("the connection under TLS is broken: %v", err)
	}
	if _, err := io.ReadFull(far, make([]byte, 1)); err != nil {
		t.Errorf("the connection under TLS is broken: %v", err)
	}
	inBackground(t, "the pipe", func() error { _, err := inner.Write([]byte("x")); return err })
	if _, err := other.Read(make([]byte, 1)); err != nil {
		t.Errorf("the pipe is broken: %v", err)
	}
}

func TestFromConnOfClosedConn(t *testing.T) {
	conn, _ := netPair(t, "tcp", "127.0.0.1:0")
	must(t, "Close", conn.Close())
	expectNoNewDescriptor(t, func() {
		_, err := stream.FromConn(conn)
		expectClosed(t, "FromConn", err)
	})
}

func TestNetConnRoundTrip(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		local, _ := s.LocalAddr()
		conn, err := s.NetConn()
		must(t, "NetConn", err)
		defer conn.Close()
		if at.Path() == "" && conn.LocalAddr().String() != local.String() {
			t.Errorf("LocalAddr %v, want %v", conn.LocalAddr(), local)
		}
		if _, err := conn.Write([]byte("from net")); err != nil {
			t.Fatal(err)
		}
		expectReceived(t, peer, []byte("from net"))
		inBackground(t, "late data", func() error { return sendAll(peer, []byte("late")) })
		p := make([]byte, 4)
		if _, err := io.ReadFull(conn, p); err != nil || string(p) != "late" {
			t.Fatalf("net reads (%q, %v)", p, err)
		}
		back, err := stream.FromConn(conn)
		must(t, "FromConn", err)
		defer back.Close()
		send(t, back, []byte("and back"))
		expectReceived(t, peer, []byte("and back"))
	})
}

func TestSyscallConn(t *testing.T) {
	s, peer := tcpPair(t)
	raw, err := s.SyscallConn()
	must(t, "SyscallConn", err)
	called := false
	must(t, "Control", raw.Control(func(fd uintptr) {
		called = true
		if int(fd) != s.FD() {
			t.Errorf("Control got %d, want %d", fd, s.FD())
		}
	}))
	if !called {
		t.Error("Control did not call")
	}
	send(t, peer, []byte("x"))
	must(t, "Peek", awaitInput(s, 1))
	must(t, "Read", raw.Read(func(fd uintptr) bool {
		n, err := syscall.Read(int(fd), make([]byte, 1))
		return n == 1 || err != nil
	}))
	must(t, "Write", raw.Write(func(fd uintptr) bool {
		n, err := syscall.Write(int(fd), []byte("y"))
		return n == 1 || err != nil
	}))
	expectReceived(t, peer, []byte("y"))
	must(t, "Close", s.Close())
	for what, err := range map[string]error{
		"Control": raw.Control(func(uintptr) { t.Error("Control called on a closed stream") }),
		"Read":    raw.Read(func(uintptr) bool { t.Error("Read called on a closed stream"); return true }),
		"Write":   raw.Write(func(uintptr) bool { t.Error("Write called on a closed stream"); return true }),
	} {
		expectClosed(t, what, err)
	}
}

// A call through SyscallConn holds the descriptor: Close takes effect after it.
func TestSyscallConnHoldsTheDescriptor(t *testing.T) {
	s, peer := tcpPair(t)
	raw, err := s.SyscallConn()
	must(t, "SyscallConn", err)
	must(t, "Control", raw.Control(func(fd uintptr) {
		must(t, "Close", s.Close())
		expectDescriptorFlags(t, int(fd))
		n, err := peer.Read(make([]byte, 1))
		expectWouldBlock(t, "the peer's Read inside Control", n, err)
	}))
	n, err := readSome(peer, make([]byte, 1))
	expectEOF(t, "the peer's Read after Control", n, err)
}
