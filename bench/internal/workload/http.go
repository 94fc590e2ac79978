package workload

// HTTP/1.1, as far as a server of one text needs it (RFC 9112).

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	greeting = "Hello, World!"
	maxHead  = 16 << 10 // bytes of request line and header fields
)

var (
	errHead    = fmt.Errorf("http: request line and header fields of more than %d bytes", maxHead)
	errBody    = fmt.Errorf("http: a body that makes a request longer than %d bytes", maxRequest)
	errLine    = errors.New("http: malformed request line")
	errVersion = errors.New("http: a version other than 1.0 and 1.1")
	errField   = errors.New("http: malformed header field")
	errLength  = errors.New("http: malformed or contradicting Content-Length")
	errCoding  = errors.New("http: a Transfer-Encoding, which this server does not know")
	errHost    = errors.New("http: HTTP/1.1 without exactly one Host")
)

const refusal = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

// web is one HTTP server.
type web struct {
	answers atomic.Pointer[answers]
}

// answers are the responses of one second.
type answers struct {
	second     int64
	keep, last []byte // the latter of a connection that ends
	head       int    // bytes of keep before the body
}

func (w *web) respond(in, reply []byte) (used int, out []byte, err error) {
	var a *answers
	for used < len(in) {
		r, n, err := parseRequest(in[used:])
		if err != nil {
			return used, append(reply, refusal...), err
		}
		if n == 0 {
			break
		}
		used += n
		if a == nil {
			a = w.now()
		}
		if r.last {
			return used, append(reply, r.body(a.last, len(a.last)-len(greeting))...), io.EOF
		}
		reply = append(reply, r.body(a.keep, a.head)...)
	}
	return used, reply, nil
}

// now returns the responses of this second.
func (w *web) now() *answers {
	now := time.Now()
	if a := w.answers.Load(); a != nil && a.second == now.Unix() {
		return a
	}
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nDate: %s\r\n%s\r\n%s"
	date := now.UTC().Format(http.TimeFormat)
	a := &answers{
		second: now.Unix(),
		keep:   fmt.Appendf(nil, head, len(greeting), date, "", greeting),
		last:   fmt.Appendf(nil, head, len(greeting), date, "Connection: close\r\n", greeting),
	}
	a.head = len(a.keep) - len(greeting)
	w.answers.Store(a)
	return a
}

// request is what matters of a request.
type request struct {
	head   bool // the method is HEAD
	last   bool // the client wants no further answer
	hosts  int
	length int // of the body, negative while unknown
}

// body returns the part of response that r is answered with.
func (r *request) body(response []byte, head int) []byte {
	if r.head {
		return response[:head]
	}
	return response
}

// parseRequest reads one request and returns its length with the body; 0 if it is
// not all there.
func parseRequest(in []byte) (r request, n int, err error) {
	r.length = -1
	line, n, err := nextLine(in, 0)
	if n == 0 || err != nil {
		return r, 0, err
	}
	old, err := r.parseLine(line)
	if err != nil {
		return r, 0, err
	}
	r.last = old
	for {
		if line, n, err = nextLine(in, n); n == 0 || err != nil {
			return r, 0, err
		}
		if len(line) == 0 {
			break
		}
		if err := r.parseField(line); err != nil {
			return r, 0, err
		}
	}
	if r.hosts != 1 && !(old && r.hosts == 0) {
		return r, 0, errHost
	}
	n += max(r.length, 0)
	switch {
	case n > maxRequest:
		return r, 0, errBody
	case n > len(in):
		return r, 0, nil
	}
	return r, n, nil
}

// nextLine returns the line of in that begins at the place from, without its end,
// and the place behind it; 0 if it has no end yet.
func nextLine(in []byte, from int) (line []byte, next int, err error) {
	rest := in[from:min(len(in), maxHead)]
	i := bytes.IndexByte(rest, '\n')
	switch {
	case i < 0 && len(in) >= maxHead:
		return nil, 0, errHead
	case i < 0:
		return nil, 0, nil
	case i == 0 || rest[i-1] != '\r':
		return nil, 0, errField
	}
	return rest[:i-1], from + i + 1, nil
}

// parseLine reads the request line: method, target, version.
func (r *request) parseLine(line []byte) (old bool, err error) {
	method, rest, ok1 := cut(line, ' ')
	target, version, ok2 := cut(rest, ' ')
	if !ok1 || !ok2 || !all(method, token) || !all(target, visible) {
		return false, errLine
	}
	r.head = string(method) == "HEAD"
	switch string(version) {
	case "HTTP/1.1":
		return false, nil
	case "HTTP/1.0":
		return true, nil
	}
	return false, errVersion
}

// parseField reads one header field.
func (r *request) parseField(line []byte) error {
	name, value, ok := cut(line, ':')
	if !ok || !all(name, token) {
		return errField
	}
	value = bytes.Trim(value, " \t")
	if len(value) > 0 && !all(value, content) {
		return errField
	}
	switch len(name) {
	case len("host"):
		if fold(name, "host") {
			r.hosts++
		}
	case len("connection"):
		if fold(name, "connection") {
			r.last = r.last || lists(value, "close")
		}
	case len("content-length"):
		if fold(name, "content-length") {
			return r.parseLength(value)
		}
	case len("transfer-encoding"):
		if fold(name, "transfer-encoding") {
			return errCoding
		}
	}
	return nil
}

func (r *request) parseLength(value []byte) error {
	n, ok := decimal(value)
	if !ok || r.length >= 0 && r.length != n {
		return errLength
	}
	if n > maxRequest {
		return errBody
	}
	r.length = n
	return nil
}

// lists tells whether a list has an element, which is in lower case.
func lists(list []byte, element string) bool {
	for more := true; more; {
		var e []byte
		e, list, more = cut(list, ',')
		if fold(bytes.Trim(e, " \t"), element) {
			return true
		}
	}
	return false
}

// cut is bytes.Cut at one byte.
func cut(b []byte, at byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(b, at); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// fold tells whether b is want, which is in lower case, in any case.
func fold(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// decimal reads a number of at most nine digits; leading zeros count.
func decimal(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// What a byte may be part of.
const (
	token   = 1 << iota // a method or a field's name
	visible             // a target
	content             // a field's value
)

var kinds = func() (k [256]byte) {
	for c := range k {
		if c >= 0x80 || c > ' ' && c < 0x7f {
			k[c] = visible | content
		}
	}
	k[' '], k['\t'] = content, content
	for c := byte('0'); c <= 'z'; c++ {
		if c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c {
			k[c] |= token
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		k[c] |= token
	}
	return k
}()

// all tells whether b has bytes, all of a kind.
func all(b []byte, kind byte) bool {
	for _, c := range b {
		if kinds[c]&kind == 0 {
			return false
		}
	}
	return len(b) > 0
}
