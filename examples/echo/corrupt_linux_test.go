package main

// -demo with something between client and server that spoils one connection.
// Linux only, where the source address tells which one it is.

import (
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// victim is the connection that is spoilt.
const victim = 7

// A spoiler passes on what the server sends to the victim, not quite.
type spoiler func(client *net.TCPConn, server io.Reader)

// proxy passes connections on to target.
type proxy struct {
	ln     net.Listener
	target string
	spoil  spoiler
	conns  sync.WaitGroup
}

func startProxy(t *testing.T, target string, spoil spoiler) address {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, target: target, spoil: spoil}
	p.conns.Go(p.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		p.conns.Wait()
	})
	return address{"tcp", ln.Addr().String()}
}

func (p *proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.conns.Go(func() { p.pass(c.(*net.TCPConn)) })
	}
}

func (p *proxy) pass(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.conns.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	peer := netip.MustParseAddrPort(client.RemoteAddr().String()).Addr()
	if peer == source(victim).AddrPort().Addr() {
		p.spoil(client, server)
		return
	}
	_, _ = io.Copy(client, server)
}

func TestDemoNamesTheConnectionThatIsSpoilt(t *testing.T) {
	// What the victim sends first is known; it is long enough to be spoilt within.
	first := newSession(&worker{client: &client{}}, victim)
	size := int64(first.sizes.next())
	if size < 100 {
		t.Fatalf("connection %d sends only %d bytes first: choose another victim", victim, size)
	}
	middle := size / 2
	tests := []struct {
		name  string
		spoil spoiler
		want  string
	}{
		{"byte changed", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.CopyN(c, s, middle)
			b := []byte{0}
			_, _ = io.ReadFull(s, b)
			b[0] ^= 0x10
			_, _ = c.Write(b)
			_, _ = io.Copy(c, s)
		}, `the byte at offset MIDDLE came back as 0x`},
		{"byte lost", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.CopyN(c, s, middle)
			_, _ = io.CopyN(io.Discard, s, 1)
			_, _ = io.Copy(c, s)
		}, `the byte at offset MIDDLE came back as 0x`},
		{"last byte lost", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.CopyN(c, s, size-1)
			_, _ = io.CopyN(io.Discard, s, 1)
			_, _ = io.Copy(c, s)
		}, `the server ended it at offset LAST with 1 bytes still owed`},
		{"byte added", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.CopyN(c, s, middle)
			_, _ = c.Write([]byte{0})
			_, _ = io.Copy(c, s)
		}, `the byte at offset MIDDLE came back as 0x`},
		{"byte added at the end", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.Copy(c, s)
			_, _ = c.Write([]byte{0})
		}, `at offset \d+ came 1 bytes more than were sent`},
		{"ended early", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.CopyN(c, s, middle)
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, s)
		}, `the server ended it at offset MIDDLE with \d+ bytes still owed`},
		{"reset", func(c *net.TCPConn, s io.Reader) {
			_, _ = io.CopyN(c, s, middle)
			_ = c.SetLinger(0)
		}, `.*connection reset by peer`},
	}
	offsets := strings.NewReplacer("MIDDLE", strconv.FormatInt(middle, 10), "LAST", strconv.FormatInt(size-1, 10))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDemo(t, options{conns: 20, time: 100 * time.Millisecond, drain: 500 * time.Millisecond})
			d.target = startProxy(t, d.server.addr.address, test.spoil)
			r, err := d.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.verdict() == nil {
				t.Error("the verdict is a good one")
			}
			want := regexp.MustCompile(`\n +connection 7: ` + offsets.Replace(test.want))
			if got := table(r); !want.MatchString(got) {
				t.Errorf("want %s in\n%s", want, got)
			}
		})
	}
}
