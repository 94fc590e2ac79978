package soak

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// probeOf measures a server that treats its connections as serve does, until it has
// done what until waits for.
func probeOf(t *testing.T, serve func(net.Conn), until func(*probe)) *probe {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(nc)
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	p := newProbe(1, func() (*conn, error) { return dial(ctx, place{"tcp", ln.Addr().String()}) })
	ended := make(chan struct{})
	go func() { defer close(ended); p.run(ctx) }()
	until(p)
	cancel()
	<-ended
	return p
}

func TestAProbeMeasuresEchoes(t *testing.T) {
	p := probeOf(t, func(nc net.Conn) { _, _ = io.Copy(nc, nc) }, func(p *probe) {
		var echoes int64
		for echoes < 10 {
			l := p.take()
			if l.Echoes > 0 && (l.P50 <= 0 || l.P99 < l.P50) {
				t.Errorf("took %+v", l)
			}
			echoes += l.Echoes
		}
	})
	if p.lost != 0 {
		t.Errorf("lost %d: %s", p.lost, p.first)
	}
}

// Silence is no speed: what is not answered counts with its age.
func TestASilentServerIsSlow(t *testing.T) {
	const age = 20 * time.Millisecond
	hold := make(chan struct{})
	defer close(hold)
	probeOf(t, func(nc net.Conn) { <-hold }, func(p *probe) {
		l := p.take()
		for end := time.Now().Add(patience); l.P50 < age && time.Now().Before(end); l = p.take() {
			time.Sleep(probeEvery)
		}
		if l.Echoes != 0 || l.P50 < age || l.P99 != l.P50 {
			t.Errorf("took %+v", l)
		}
	})
}

func TestAProbeTellsLosses(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"other bytes": {func(nc net.Conn) {
			p := make([]byte, probeSize)
			for {
				if _, err := io.ReadFull(nc, p); err != nil {
					return
				}
				p[9] ^= 1
				_, _ = nc.Write(p)
			}
		}, "byte 9"},
		"an end": {func(nc net.Conn) { nc.Close() }, ""},
	} {
		lost := func(p *probe) int64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.lost
		}
		p := probeOf(t, c.serve, func(p *probe) {
			for end := time.Now().Add(patience); lost(p) < 2 && time.Now().Before(end); {
				time.Sleep(probeEvery)
			}
		})
		if p.lost < 2 || !strings.Contains(p.first, c.want) {
			t.Errorf("%s: %q, want %q in it", name, p.first, c.want)
		}
	}
}
