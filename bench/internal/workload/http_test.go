package workload

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nDate: now\r\n\r\n"
	text  = hello + "Hello, World!"
	bye   = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nDate: now\r\nConnection: close\r\n\r\nHello, World!"
)

var date = regexp.MustCompile(`\r\nDate: ([^\r]+)`)

// undated replaces the dates.
func undated(reply []byte) string { return date.ReplaceAllString(string(reply), "\r\nDate: now") }

func TestHTTP(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, x := range []exchange{
		{name: "one", in: get, out: text},
		{name: "pipelined", in: get + get + get, out: text + text + text},
		{name: "one and a half", in: get + get[:20], out: text, unused: 20},
		{name: "fields", in: "GET /a?b=%20 HTTP/1.1\r\nHOST:a:80\r\nUser-Agent: \t wrk/4 (\"x\") \xe9 \t\r\nAccept:\r\n\r\n", out: text},
		{name: "head", in: "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get, out: hello + text},
		{name: "body", in: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nGET /" + get, out: text + text},
		{name: "empty body", in: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n" + get, out: text + text},
		{name: "body outstanding", in: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET", unused: 49},
		{name: "close", in: "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE,  Close\r\n\r\n" + get, out: bye, err: io.EOF},
		{name: "keep alive", in: "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", out: text},
		{name: "old", in: "GET / HTTP/1.0\r\n\r\n", out: bye, err: io.EOF},
	} {
		t.Run(x.name, func(t *testing.T) { x.check(t, HTTP, undated) })
	}
}

func TestHTTPRefusesWhatIsMalformed(t *testing.T) {
	for _, tt := range []struct {
		in  string
		err error
	}{
		{"GET /\r\n", errLine},
		{"GET  HTTP/1.1\r\n", errLine},
		{" / HTTP/1.1\r\n", errLine},
		{"G(T / HTTP/1.1\r\n", errLine},
		{"GET /\x01 HTTP/1.1\r\n", errLine},
		{"GET / b HTTP/1.1\r\n", errVersion},
		{"GET / HTTP/2.0\r\n", errVersion},
		{"GET / http/1.1\r\n", errVersion},
		{"\r\n", errLine},
		{"\n", errField},
		{"GET / HTTP/1.1\n", errField},
		{"GET / HTTP/1.1\r\nHost: a\n", errField},
		{"GET / HTTP/1.1\r\nHost : a\r\n", errField},
		{"GET / HTTP/1.1\r\n: a\r\n", errField},
		{"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n", errField},
		{"GET / HTTP/1.1\r\nHost\r\n", errField},
		{"GET / HTTP/1.1\r\nHost: a\rb\r\n", errField},
		{"GET / HTTP/1.1\r\nHost: \x00\r\n", errField},
		{"GET / HTTP/1.1\r\n\r\n", errHost},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", errHost},
		{"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", errHost},
		{"GET / HTTP/1.1\r\nContent-Length: -1\r\n", errLength},
		{"GET / HTTP/1.1\r\nContent-Length: +1\r\n", errLength},
		{"GET / HTTP/1.1\r\nContent-Length:\r\n", errLength},
		{"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n", errLength},
		{"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", errLength},
		{"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", errLength},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", errCoding},
	} {
		const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		exchange{in: good + tt.in, out: text + refusal, err: tt.err}.check(t, HTTP, undated)
		if t.Failed() {
			t.Fatalf("%q", tt.in)
		}
	}
}

func TestHTTPAnswersAreWhatNetHTTPReads(t *testing.T) {
	reply, _, err := converse(t, responder(t, HTTP), []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 1000)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(reply)), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "Hello, World!" || res.StatusCode != 200 || res.ContentLength != 13 || res.Close {
		t.Errorf("%+v with body %q, error %v", res, body, err)
	}
	if at, err := http.ParseTime(res.Header.Get("Date")); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("date %v, error %v", at, err)
	}
}

func TestHTTPKeepsTheAnswerOfOneSecond(t *testing.T) {
	w := new(web)
	old := &answers{second: 1, keep: []byte("old")}
	w.answers.Store(old)
	now := w.now()
	if now == old || bytes.Equal(now.keep, old.keep) {
		t.Error("the answer of 1970 was given")
	}
	for range 3 { // a second may end between two calls, not twice
		if again := w.now(); again == now {
			return
		}
		now = w.now()
	}
	t.Error("the answer is made anew each time")
}

func TestHTTPAllocatesNothing(t *testing.T) {
	r := responder(t, HTTP)
	in := []byte(strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n", 16))
	buf := make([]byte, 0, 64<<10)
	allocs := testing.AllocsPerRun(200, func() {
		if used, _, err := r(in, buf); used != len(in) || err != nil {
			t.Fatal(used, err)
		}
	})
	if allocs >= 1 { // the answers of the next second are allocated
		t.Errorf("%v allocations per batch", allocs)
	}
}

func FuzzHTTP(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabcHEAD / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece int) { compare(t, HTTP, in, piece, undated) })
}

// compare checks that the reply does not depend on how the input is cut.
func compare(t *testing.T, p Protocol, in []byte, piece int, normal func([]byte) string) {
	if len(in) == 0 || len(in) > 1<<15 {
		return
	}
	piece = 1 + int(uint(piece)%uint(len(in)))
	whole, unused1, err1 := converse(t, responder(t, p), in, len(in))
	cut, unused2, err2 := converse(t, responder(t, p), in, piece)
	if normal(whole) != normal(cut) {
		t.Errorf("in pieces of %d the reply is %q, whole it is %q", piece, cut, whole)
	}
	if (err1 == nil) != (err2 == nil) || err1 == nil && unused1 != unused2 {
		t.Errorf("in pieces of %d: %d unused, error %v; whole: %d, %v", piece, unused2, err2, unused1, err1)
	}
}
