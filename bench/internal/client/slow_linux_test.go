package client

// Those that do not read.

import (
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

func TestSlowReaders(t *testing.T) {
	addr := serveLoop(t, loop.HandlerFunc(echo).Protocol())
	g := generatorFor(t, Spec{Addr: addr, Mode: Slow, Conns: 3, SlowConns: 4, Size: 512})
	must(t, "open", g.open())
	for range 2 {
		must(t, "begin", g.begin())
		r := measured(t, g, 200)
		checkResult(t, r, 512)
		if n := r.Extra["slow bytes"]; n <= 0 || n > 4*slowBytes {
			t.Errorf("%v bytes were taken from slow connections, of %d", n, 4*slowBytes)
		}
		finish(t, g)
		if err := g.driver.stuck(); err != nil {
			t.Errorf("at the end %v", err)
		}
	}
}

func TestSlowReadersFindWhatIsWrong(t *testing.T) {
	addr := serverstest.Serve(t, serverstest.Through(func(p []byte, at int) []byte {
		if at > 100_000 {
			p[0] ^= 1
		}
		return p
	}))
	g := generatorFor(t, Spec{Addr: addr, Mode: Slow, Conns: 1, SlowConns: 2, Size: 100})
	must(t, "open", g.open())
	err := g.begin() // which takes until the slow ones stand still
	if err == nil {
		err = untilFault(g)
	}
	if !strings.Contains(err.Error(), "is wrong") {
		t.Errorf("error %v, want that a byte is wrong", err)
	}
}

func TestASlowLoadBeginsWhenAllStandStill(t *testing.T) {
	g := generatorFor(t, Spec{Addr: serverstest.Serve(t, serverstest.Through(func(p []byte, _ int) []byte { return p })), Mode: Slow, Conns: 1, SlowConns: 2, Size: 100})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	first := measured(t, g, 50).Extra["slow bytes"]
	if second := measured(t, g, 50).Extra["slow bytes"]; first <= 0 || second != first {
		t.Errorf("%v bytes were taken from slow connections when it began, and %v later", first, second)
	}
	finish(t, g)
}
