//go:build unix

package stream_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/netip"
	"os"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// exampleListener listens at a free port of this host.
func exampleListener() (*stream.Listener, stream.Addr) {
	at := stream.AddrFrom(netip.MustParseAddrPort("127.0.0.1:0"))
	l, err := stream.Listen(at, stream.ListenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	at, err = l.LocalAddr()
	if err != nil {
		log.Fatal(err)
	}
	return l, at
}

func ExampleConnect() {
	l, addr := exampleListener()
	defer l.Close()

	s, err := stream.Connect(addr)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	peer, err := s.PeerAddr()
	fmt.Println(peer == addr, err)

	// Nobody has sent anything, and s does not wait.
	_, err = s.Read(make([]byte, 64))
	fmt.Println(err == stream.ErrWouldBlock)
	// Output:
	// true <nil>
	// true
}

func ExampleConnectTimeout() {
	l, addr := exampleListener()
	l.Close() // now nobody listens there

	_, err := stream.ConnectTimeout(addr, time.Second)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		fmt.Println("no answer within a second")
	case err != nil:
		fmt.Println("refused")
	}
	// Output: refused
}

// An echo server for one connection, in blocking mode.
func ExampleListener_Accept() {
	l, addr := exampleListener()
	defer l.Close()
	if err := l.SetNonblocking(false); err != nil {
		log.Fatal(err)
	}
	go func() {
		s, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		if err := s.SetNonblocking(false); err != nil {
			log.Fatal(err)
		}
		if _, err := io.Copy(s, s); err != nil {
			log.Fatal(err)
		}
	}()

	c, err := stream.Connect(addr)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.SetNonblocking(false); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Write([]byte("round and round")); err != nil {
		log.Fatal(err)
	}
	if err := c.Shutdown(stream.ShutWrite); err != nil {
		log.Fatal(err)
	}
	text, err := c.ReadToString()
	fmt.Println(text, err)
	// Output: round and round <nil>
}

func ExampleStream_Peek() {
	a, b, err := stream.Pair()
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	if _, err := a.Write([]byte("\x16\x03\x01")); err != nil {
		log.Fatal(err)
	}

	// A TLS handshake begins with 22: look, and leave it for whoever is to read it.
	first := make([]byte, 1)
	if _, err := b.Peek(first); err != nil {
		log.Fatal(err)
	}
	all := make([]byte, 3)
	n, err := b.Read(all)
	fmt.Println(first[0] == 22, n, err)
	// Output: true 3 <nil>
}

func ExamplePair() {
	a, b, err := stream.Pair()
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	defer b.Close()

	if _, err := a.Write([]byte("hello")); err != nil {
		log.Fatal(err)
	}
	p := make([]byte, 16)
	n, err := b.Read(p)
	fmt.Printf("%s %v\n", p[:n], err)
	_, err = b.Read(p)
	fmt.Println(err)
	// Output:
	// hello <nil>
	// stream: operation would block
}
