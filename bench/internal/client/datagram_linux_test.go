package client

// Datagrams, with servers that lose, keep back, double and change them.

import (
	"bytes"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// servePackets answers every datagram with those that answer makes of it, and
// returns the address. answer is told how many came before.
func servePackets(t *testing.T, answer func(p []byte, n int) [][]byte) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, "listen", err)
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 1<<16)
		for n := 0; ; n++ {
			k, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, p := range answer(buf[:k], n) {
				_, _ = c.WriteToUDPAddrPort(p, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

func back(p []byte, _ int) [][]byte { return [][]byte{p} }

func TestDatagramsTakeAnHonestEcho(t *testing.T) {
	var received atomic.Uint64
	addr := servePackets(t, func(p []byte, n int) [][]byte {
		received.Add(1)
		return back(p, n)
	})
	for _, spec := range []Spec{
		{Conns: 5, Size: 64},
		{Conns: 1, Size: stamp},
		{Conns: 3, Size: 1000, Pipeline: 16},
		{Conns: 2, Size: maxDatagram},
	} {
		spec.Addr, spec.Mode = addr, Datagrams
		g := generatorFor(t, spec)
		must(t, "open", g.open())
		for range 2 {
			before := received.Load()
			must(t, "begin", g.begin())
			r := measured(t, g, 20)
			checkResult(t, r, spec.Size)
			total := finish(t, g)
			if n := received.Load() - before; total.Requests > n || total.Requests+r.Lost < n {
				t.Errorf("%+v: %d requests in all, %d lost in a window; the server received %d", spec, total.Requests, r.Lost, n)
			}
			// What was on its way when the first window began was sent before it.
			if before := uint64(g.spec.Conns * g.spec.Pipeline); r.Datagrams+before < r.Requests {
				t.Errorf("%+v: %d sent and at most %d before, %d came back", spec, r.Datagrams, before, r.Requests)
			}
			if err := g.driver.stuck(); err != nil {
				t.Errorf("%+v: at the end %v", spec, err)
			}
		}
	}
}

func TestLostDatagramsAreCountedAndSentAgain(t *testing.T) {
	addr := servePackets(t, func(p []byte, n int) [][]byte {
		if n%100 == 50 {
			return nil
		}
		return back(p, n)
	})
	g := generatorFor(t, Spec{Addr: addr, Mode: Datagrams, Conns: 2, Size: 32, Pipeline: 2})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	r := measured(t, g, 500)
	for r.Lost == 0 {
		var err error
		r, err = Sum(r, measured(t, g, 1))
		must(t, "sum", err)
	}
	if r.Latency.Max < int64(lostAfter) {
		t.Errorf("the longest latency is %d ns: what was lost does not count from when it first was due", r.Latency.Max)
	}
	finish(t, g)
}

func TestBelatedDatagramsAreNotLost(t *testing.T) {
	var kept []byte
	addr := servePackets(t, func(p []byte, n int) [][]byte {
		switch n {
		case 10:
			kept = bytes.Clone(p)
			return nil
		case 11: // what is sent instead
			return [][]byte{kept, p}
		}
		return back(p, n)
	})
	g := generatorFor(t, Spec{Addr: addr, Mode: Datagrams, Conns: 1, Size: 32})
	must(t, "open", g.open())
	onLoop(t, g, g.startWindow)
	must(t, "begin", g.begin())
	await(func() bool { return g.progress() > 50*32 })
	finish(t, g)
	w := ended(t, g)
	if w.Overdue != 1 || w.Belated != 1 {
		t.Errorf("%d given up, %d came late; want 1 of each", w.Overdue, w.Belated)
	}
	r, err := describe([]window{w})
	must(t, "describe", err)
	if r.Lost != 0 || r.Extra["belated"] != 1 || r.Latency.Max < int64(lostAfter) {
		t.Errorf("%d lost, %v, longest latency %d ns", r.Lost, r.Extra, r.Latency.Max)
	}
}

func TestFaultyDatagramsAreNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(p []byte, n int) [][]byte
		want   string
	}{
		"changed":  {func(p []byte, _ int) [][]byte { p[len(p)-1] ^= 1; return [][]byte{p} }, "byte 31 of 32 is wrong"},
		"cut":      {func(p []byte, _ int) [][]byte { return [][]byte{p[1:]} }, "came back with 31"},
		"extended": {func(p []byte, _ int) [][]byte { return [][]byte{append(p, 0)} }, "came back with 33"},
		"doubled":  {func(p []byte, _ int) [][]byte { return [][]byte{p, p} }, "came back twice"},
	} {
		t.Run(name, func(t *testing.T) {
			faulty := func(p []byte, n int) [][]byte {
				if n < 10 {
					return back(p, n)
				}
				return tt.answer(p, n)
			}
			g := generatorFor(t, Spec{Addr: servePackets(t, faulty), Mode: Datagrams, Conns: 2, Size: 32})
			must(t, "open", g.open())
			must(t, "begin", g.begin())
			if err := untilFault(g); !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "connection ") {
				t.Errorf("error %v, want one with %q and the connection", err, tt.want)
			}
		})
	}
}
