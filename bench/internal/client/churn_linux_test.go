package client

// Connections that live for one message.

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

func TestChurn(t *testing.T) {
	var opened, closed, failed atomic.Uint64
	addr := serveLoop(t, func(*loop.Conn) loop.Handler {
		opened.Add(1)
		return &witness{&closed, &failed}
	})
	for _, size := range []int{1, 100_000} {
		opened.Store(0)
		closed.Store(0)
		failed.Store(0)
		g, err := newGenerator(Spec{Addr: addr, Mode: Churn, Conns: 4, Size: size, IdleConns: 2})
		must(t, "new", err)
		must(t, "open", g.open())
		if n := opened.Load(); n != 4+2 {
			t.Errorf("%d connections were opened, want 6", n)
		}
		must(t, "begin", g.begin())
		r := measured(t, g, 30)
		checkResult(t, r, size)
		finish(t, g)
		if n := opened.Load(); n < r.Requests {
			t.Errorf("%d connections for %d requests", n, r.Requests)
		}
		// All but the idle ones end with a FIN, of which the server may hear later.
		await(func() bool { return closed.Load()+failed.Load() == opened.Load()-2 })
		if n := failed.Load(); n > 0 {
			t.Errorf("%d connections did not end in order", n)
		}
		must(t, "close", g.close())
		await(func() bool { return closed.Load()+failed.Load() == opened.Load() })
		if n := failed.Load(); n != 2 {
			t.Errorf("%d idle connections were reset, want 2", n)
		}
	}
}

// witness is an echo that counts how connections end.
type witness struct{ closed, failed *atomic.Uint64 }

func (h *witness) OnData(c *loop.Conn, in []byte) (int, error) { return c.Write(in) }

func (h *witness) OnClose(_ *loop.Conn, err error) {
	if err == nil {
		h.closed.Add(1)
	} else {
		h.failed.Add(1)
	}
}

func TestChurnFindsAShortEcho(t *testing.T) {
	addr := serverstest.Serve(t, func(c net.Conn) {
		buf := make([]byte, 64)
		n, _ := c.Read(buf)
		c.Write(buf[:n-1])
	})
	err := generatorFor(t, Spec{Addr: addr, Mode: Churn, Conns: 1, Size: 64}).open()
	if err == nil || !strings.Contains(err.Error(), "connection 0, after 63 bytes of replies") {
		t.Errorf("error %v, want one that says how much came", err)
	}
}
