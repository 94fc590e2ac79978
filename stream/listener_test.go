//go:build unix

package stream_test

import (
	"errors"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// Listeners: what they bind, what they accept, and each of their options.

func TestBindError(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		// An address of a documentation network, which no machine has.
		at := parse(t, "198.51.100.1:9999")
		l, err := stream.Listen(at, stream.ListenOptions{})
		if l != nil {
			t.Fatalf("got %v", l)
		}
		expectError(t, "Listen", err, syscall.EADDRNOTAVAIL)
		expectOpError(t, "Listen", err)
		if !strings.Contains(err.Error(), at.String()) || !strings.Contains(err.Error(), "listen") {
			t.Errorf("%q does not name the operation and the address", err)
		}
	})
}

func TestListenAtTheUnknownAddress(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		if l, err := stream.Listen(stream.Addr{}, stream.ListenOptions{}); err == nil {
			l.Close()
			t.Error("Listen at the zero Addr succeeded")
		}
	})
}

func TestDoubleBind(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		first := listen(t, at)
		expectNoNewDescriptor(t, func() {
			second, err := stream.Listen(listenerAddr(t, first), stream.ListenOptions{})
			if err == nil {
				second.Close()
			}
			expectError(t, "a second Listen", err, syscall.EADDRINUSE)
			expectOpError(t, "a second Listen", err)
		})
		// The first is not harmed.
		connect(t, listenerAddr(t, first))
		accept(t, first)
	})
}

func TestAcceptWouldBlock(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		for range 3 {
			if s, err := l.Accept(); s != nil || err != stream.ErrWouldBlock {
				t.Fatalf("got (%v, %v), want ErrWouldBlock", s, err)
			}
			if fd, _, err := l.AcceptFD(); err != stream.ErrWouldBlock {
				t.Fatalf("AcceptFD: got (%d, %v), want ErrWouldBlock", fd, err)
			}
		}
		if n := testing.AllocsPerRun(100, func() { l.AcceptFD() }); n != 0 {
			t.Errorf("%v allocations per AcceptFD", n)
		}
	})
}

func TestAcceptFD(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		client := connect(t, listenerAddr(t, l))
		var fd int
		var peer stream.Addr
		must(t, "AcceptFD", await(func() (err error) {
			fd, peer, err = l.AcceptFD()
			return err
		}))
		expectDescriptorFlags(t, fd)
		if want, _ := client.LocalAddr(); at.Path() == "" && peer != want {
			t.Errorf("peer %v, want %v", peer, want)
		}
		s, err := stream.FromFD(fd)
		must(t, "FromFD", err)
		defer s.Close()
		send(t, client, []byte("x"))
		expectReceived(t, s, []byte("x"))
	})
}

func TestListenLocalhost(t *testing.T) {
	l := listen(t, loopback4())
	port := listenerAddr(t, l).AddrPort().Port()
	s, err := stream.Dial(t.Context(), "tcp", net.JoinHostPort("localhost", itoa(port)))
	must(t, "Dial", err)
	defer s.Close()
	send(t, s, []byte{144})
	expectReceived(t, accept(t, l), []byte{144})
}

// Several goroutines accept from one listener: each connection goes to exactly one.
func TestAcceptConcurrently(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		const connections = 20
		l := listen(t, at)
		must(t, "SetNonblocking", l.SetNonblocking(false))
		got := make(chan byte, connections)
		for range 4 {
			inBackground(t, "accepting", func() error {
				for {
					s, err := l.Accept()
					if errors.Is(err, net.ErrClosed) {
						return nil
					}
					if err != nil {
						return err
					}
					p := make([]byte, 1)
					_, err = readSome(s, p)
					s.Close()
					if err != nil {
						return err
					}
					got <- p[0]
				}
			})
		}
		for i := range connections {
			send(t, connect(t, listenerAddr(t, l)), []byte{byte(i)})
		}
		var seen [connections]bool
		for range connections {
			i := <-got
			if seen[i] {
				t.Errorf("connection %d was accepted twice", i)
			}
			seen[i] = true
		}
		must(t, "Close", l.Close())
	})
}

// Two handles of one listening socket.
func TestAcceptOnDuplicate(t *testing.T) {
	l := listen(t, loopback4())
	fd, err := syscall.Dup(l.FD())
	must(t, "dup", err)
	twin, err := stream.ListenerFromFD(fd)
	must(t, "ListenerFromFD", err)
	defer twin.Close()
	expectDescriptorFlags(t, fd)
	if a, err := twin.LocalAddr(); a != listenerAddr(t, l) || err != nil {
		t.Errorf("LocalAddr of the duplicate: (%v, %v)", a, err)
	}
	connect(t, listenerAddr(t, l))
	connect(t, listenerAddr(t, l))
	accept(t, l)
	accept(t, twin)
	must(t, "Close", l.Close())
	connect(t, mustAddr(twin))
	accept(t, twin)
}

func TestAcceptOnClone(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		twin, err := l.TryClone()
		must(t, "TryClone", err)
		defer twin.Close()
		expectDescriptorFlags(t, twin.FD())
		must(t, "SetNonblocking", l.SetNonblocking(false))
		var accepted []func()
		for _, h := range []*stream.Listener{l, twin} {
			accepted = append(accepted, inBackground(t, "Accept", func() error {
				s, err := h.Accept()
				if err != nil {
					return err
				}
				return s.Close()
			}))
		}
		untilBlocked(t, "stream.(*Listener).Accept")
		connect(t, listenerAddr(t, l))
		connect(t, listenerAddr(t, twin))
		for _, join := range accepted {
			join()
		}
	})
}

func TestListenerFromFDRefusesOthers(t *testing.T) {
	connectedEnd, other := socketPair(t, syscall.SOCK_STREAM)
	defer syscall.Close(connectedEnd)
	defer syscall.Close(other)
	datagram, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	must(t, "socket", err)
	defer syscall.Close(datagram)
	for name, fd := range map[string]int{"connected": connectedEnd, "datagram": datagram, "none": -1} {
		if l, err := stream.ListenerFromFD(fd); err == nil || l != nil {
			t.Errorf("%s: got (%v, %v), want an error", name, l, err)
		}
	}
	if _, err := syscall.Write(connectedEnd, []byte("x")); err != nil {
		t.Errorf("the refused descriptor was closed: %v", err)
	}
}

func TestListenerDetach(t *testing.T) {
	l := listen(t, loopback4())
	to := listenerAddr(t, l)
	must(t, "Acquire", l.Acquire())
	_, err := l.Detach()
	expectError(t, "Detach while acquired", err, syscall.EBUSY)
	l.Release()
	fd, err := l.Detach()
	must(t, "Detach", err)
	_, err = l.Accept()
	expectClosed(t, "Accept after Detach", err)
	again, err := stream.ListenerFromFD(fd)
	must(t, "ListenerFromFD", err)
	defer again.Close()
	connect(t, to)
	accept(t, again)
}

func TestListenerAfterClose(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		to := listenerAddr(t, l)
		must(t, "Close", l.Close())
		_, err := l.Accept()
		expectClosed(t, "Accept", err)
		_, _, err = l.AcceptFD()
		expectClosed(t, "AcceptFD", err)
		expectClosed(t, "SetNonblocking", l.SetNonblocking(false))
		if err := l.Close(); err != nil {
			expectClosed(t, "Close again", err)
		}
		_, err = stream.Connect(to)
		expectError(t, "Connect", err, syscall.ECONNREFUSED, syscall.ENOENT)
	})
}

func TestIncoming(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		const connections = 5
		l := listen(t, at)
		must(t, "SetNonblocking", l.SetNonblocking(false))
		inBackground(t, "clients", func() error {
			for i := range connections {
				s, err := stream.Connect(mustAddr(l))
				if err != nil {
					return err
				}
				defer s.Close()
				if err := sendAll(s, []byte{byte(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		i := 0
		for s, err := range l.Incoming() {
			must(t, "Incoming", err)
			expectReceived(t, s, []byte{byte(i)})
			must(t, "Close", s.Close())
			if i++; i == connections {
				break
			}
		}
		if i != connections {
			t.Errorf("the loop ended after %d connections", i)
		}
	})
}

// Closing the listener ends the loop instead of repeating its error for ever.
func TestIncomingEndsAtClose(t *testing.T) {
	l := listen(t, loopback4())
	must(t, "SetNonblocking", l.SetNonblocking(false))
	looping := inBackground(t, "Incoming", func() error {
		errs := 0
		for s, err := range l.Incoming() {
			if err == nil {
				s.Close()
				continue
			}
			if !errors.Is(err, net.ErrClosed) {
				return err
			}
			if errs++; errs > 1 {
				return errors.New("the loop goes on after the listener was closed")
			}
		}
		return nil
	})
	untilBlocked(t, "stream.(*Listener).Accept")
	must(t, "Close", l.Close())
	looping()
}

// In nonblocking mode an empty queue is told once and the loop can be begun again.
func TestIncomingWhenNobodyIsThere(t *testing.T) {
	l := listen(t, loopback4())
	for range 2 {
		rounds := 0
		for s, err := range l.Incoming() {
			if s != nil || err != stream.ErrWouldBlock {
				t.Fatalf("got (%v, %v), want ErrWouldBlock", s, err)
			}
			if rounds++; rounds > 1 {
				break
			}
		}
		if rounds == 0 {
			t.Fatal("the loop said nothing")
		}
	}
	connect(t, listenerAddr(t, l))
	until(t, "the connection", func() bool {
		for s, err := range l.Incoming() {
			if err != nil {
				return false
			}
			s.Close()
			return true
		}
		return false
	})
}

func TestReusePortDistributes(t *testing.T) {
	eachIP(t, func(t *testing.T, at stream.Addr) {
		options := stream.ListenOptions{ReusePort: true}
		first := listenWith(t, at, options)
		second := listenWith(t, listenerAddr(t, first), options)
		if a, b := listenerAddr(t, first), listenerAddr(t, second); a != b {
			t.Fatalf("two listeners at %v and %v", a, b)
		}
		const connections = 200
		for range connections {
			connect(t, listenerAddr(t, first))
		}
		var got [2]int
		until(t, "every connection in one of the queues", func() bool {
			for i, l := range []*stream.Listener{first, second} {
				if s, err := l.Accept(); err == nil {
					s.Close()
					got[i]++
				}
			}
			return got[0]+got[1] == connections
		})
		if runtime.GOOS == "linux" && (got[0] == 0 || got[1] == 0) {
			t.Errorf("connections were distributed %v", got)
		}
	})
}

// One listener alone that asked for it lets nobody in who did not.
func TestReusePortNeedsBoth(t *testing.T) {
	first := listenWith(t, loopback4(), stream.ListenOptions{ReusePort: true})
	_, err := stream.Listen(listenerAddr(t, first), stream.ListenOptions{})
	expectError(t, "Listen without ReusePort", err, syscall.EADDRINUSE)
}

// A port whose last connection is in TIME_WAIT can be bound at once, unless that
// is turned off.
func TestReuseAddrAfterTimeWait(t *testing.T) {
	l := listen(t, loopback4())
	at := listenerAddr(t, l)
	client := connect(t, at)
	server := accept(t, l)
	// The end that closes first keeps the port in TIME_WAIT.
	must(t, "Close", server.Close())
	n, err := readSome(client, make([]byte, 1))
	expectEOF(t, "Read", n, err)
	must(t, "Close", client.Close())
	must(t, "Close", l.Close())
	if runtime.GOOS == "linux" {
		_, err := stream.Listen(at, stream.ListenOptions{NoReuseAddr: true})
		expectError(t, "Listen with NoReuseAddr", err, syscall.EADDRINUSE)
	}
	again := listen(t, at)
	connect(t, listenerAddr(t, again))
}

func TestListenRefusesBadOptions(t *testing.T) {
	unix := stream.UnixAddr(socketPath(t))
	for name, c := range map[string]struct {
		at      stream.Addr
		options stream.ListenOptions
	}{
		"negative backlog":     {loopback4(), stream.ListenOptions{Backlog: -1}},
		"mode with type bits":  {unix, stream.ListenOptions{Mode: fs.ModeDir | 0o700}},
		"mode for TCP":         {loopback4(), stream.ListenOptions{Mode: 0o600}},
		"KeepPath for TCP":     {loopback4(), stream.ListenOptions{KeepPath: true}},
		"ReusePort for unix":   {unix, stream.ListenOptions{ReusePort: true}},
		"device for unix":      {unix, stream.ListenOptions{BindToDevice: "lo"}},
		"IPv6Only for unix":    {unix, stream.ListenOptions{IPv6Only: true}},
		"IPv6Only for IPv4":    {loopback4(), stream.ListenOptions{IPv6Only: true}},
		"NoReuseAddr for unix": {unix, stream.ListenOptions{NoReuseAddr: true}},
	} {
		t.Run(name, func(t *testing.T) {
			expectNoNewDescriptor(t, func() {
				l, err := stream.Listen(c.at, c.options)
				if err == nil {
					l.Close()
				}
				expectError(t, "Listen", err, os.ErrInvalid)
			})
			if _, err := os.Lstat(unix.Path()); err == nil {
				t.Error("a file was made all the same")
			}
		})
	}
}

func TestIPv6Only(t *testing.T) {
	if !haveIPv6() {
		t.Skip("this machine has no IPv6 loopback address")
	}
	anywhere := stream.AddrFrom(netip.AddrPortFrom(netip.IPv6Unspecified(), 0))
	through4 := func(l *stream.Listener) stream.Addr {
		return stream.AddrFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), listenerAddr(t, l).AddrPort().Port()))
	}
	t.Run("only", func(t *testing.T) {
		l := listenWith(t, anywhere, stream.ListenOptions{IPv6Only: true})
		_, err := stream.Connect(through4(l))
		expectError(t, "Connect over IPv4", err, syscall.ECONNREFUSED)
		connect(t, stream.AddrFrom(netip.AddrPortFrom(netip.IPv6Loopback(), listenerAddr(t, l).AddrPort().Port())))
		accept(t, l)
	})
	t.Run("both", func(t *testing.T) {
		if runtime.GOOS == "openbsd" || runtime.GOOS == "dragonfly" {
			t.Skip("this system has no dual-stack sockets")
		}
		l := listenWith(t, anywhere, stream.ListenOptions{})
		client := connect(t, through4(l))
		server := accept(t, l)
		// One client, one address, whichever socket it came through.
		local, err := client.LocalAddr()
		must(t, "LocalAddr", err)
		peer, err := server.PeerAddr()
		must(t, "PeerAddr", err)
		if peer != local {
			t.Errorf("the peer is %v, want %v", peer, local)
		}
	})
}

// A queue of the given length takes no more (the kernel adds one); the default
// takes what the system allows.
func TestBacklog(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the sizes of queues are counted differently here")
	}
	_, full := unanswering(t)
	s, err := stream.Start(full)
	must(t, "Start", err)
	defer s.Close()
	if err := s.FinishConnect(); err != stream.ErrWouldBlock {
		t.Errorf("a connect beyond the queue: %v, want ErrWouldBlock", err)
	}
	wide := listen(t, loopback4())
	for range 300 {
		connect(t, listenerAddr(t, wide))
	}
}

func TestBindToDevice(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		l, err := stream.Listen(loopback4(), stream.ListenOptions{BindToDevice: "nosuchdevice0"})
		if err == nil {
			l.Close()
			t.Error("bound to a device that is not there")
		}
	})
	if runtime.GOOS != "linux" {
		_, err := stream.Listen(loopback4(), stream.ListenOptions{BindToDevice: "lo0"})
		expectError(t, "BindToDevice", err, errors.ErrUnsupported)
		return
	}
	l, err := stream.Listen(loopback4(), stream.ListenOptions{BindToDevice: "lo"})
	if errors.Is(err, syscall.EPERM) && os.Geteuid() != 0 {
		t.Skip("Linux before 5.7 allows this only to root")
	}
	must(t, "Listen on lo", err)
	defer l.Close()
	connect(t, listenerAddr(t, l))
	accept(t, l)
}

// A name that is too long for the kernel must not be cut to another device's.
func TestBindToDeviceNameTooLong(t *testing.T) {
	expectNoNewDescriptor(t, func() {
		if l, err := stream.Listen(loopback4(), stream.ListenOptions{BindToDevice: strings.Repeat("x", 300)}); err == nil {
			l.Close()
			t.Error("a name of 300 bytes was taken")
		}
	})
}

// A failure half-way leaves nothing open and nothing bound.
func TestListenFailureLeavesNothing(t *testing.T) {
	path := socketPath(t)
	expectNoNewDescriptor(t, func() {
		l := listen(t, loopback4())
		defer l.Close()
		for _, at := range []stream.Addr{
			listenerAddr(t, l), parse(t, "198.51.100.1:1"), stream.UnixAddr(path + "/missing/s"), stream.UnixAddr(""),
		} {
			if l, err := stream.Listen(at, stream.ListenOptions{}); err == nil {
				t.Errorf("Listen(%v) succeeded", at)
				l.Close()
			}
		}
	})
}

// A Backlog beyond what the kernel's int holds is the system's maximum, not its last
// 32 bits.
func TestAHugeBacklogIsTheLargest(t *testing.T) {
	huge := math.MaxInt32
	huge += huge + 3 // 1<<32 + 1, where int has room for that
	l := listenWith(t, loopback4(), stream.ListenOptions{Backlog: max(huge, math.MaxInt32)})
	for range 300 {
		connect(t, listenerAddr(t, l))
	}
}
