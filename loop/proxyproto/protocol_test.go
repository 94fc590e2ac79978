//go:build unix

package proxyproto_test

// The protocol on real connections: who is believed, when the handler is made and what it
// sees, and how connections without a header end.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/proxyproto"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server runs an engine with a protocol under test.
type server struct {
	t       *testing.T
	engine  *loop.Engine
	address net.Addr
	heard   chan string // what callbacks and Refused report, in order
}

// serve listens with cfg in front of session until the test ends.
func serve(t *testing.T, network, address string, cfg proxyproto.Config, session func(s *server, c *loop.Conn, h proxyproto.Header) loop.Handler) *server {
	t.Helper()
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, engine: e, heard: make(chan string, 100)}
	cfg.Refused = func(_ *loop.Conn, err error) { s.heard <- "refused: " + s.name(err) }
	ln, err := e.Listen(loop.ListenConfig{}, network, address, cfg.Protocol(func(c *loop.Conn, h proxyproto.Header) loop.Handler {
		return session(s, c, h)
	}))
	if err != nil {
		t.Fatal(err)
	}
	s.address = ln.Addr()
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), <-ran); err != nil {
			t.Error(err)
		}
	})
	return s
}

// name is the error that is to be matched, as a word.
func (s *server) name(err error) string {
	for name, want := range map[string]error{
		"header": proxyproto.ErrHeader, "too long": proxyproto.ErrTooLong, "untrusted": proxyproto.ErrUntrusted,
		"deadline": os.ErrDeadlineExceeded, "EOF": io.ErrUnexpectedEOF, "no handler": loop.ErrRefused,
		"panic": loop.ErrPanic, "aborted": loop.ErrAborted, "own": errOwn,
	} {
		if errors.Is(err, want) {
			return name
		}
	}
	return fmt.Sprint(err)
}

var errOwn = errors.New("an error of the handler's own")

func (s *server) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial(s.address.Network(), strings.TrimPrefix(s.address.String(), "unix:"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// expect waits for what the callbacks report.
func (s *server) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		select {
		case got := <-s.heard:
			if got != w {
				s.t.Fatalf("%q, want %q", got, w)
			}
		case <-time.After(patience):
			s.t.Fatalf("waited in vain for %q", w)
		}
	}
}

// echo is a session that reports its callbacks and sends all input back.
type echo struct {
	s    *server
	open error
}

func (e *echo) OnOpen(*loop.Conn) error { e.s.heard <- "open"; return e.open }
func (e *echo) OnData(c *loop.Conn, in []byte) (int, error) {
	_, err := c.Write(in)
	return len(in), err
}
func (e *echo) OnClose(_ *loop.Conn, err error) { e.s.heard <- "close: " + e.s.name(err) }

// sessions makes an echo and reports the client.
func sessions(s *server, _ *loop.Conn, h proxyproto.Header) loop.Handler {
	s.heard <- fmt.Sprint("client ", h.Source)
	return &echo{s: s}
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

const line = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"

func TestTheHandlerFollowsTheHeader(t *testing.T) {
	for _, tc := range []struct{ name, header, client string }{
		{"1", line, "192.0.2.1:56324"},
		{"2", binaryHeader(0x21, 0x11, ipv4), "192.0.2.1:56324"},
		{"local", binaryHeader(0x20, 0x00, ""), "?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{}, sessions)
			together := s.dial()
			send(t, together, tc.header+"with the header")
			receive(t, together, "with the header")
			s.expect("client "+tc.client, "open")
			send(t, together, "later")
			receive(t, together, "later")
			together.Close()
			s.expect("close: <nil>")

			pieces := s.dial()
			for i := range tc.header {
				send(t, pieces, tc.header[i:i+1])
			}
			s.expect("client "+tc.client, "open")
			send(t, pieces, "after it")
			receive(t, pieces, "after it")
		})
	}
}

// The peer may end its output right behind the header.
func TestTheEndBehindTheHeaderIsTheHandlers(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{}, sessions)
	c := s.dial()
	send(t, c, line+"last")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); string(got) != "last" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	s.expect("client 192.0.2.1:56324", "open", "close: <nil>")
}

func TestConnectionsWithoutAHeaderAreRefused(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{Max: 64}, sessions)
	for _, tc := range []struct{ name, text, cause string }{
		{"another protocol", "GET / HTTP/1.1\r\n\r\n", "header"},
		{"malformed", "PROXY TCP4\r\n", "header"},
		{"too long, as soon as that is known", binaryHeader(0x21, 0x11, ipv4+strings.Repeat("x", 60))[:16], "too long"},
		{"the end within it", line[:10], "EOF"},
		{"the end before it", "", "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := s.dial()
			send(t, c, tc.text)
			if tc.cause == "EOF" {
				if err := c.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			s.expect("refused: " + tc.cause)
		})
	}
}

func TestAHeaderThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{Timeout: time.Millisecond}, sessions)
	c := s.dial()
	send(t, c, line[:20])
	s.expect("refused: deadline")
}

// The header's limit ends with it: a session under none stays, even if it never says a
// word, and one with a deadline of its own keeps that.
func TestTheHeadersLimitEndsWithIt(t *testing.T) {
	const limit = 50 * time.Millisecond
	s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{Timeout: limit}, func(s *server, c *loop.Conn, _ proxyproto.Header) loop.Handler {
		c.Loop().AfterFunc(4*limit, func() { s.heard <- "four times the limit" })
		return &echo{s: s}
	})
	c := s.dial()
	send(t, c, line)
	s.expect("open", "four times the limit")
	send(t, c, "still here")
	receive(t, c, "still here")
}

func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, tc := range []struct {
		name    string
		trusted []netip.Prefix
		want    []string
	}{
		{"the default", nil, []string{"client 192.0.2.1:56324", "open"}},
		{"one of several", append(elsewhere, netip.MustParsePrefix("127.0.0.1/32")), []string{"client 192.0.2.1:56324", "open"}},
		{"elsewhere", elsewhere, []string{"refused: untrusted"}},
		{"nobody", []netip.Prefix{}, []string{"refused: untrusted"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{Trusted: tc.trusted}, sessions)
			c := s.dial()
			_, _ = io.WriteString(c, line) // which a refusal may overtake
			s.expect(tc.want...)
		})
	}
}

func TestUnixSocketsAreTrusted(t *testing.T) {
	s := serve(t, "unix", filepath.Join(t.TempDir(), "s"), proxyproto.Config{Trusted: []netip.Prefix{}}, sessions)
	c := s.dial()
	send(t, c, line+"hello")
	receive(t, c, "hello")
	s.expect("client 192.0.2.1:56324", "open")
}

// Whatever next does, one of Refused and OnClose hears of the end, once.
func TestEveryEndIsToldOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		next func(s *server, c *loop.Conn, h proxyproto.Header) loop.Handler
		want []string
	}{
		{"no handler", func(*server, *loop.Conn, proxyproto.Header) loop.Handler { return nil }, []string{"refused: no handler"}},
		{"a panic", func(*server, *loop.Conn, proxyproto.Header) loop.Handler { panic("next") }, []string{"refused: panic"}},
		{"an error of OnOpen", func(s *server, _ *loop.Conn, _ proxyproto.Header) loop.Handler {
			return &echo{s: s, open: errOwn}
		}, []string{"open", "close: own"}},
		{"Close", func(s *server, c *loop.Conn, _ proxyproto.Header) loop.Handler {
			if err := c.Close(); err != nil {
				s.t.Error(err)
			}
			return &echo{s: s}
		}, []string{"open", "close: <nil>"}},
		{"Abort", func(s *server, c *loop.Conn, _ proxyproto.Header) loop.Handler {
			c.Abort()
			return &echo{s: s}
		}, []string{"open", "close: aborted"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{}, tc.next)
			c := s.dial()
			send(t, c, line)
			_, _ = io.ReadAll(c) // a reset is an end too
			s.expect(tc.want...)
			if err := s.engine.Close(); err != nil {
				t.Fatal(err)
			}
			if len(s.heard) > 0 {
				t.Errorf("and then %q", <-s.heard)
			}
		})
	}
}

// A connection that waits for its header does not hold a shutdown up.
func TestShutdownDoesNotWaitForHeaders(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0", proxyproto.Config{Timeout: -1}, sessions)
	c := s.dial()
	send(t, c, line[:5])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for s.engine.Stats().BytesIn < 5 {
		if ctx.Err() != nil {
			t.Fatal("nothing was received")
		}
		runtime.Gosched()
	}
	done := make(chan error, 1)
	go func() { done <- s.engine.Shutdown(ctx) }()
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	c.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
