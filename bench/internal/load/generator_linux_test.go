package load

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
)

func generatorFor(t *testing.T, spec Spec) *generator {
	t.Helper()
	counters, file, err := NewCounters()
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	g, err := newGenerator(spec, counters)
	if err != nil {
		t.Fatal(err)
	}
	g.patience = 200 * time.Millisecond
	t.Cleanup(func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
		if err := counters.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// runUntil runs g until so many messages have come back, or it fails.
func runUntil(t *testing.T, g *generator, messages uint64) error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- g.run() }()
	for g.counters.Messages.Load() < messages {
		select {
		case err := <-result:
			return err
		case <-time.After(time.Millisecond):
		}
	}
	g.stopping.Store(true)
	return <-result
}

func TestGeneratorTakesAnHonestEcho(t *testing.T) {
	addr := serverstest.Serve(t, serverstest.Through(func(p []byte, _ int) []byte { return p }))
	for _, spec := range []Spec{
		{Size: 64, Pipeline: 1},
		{Size: 1, Pipeline: 16, First: 5000},
		{Size: 100_000, Pipeline: 4}, // more than the stream's table, and than a receive
	} {
		spec.Addr = addr
		g := generatorFor(t, spec)
		g.patience = 10 * time.Second
		if err := g.open(5); err != nil {
			t.Fatalf("%+v: open: %v", spec, err)
		}
		for range 2 {
			g.stopping.Store(false)
			g.counters.Messages.Store(0)
			if err := runUntil(t, g, 200); err != nil {
				t.Fatalf("%+v: %v", spec, err)
			}
		}
		if c := g.outstanding(); c != nil {
			t.Errorf("%+v: %d bytes are outstanding at the end", spec, c.flying)
		}
	}
}

func TestGeneratorFindsWhatIsWrong(t *testing.T) {
	const late = 5000 // bytes into a connection, so that opening succeeds
	for _, tt := range []struct {
		name   string
		change func(p []byte, at int) []byte
		want   string
	}{
		{"a changed byte", func(p []byte, at int) []byte {
			if at > late {
				p[len(p)-1] ^= 1
			}
			return p
		}, "wrong byte"},
		{"a byte lost", func(p []byte, at int) []byte {
			if at > late {
				return p[1:]
			}
			return p
		}, "wrong byte"},
		{"a byte too many", func(p []byte, at int) []byte {
			if at > late {
				return append(p, 0)
			}
			return p
		}, "came back when"},
		{"silence", func(p []byte, at int) []byte {
			if at > late {
				return []byte{}
			}
			return p
		}, "did not all come back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := generatorFor(t, Spec{Addr: serverstest.Serve(t, serverstest.Through(tt.change)), Size: 64, Pipeline: 1})
			if err := g.open(2); err != nil {
				t.Fatalf("open: %v", err)
			}
			// The silent server is noticed when the generator drains.
			err := runUntil(t, g, 2*(late/64))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestGeneratorFindsAClosedConnection(t *testing.T) {
	addr := serverstest.Serve(t, func(c net.Conn) {
		buf := make([]byte, 64)
		for range 3 {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	})
	g := generatorFor(t, Spec{Addr: addr, Size: 64, Pipeline: 1})
	if err := g.open(1); err != nil {
		t.Fatal(err)
	}
	err := runUntil(t, g, 10)
	if err == nil || !strings.Contains(err.Error(), "closed it") && !strings.Contains(err.Error(), "reset") {
		t.Errorf("error %v, want one that says that the server closed", err)
	}
}

func TestBadSpecs(t *testing.T) {
	for _, spec := range []Spec{
		{Addr: "nowhere", Size: 64, Pipeline: 1},
		{Addr: "[::1]:80", Size: 64, Pipeline: 1},
		{Addr: "127.0.0.1:80", Size: 0, Pipeline: 1},
		{Addr: "127.0.0.1:80", Size: 64, Pipeline: 0},
	} {
		if g, err := newGenerator(spec, nil); err == nil {
			g.close()
			t.Errorf("%+v was accepted", spec)
		}
	}
}

func TestOpenTellsWhoRefuses(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	g := generatorFor(t, Spec{Addr: addr, Size: 64, Pipeline: 1, First: 7})
	err = g.open(1)
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v, want one that names %s and the refusal", err, addr)
	}
}
