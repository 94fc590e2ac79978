package client

// One way.

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

func TestBulk(t *testing.T) {
	var received atomic.Uint64
	addr := serveLoop(t, loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) {
		received.Add(uint64(len(in)))
		return len(in), nil
	}).Protocol())
	g := generatorFor(t, Spec{Addr: addr, Mode: Bulk, Conns: 3, Size: 1000})
	must(t, "open", g.open())
	for range 2 {
		must(t, "begin", g.begin())
		r := measured(t, g, 1000)
		total := finish(t, g)
		if total.Requests < r.Requests || total.Bytes/1000 != total.Requests {
			t.Errorf("in all %+v, in windows %d", total, r.Requests)
		}
		if r.Latency != nil || r.Bytes/1000+uint64(len(r.windows)) < r.Requests || r.Bytes > g.engine.Stats().BytesOut {
			t.Errorf("%+v", r)
		}
	}
	if err := g.driver.stuck(); err != nil {
		t.Error(err)
	}
	sent := g.engine.Stats().BytesOut
	await(func() bool { return received.Load() == sent }) // its kernel has them
}

func TestBulkRefusesAnEcho(t *testing.T) {
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Bulk, Conns: 1, Size: 1000})
	must(t, "open", g.open())
	g.patience = 100 * time.Millisecond
	must(t, "begin", g.begin())
	// It is noticed by what it sends, or by both sides waiting for each other.
	if err := untilFault(g); !strings.Contains(err.Error(), "want no reply") && !strings.Contains(err.Error(), "bytes are left") {
		t.Errorf("error %v, want that there must be no reply, or that not all was taken", err)
	}
}
