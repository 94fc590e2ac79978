package client

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/child/childtest"
	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

func TestMain(m *testing.M) {
	childtest.Main(m, map[string]child.Role{Role: Child})
}

func start(t *testing.T, spec Spec) *Client {
	t.Helper()
	c, err := Start(spec, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

func TestAClientOfItsOwn(t *testing.T) {
	addr := serveLoop(t, loop.HandlerFunc(echo).Protocol())
	// More than the environment can hold, and than the pipe.
	long := bytes.Repeat([]byte("long "), 50_000)
	c := start(t, Spec{Addr: addr, Mode: Closed, Conns: 2, Request: Request{Exchange: Exchange{long, long}}})
	must(t, "open", c.Open())
	for range 2 {
		must(t, "begin", c.Begin())
		var r Result
		for r.Requests == 0 {
			var err error
			r, err = c.Measure(20 * time.Millisecond)
			must(t, "measure", err)
		}
		checkResult(t, r, len(long))
		total, err := c.Finish()
		must(t, "finish", err)
		if total.Requests < r.Requests || total.Bytes != total.Requests*uint64(len(long)) || total.Seconds < r.Seconds {
			t.Errorf("in all %+v, of which %+v in one window", total, r)
		}
	}
	if _, err := c.Measure(0); err == nil {
		t.Error("a window without length was measured")
	}
	must(t, "stop", c.Stop())
}

func TestAClientReportsFaults(t *testing.T) {
	addr := serverstest.Serve(t, serverstest.Through(func(p []byte, at int) []byte {
		if at > 0 {
			p[0] ^= 1
		}
		return p
	}))
	c := start(t, Spec{Addr: addr, Mode: Closed, Conns: 1, Size: 64})
	must(t, "open", c.Open())
	must(t, "begin", c.Begin())
	_, err := c.Finish()
	for _, want := range []string{"load generator finish", addr, "connection 0, byte 64 of its replies is wrong"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	must(t, "stop", c.Stop())
}

func TestABadSpecDoesNotStart(t *testing.T) {
	if _, err := Start(Spec{Mode: Closed}, -1, 0); err == nil {
		t.Error("an empty Spec was accepted")
	}
}
