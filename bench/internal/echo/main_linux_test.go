package echo

// The processes that the tests start.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/load"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// bad are servers with something wrong.
var bad = []servers.Server{
	{Name: "absent", Protocols: echoes, Serve: func(context.Context, workload.Protocol, string, func(string)) error {
		return errors.New("no bed to get up from")
	}},
	{Name: "liar", Protocols: echoes, Serve: serveBytes(func(p []byte) { p[len(p)/2]++ })},
	{Name: "crasher", Protocols: echoes, Serve: serveBytes(func([]byte) {
		fmt.Fprintln(os.Stderr, "out of everything")
		os.Exit(4)
	})},
}

var echoes = []workload.Protocol{workload.Echo}

// serveBytes is an echo that goes wrong after a while.
func serveBytes(wrong func(p []byte)) func(context.Context, workload.Protocol, string, func(string)) error {
	return func(ctx context.Context, _ workload.Protocol, addr string, ready func(string)) error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		ready(ln.Addr().String())
		for {
			c, err := ln.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for total := 0; ; {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if total += n; total > 10_000 {
						wrong(buf[:n])
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
		}
	}
}

func TestMain(m *testing.M) {
	roles := map[string]child.Role{
		load.Role:    load.Child,
		servers.Role: servers.Child(append(servers.All(), bad...)),
	}
	if child.Dispatch(roles) {
		return
	}
	// A program with the race detector otherwise sleeps for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}
