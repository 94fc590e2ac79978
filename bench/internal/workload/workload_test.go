package workload

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

// responder returns the responder of a new connection of a new server.
func responder(t testing.TB, p Protocol) Responder {
	t.Helper()
	connect, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return connect()
}

// converse gives r the input in pieces of so many bytes, as a connection would,
// until the first error.
func converse(t testing.TB, r Responder, input []byte, piece int) (reply []byte, unused int, err error) {
	t.Helper()
	var pending []byte
	for len(input) > 0 && err == nil {
		n := min(piece, len(input))
		pending = append(pending, input[:n]...)
		input = input[n:]
		before := bytes.Clone(reply)
		var used int
		// What is not consumed must not be needed again, nor changed in place.
		in := bytes.Clone(pending)
		used, reply, err = r(in, reply)
		if used < 0 || used > len(in) {
			t.Fatalf("used %d of %d bytes", used, len(in))
		}
		if !bytes.HasPrefix(reply, before) {
			t.Fatalf("the reply before is not kept")
		}
		clear(in)
		pending = pending[used:]
	}
	return reply, len(pending), err
}

func TestEveryProtocolIsKnown(t *testing.T) {
	for _, p := range Protocols {
		if got, err := Lookup(string(p)); err != nil || got != p {
			t.Errorf("Lookup(%q) = %q, %v", p, got, err)
		}
		_, err := New(p)
		if answers := !slices.Contains([]Protocol{Fanout, UDPEcho}, p); (err == nil) != answers {
			t.Errorf("New(%q): error %v", p, err)
		}
	}
}

func TestAnUnknownProtocolNamesTheKnownOnes(t *testing.T) {
	_, err1 := Lookup("gopher")
	_, err2 := New("gopher")
	for _, err := range []error{err1, err2} {
		if err == nil || !strings.Contains(err.Error(), `"gopher"`) || !strings.Contains(err.Error(), "echo, http, redis, discard, fanout, udp") {
			t.Errorf("error %v", err)
		}
	}
}

func TestEchoAndDiscard(t *testing.T) {
	for p, want := range map[Protocol]string{Echo: "before, hello", Discard: "before, "} {
		used, out, err := responder(t, p)([]byte("hello"), []byte("before, "))
		if used != 5 || string(out) != want || err != nil {
			t.Errorf("%s: used %d, out %q, error %v", p, used, out, err)
		}
	}
}

// exchange is a test of input and the reply to it.
type exchange struct {
	name   string
	in     string
	out    string
	err    error
	unused int
}

// check runs an exchange, with the input whole and in all small pieces.
func (x exchange) check(t *testing.T, p Protocol, normal func([]byte) string) {
	t.Helper()
	for piece := len(x.in); piece > 0; piece = min(piece-1, 7) {
		reply, unused, err := converse(t, responder(t, p), []byte(x.in), piece)
		if got := normal(reply); got != x.out {
			t.Errorf("in pieces of %d: reply %q, want %q", piece, got, x.out)
		}
		if err != x.err {
			t.Errorf("in pieces of %d: error %v, want %v", piece, err, x.err)
		}
		if err == nil && unused != x.unused {
			t.Errorf("in pieces of %d: %d bytes unused, want %d", piece, unused, x.unused)
		}
	}
}

var big = strings.Repeat("x", maxRequest)

func TestRequestsThatAreTooLongAreNotWaitedFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Protocol
		in   string
		err  error
	}{
		{"request line", HTTP, "GET /" + big, errHead},
		{"header field", HTTP, "GET / HTTP/1.1\r\nHost: " + big, errHead},
		{"body", HTTP, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 524288\r\n\r\n", errBody},
		{"huge body", HTTP, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", errBody},
		{"inline command", Redis, big, errInline},
		{"bulk string", Redis, "*1\r\n$524289\r\n", errBulk},
		{"bulk strings", Redis, "*3\r\n$524288\r\n" + big + "\r\n$524288\r\n", errLong},
		{"words", Redis, "*1025\r\n", errCount},
		{"number", Redis, "*0000000000000", errCount},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := responder(t, tt.p)([]byte(tt.in), nil)
			if err == io.EOF || !isOrWraps(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
		})
	}
}

func isOrWraps(err, want error) bool {
	return err != nil && strings.HasSuffix(err.Error(), want.Error())
}
