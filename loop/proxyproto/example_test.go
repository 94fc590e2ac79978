//go:build unix

package proxyproto_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/proxyproto"
	"github.com/eddyline/eddyline/stream"
)

// A server that tells its clients what their address is, although it sees only their
// proxy's.
func Example() {
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		log.Fatal(err)
	}
	accept := proxyproto.Config{
		Refused: func(c *loop.Conn, err error) { log.Printf("%v: %v", c.RemoteAddr(), err) },
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", accept.Protocol(func(_ *loop.Conn, h proxyproto.Header) loop.Handler {
		return loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
			_, err := fmt.Fprintf(c, "%s to you, %v\n", in, h.Source)
			return len(in), err
		})
	}))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		proxy(ln.Addr().String())
	}()
	if err := e.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: hello to you, 203.0.113.5:40000
}

// proxy connects to server for a client at 203.0.113.5.
func proxy(server string) {
	client, err := stream.ParseAddr("203.0.113.5:40000")
	if err != nil {
		log.Fatal(err)
	}
	own, err := stream.ParseAddr("203.0.113.80:80")
	if err != nil {
		log.Fatal(err)
	}
	out, err := proxyproto.Header{Source: client, Destination: own}.Append(nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := net.Dial("tcp", server)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(append(out, "hello"...)); err != nil {
		log.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", answer)
}
