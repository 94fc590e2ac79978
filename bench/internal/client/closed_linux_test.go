package client

// The closed loop, with echoes and with fixed requests.

import (
	"bytes"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

func TestClosedLoopTakesAnHonestEcho(t *testing.T) {
	var received atomic.Uint64
	addr := serveLoop(t, loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		received.Add(uint64(len(in)))
		return c.Write(in)
	}).Protocol())
	for _, spec := range []Spec{
		{Conns: 5, Size: 64},
		{Conns: 3, Size: 1, Pipeline: 16, IdleConns: 7},
		{Conns: 2, Size: 100_000, Pipeline: 4}, // more than the pattern's table, and than a receive
		{Conns: 1, Size: 1 << 20, Pipeline: 4}, // more than is written at one time
	} {
		spec.Addr, spec.Mode = addr, Closed
		received.Store(0)
		g := generatorFor(t, spec)
		must(t, "open", g.open())
		want := uint64(spec.Conns+spec.IdleConns) * uint64(spec.Size)
		if n := received.Load(); n != want {
			t.Errorf("%+v: the server received %d bytes while opening, want %d", spec, n, want)
		}
		counted := uint64(0)
		for range 2 {
			must(t, "begin", g.begin())
			r := measured(t, g, 20)
			checkResult(t, r, spec.Size)
			counted += r.Requests
			finish(t, g)
			if c := stuckConn(g.driver.(*closedLoop).conns); c != nil {
				t.Errorf("%+v: at the end %v", spec, c)
			}
		}
		if n := received.Load(); n < counted*uint64(spec.Size) || n%uint64(spec.Size) != 0 {
			t.Errorf("%+v: the server received %d bytes, %d requests were counted", spec, n, counted)
		}
	}
}

// A generator that has nothing to do counts its polling apart from its work.
func TestSpinningIsNoWork(t *testing.T) {
	addr := serveLoop(t, loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		return c.Write(in)
	}).Protocol())
	for _, spins := range []bool{false, true} {
		g := generatorFor(t, Spec{Addr: addr, Mode: Closed, Conns: 1, Size: 1, Spin: spins})
		must(t, "open", g.open())
		must(t, "begin", g.begin())
		r := measured(t, g, 20)
		finish(t, g)
		if spun := r.Spun > 0; spun != spins || r.Spun.Seconds() > r.Seconds {
			t.Errorf("Spin is %v: %v of %v s spun", spins, r.Spun, r.Seconds)
		}
		if all := r.CPU.Seconds() / r.Seconds; spins != (r.Busy < 0.999*all) {
			t.Errorf("Spin is %v: busy for %v, and with its polling for %v, of %v s", spins, r.Busy, all, r.Seconds)
		}
	}
}

func TestFixedRequests(t *testing.T) {
	response := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nhi")
	other := bytes.Replace(response, []byte("Thu, 01 Jan 1970 00:00:00 GMT"), []byte("Fri, 30 Feb 2024 12:34:56 GMT"), 1)
	for _, tt := range []struct {
		name    string
		request Request
		answers []string // by turns, after the opening's
		opening string
		wrong   string
	}{
		{name: "ping", request: Ping(), answers: []string{"+PONG\r\n"}},
		{name: "set", request: Set("k", "v"), answers: []string{"+OK\r\n"}},
		{name: "get", request: Get("k", "value"), opening: "+OK\r\n", answers: []string{"$5\r\nvalue\r\n"}},
		{name: "get of another", request: Get("k", "value"), opening: "+OK\r\n", answers: []string{"$5\r\nvalve\r\n"}, wrong: "want 0x75, got 0x76"},
		{name: "date", request: HTTPGet("/", response), answers: []string{string(response), string(other)}},
		{name: "body", request: HTTPGet("/", response), answers: []string{string(response[:len(response)-1]) + "!"}, wrong: "want 0x69, got 0x21"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := serverstest.Serve(t, func(c net.Conn) {
				send, buf, n := []byte(nil), make([]byte, 4096), 0
				if tt.opening != "" {
					send = tt.request.Opening.Send
				} else {
					send = tt.request.Send
				}
				got := 0
				for {
					k, err := c.Read(buf)
					if err != nil {
						return
					}
					for got += k; got >= len(send); n++ {
						got -= len(send)
						answer := tt.answers[n%len(tt.answers)]
						if n == 0 && tt.opening != "" {
							answer, send = tt.opening, tt.request.Send
						}
						// Two pieces, so that replies come in parts.
						if _, err := c.Write([]byte(answer[:3])); err != nil {
							return
						}
						if _, err := c.Write([]byte(answer[3:])); err != nil {
							return
						}
					}
				}
			})
			g := generatorFor(t, Spec{Addr: addr, Mode: Closed, Conns: 2, Pipeline: 3, Request: tt.request})
			err := g.open()
			if err == nil {
				must(t, "begin", g.begin())
				if tt.wrong == "" {
					checkResult(t, measured(t, g, 20), len(tt.request.Want))
				}
				_, err = g.finish()
			}
			if tt.wrong == "" {
				must(t, "finish", err)
			} else if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("error %v, want one with %q", err, tt.wrong)
			}
		})
	}
}
