package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var goodDemo = regexp.MustCompile(`(?s)^listening on [^\n]+
.*
connections    50 of 50
messages       [0-9,]+ in [0-9.]+ s
bytes          [0-9.]+ [KMG]?i?B each way
throughput     [0-9,]+ messages/s, [0-9.]+ [KMG]?i?B/s each way
latency        p50 [^ ]+, p99 [^ ]+, p99.9 [^ ]+, max [^ ]+
(server CPU     [^ ]+ per message, [0-9.]+ processors busy
)?(server memory  [0-9.]+ [KM]?i?B per idle connection, [0-9.]+ [KM]?i?B at the peak of the load
)?outcome        every byte of every connection came back in order
$`)

func TestDemo(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "echo.sock")} {
		p := start(t, "-demo", "-conns", "50", "-time", "300ms", "-addr", addr)
		if out, status := p.wait(); status != exitOK || !goodDemo.MatchString(out) {
			t.Errorf("%s: exit status %d, output\n%s%s", addr, status, out, &p.errors)
		}
	}
}

func TestDemoTakesFewerConnectionsWhereDescriptorsAreFew(t *testing.T) {
	p := startCommand(t, "sh", "-c", `ulimit -n 100 && exec "$0" "$@"`, self(t), "-demo", "-conns", "50", "-time", "50ms")
	p.expect(exitOK, "descriptors here", "connections instead of 50", "came back in order")
}

func TestDemoInterruptedUnderLoadSaysWhatItHas(t *testing.T) {
	p := start(t, "-demo", "-conns", "50", "-time", "1h")
	p.line("sending")
	p.signal(os.Interrupt)
	p.expect(exitFailed, "interrupted after", "every byte that was sent until then came back in order", "connections    50 of 50")
}

// newDemo is a demo against target, which is before a server of its own.
func newDemo(t *testing.T, o options) *demo {
	t.Helper()
	t.Setenv(asProgram, "1") // for the client, which is this binary
	s, err := startServer(address{"tcp", "127.0.0.1:0"}, 1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.drain(); err != nil {
			t.Error(err)
		}
	})
	return &demo{opts: o, server: s, target: s.addr, screen: newScreen(io.Discard)}
}

func TestDemoInterruptedWhileConnectingSaysWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := newDemo(t, options{conns: 50, time: time.Hour, drain: time.Hour}).run(ctx)
	if r != nil || err == nil || !strings.Contains(err.Error(), "interrupted while connecting: ") {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestDemoAgainstNobodySaysWhy(t *testing.T) {
	d := newDemo(t, options{conns: 50, time: 100 * time.Millisecond, drain: time.Hour})
	d.target.address = "127.0.0.1:1"
	r, err := d.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := table(r); r.verdict() == nil || !strings.Contains(got, "50 of 50 connections failed") || !strings.Contains(got, "refused") {
		t.Errorf("verdict %v, table\n%s", r.verdict(), got)
	}
}

// killer kills the client when progress of a stage is shown.
type killer struct {
	d     *demo
	stage string
}

func (k killer) Write(line []byte) (int, error) {
	if strings.HasPrefix(string(line), k.stage) {
		_ = k.d.client.cmd.Process.Kill()
	}
	return len(line), nil
}

func TestDemoSaysThatItsClientHasDied(t *testing.T) {
	d := newDemo(t, options{conns: 50, time: time.Hour, drain: time.Hour})
	d.screen = newScreen(killer{d, doing[loading]})
	_, err := d.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), errClientEnded.Error()) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
}
