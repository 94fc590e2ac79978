package client

// What goes wrong is named.

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
	"github.com/eddyline/eddyline/loop"
)

func TestFaultsAreNamed(t *testing.T) {
	const late = 5000 // bytes into a connection, so that opening succeeds
	after := func(f func(p []byte) []byte) func([]byte, int) []byte {
		return func(p []byte, at int) []byte {
			if at > late {
				return f(p)
			}
			return p
		}
	}
	for _, tt := range []struct {
		name   string
		change func(p []byte, at int) []byte
		want   []string
	}{
		{"a changed byte", after(func(p []byte) []byte { p[len(p)-1] ^= 1; return p }), []string{"connection ", " byte ", "is wrong: want 0x", "got 0x"}},
		{"a byte lost", after(func(p []byte) []byte { return p[1:] }), []string{"is wrong"}},
		{"a byte too many", after(func(p []byte) []byte { return append(p[:len(p):len(p)], 0) }), []string{"connection ", " byte ", "of its replies"}},
		{"an end", after(func([]byte) []byte { return nil }), []string{"connection ", "bytes of replies: "}},
		{"silence", after(func([]byte) []byte { return []byte{} }), []string{"nothing happened for", "connection ", "want 0x", "got none"}},
	} {
		for _, mode := range []Mode{Closed, Open} {
			t.Run(tt.name+" "+string(mode), func(t *testing.T) {
				spec := Spec{Addr: serverstest.Serve(t, serverstest.Through(tt.change)), Mode: mode, Conns: 2, Size: 64}
				if mode == Open {
					spec.Rate = 50_000
				}
				g := generatorFor(t, spec)
				must(t, "open", g.open())
				if tt.name == "silence" {
					g.patience = 100 * time.Millisecond
				}
				must(t, "begin", g.begin())
				err := untilFault(g)
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want one with %q", err, want)
					}
				}
				if again := g.begin(); again == nil || again.Error() != err.Error() {
					t.Errorf("later the error is %v, before it was %v", again, err)
				}
			})
		}
	}
}

func TestOpenTellsWhoIsNotAnswered(t *testing.T) {
	mute := loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil }).Protocol()
	for _, spec := range []Spec{
		{Mode: Closed, Conns: 1, Size: 8},
		{Mode: Closed, IdleConns: 1, Size: 8},
		{Mode: Open, Conns: 1, Size: 8, Rate: 1},
		{Mode: Churn, Conns: 1, Size: 8},
		{Mode: Fanout, Conns: 1, Size: 8},
		{Mode: Slow, Conns: 1, SlowConns: 1, Size: 8},
		{Mode: Datagrams, Conns: 1, Size: 8},
	} {
		spec.Addr = serveLoop(t, mute)
		if spec.Mode == Datagrams {
			spec.Addr = servePackets(t, func([]byte, int) [][]byte { return nil })
		}
		g := generatorFor(t, spec)
		g.patience = 100 * time.Millisecond
		err := g.open()
		if err == nil || !strings.Contains(err.Error(), "connection 0") {
			t.Errorf("%s: error %v, want one that names the connection", spec.Mode, err)
		}
	}
}

func TestOpenTellsWhoRefuses(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, "listen", err)
	addr := ln.Addr().String()
	ln.Close()
	for _, spec := range []Spec{
		{Mode: Closed, Conns: 1, Size: 1},
		{Mode: Open, Conns: 1, Size: 1, Rate: 1},
		{Mode: Churn, Conns: 1, Size: 1},
		{Mode: Fanout, Conns: 1, Size: 1},
		{Mode: Bulk, Conns: 1, Size: 1},
		{Mode: Slow, Conns: 1, SlowConns: 1, Size: 1},
		{Mode: Datagrams, Conns: 1, Size: 8},
	} {
		spec.Addr = addr
		err := generatorFor(t, spec).open()
		if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: error %v, want one that names %s and the refusal", spec.Mode, err, addr)
		}
	}
}
