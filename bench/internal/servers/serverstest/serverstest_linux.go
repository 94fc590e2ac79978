// Package serverstest has servers with something wrong, for tests of what measures
// servers.
package serverstest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Bad are servers of which "absent" does not start, "liar" answers a wrong byte
// and "crasher" ends, the latter two after a while.
var Bad = []servers.Server{
	broken("absent", func(context.Context, workload.Protocol, string, func(string)) error {
		return errors.New("no bed to get up from")
	}),
	broken("liar", spoil(func(p []byte) { p[len(p)/2]++ })),
	broken("crasher", spoil(func([]byte) {
		fmt.Fprintln(os.Stderr, "out of everything")
		os.Exit(4)
	})),
}

type serve = func(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error

func broken(name string, s serve) servers.Server {
	return servers.Server{Name: name, About: "broken", Protocols: []workload.Protocol{workload.Echo}, Serve: s}
}

// spoil is an echo that goes wrong after a while.
func spoil(wrong func(p []byte)) serve {
	return func(_ context.Context, _ workload.Protocol, addr string, ready func(string)) error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		ready(ln.Addr().String())
		return accept(ln, Through(func(p []byte, at int) []byte {
			if at+len(p) > 10_000 {
				wrong(p)
			}
			return p
		}))
	}
}

// Serve lets handle have every connection until the end of the test, and returns
// the address. The connection is closed when handle returns.
func Serve(t *testing.T, handle func(c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() { _ = accept(ln, handle) }() // until the listener is closed
	return ln.Addr().String()
}

func accept(ln net.Listener, handle func(c net.Conn)) error {
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			handle(c)
		}()
	}
}

// Through answers with what change makes of the bytes, of which it is told the
// place in the stream. A nil result ends the connection.
func Through(change func(p []byte, at int) []byte) func(net.Conn) {
	return func(c net.Conn) {
		buf, at := make([]byte, 4096), 0
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			answer := change(buf[:n], at)
			if answer == nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
			at += n
		}
	}
}
