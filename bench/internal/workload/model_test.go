package workload

// The parsers against models that read a request by the forms of RFC 9112 and of the
// Redis protocol, one line after another.

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	tokenForm = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
	visibles  = `[^\x00-\x20\x7f]+`
)

var (
	lineForm   = regexp.MustCompile(`^(` + tokenForm + `) ` + visibles + ` HTTP/1\.([01])\r\n$`)
	fieldForm  = regexp.MustCompile(`^(` + tokenForm + `):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n$`)
	lengthForm = regexp.MustCompile(`^[0-9]{1,9}$`)
)

// untilLine is the first line of in with its end; whole is false if it has none within
// most bytes.
func untilLine(in []byte, most int) (line []byte, whole bool) {
	i := bytes.IndexByte(in[:min(len(in), most)], '\n')
	return in[:i+1], i >= 0
}

// modelRequest reads a request; n is 0 while it is not all there, ok is false for what
// can never be one.
func modelRequest(in []byte) (r request, n int, ok bool) {
	r.length = -1
	old := false
	for {
		line, whole := untilLine(in[n:], maxHead-n)
		if !whole {
			return r, 0, len(in) < maxHead
		}
		first := n == 0
		n += len(line)
		if string(line) == "\r\n" && !first {
			break
		}
		form := fieldForm
		if first {
			form = lineForm
		}
		m := form.FindSubmatch(line)
		if m == nil {
			return r, 0, false
		}
		if first {
			r.head, old = string(m[1]) == "HEAD", string(m[2]) == "0"
			r.last = old
			continue
		}
		value := strings.Trim(string(m[2]), " \t")
		switch strings.ToLower(string(m[1])) {
		case "host":
			r.hosts++
		case "connection":
			for element := range strings.SplitSeq(value, ",") {
				r.last = r.last || strings.ToLower(strings.Trim(element, " \t")) == "close"
			}
		case "content-length":
			length, err := strconv.Atoi(value)
			if err != nil || !lengthForm.MatchString(value) || r.length >= 0 && r.length != length || length > maxRequest {
				return r, 0, false
			}
			r.length = length
		case "transfer-encoding":
			return r, 0, false
		}
	}
	n += max(0, r.length)
	switch {
	case r.hosts != 1 && !(old && r.hosts == 0), n > maxRequest:
		return r, 0, false
	case n > len(in):
		return r, 0, true
	}
	return r, n, true
}

func FuzzHTTPRequest(f *testing.F) {
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n", "HEAD /x HTTP/1.0\r\n", "HEAD / HTTP/1.1\r\nhost:\r\nCONNECTION: keep-alive ,\tClose\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length:  003 \r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000003\r\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
		"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\nHost: a\r\n", "GET / HTTP/1.1\r\nHost : a\r\n", "GET / HTTP/1.1\r\nHost: a\x00\r\n",
		"GET  / HTTP/1.1\r\nHost: a\r\n", "G(T / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/2.0\r\nHost: a\r\n", "GET /\x7f HTTP/1.1\r\nHost: a\r\n", "GET /\xff HTTP/1.1\r\nHost: \xff\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("y", maxHead) + "\r\n", "GET / HTTP/1.1\r\nHost: ab\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(maxRequest) + "\r\n", "",
	} {
		f.Add([]byte(head + "\r\nabcGET"))
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		r, n, err := parseRequest(in)
		want, length, ok := modelRequest(in)
		if (err == nil) != ok || n != length {
			t.Fatalf("%q: %d bytes, %v, want %d, %v", in, n, err, length, ok)
		}
		if n > 0 && r != want {
			t.Errorf("%q is %+v, want %+v", in, r, want)
		}
	})
}

var (
	countForm  = regexp.MustCompile(`^\*(-?[0-9]{1,9})\r\n$`)
	bulkForm   = regexp.MustCompile(`^\$(-?[0-9]{1,9})\r\n$`)
	inlineForm = regexp.MustCompile(`[^ \t\r\n]+`)
)

// longestHead is how long the line of a number may be, with what is before it.
const longestHead = len("$-999999999\r\n")

// modelCommand reads a command as modelRequest does a request.
func modelCommand(in []byte) (words []string, n int, ok bool) {
	if in[0] != '*' {
		line, whole := untilLine(in, maxInline)
		if !whole {
			return nil, 0, len(in) < maxInline
		}
		return inlineForm.FindAllString(string(line), -1), len(line), true
	}
	number := func(form *regexp.Regexp) (size int, whole, ok bool) {
		line, whole := untilLine(in[n:], longestHead)
		if !whole {
			return 0, false, len(in)-n < longestHead
		}
		m := form.FindSubmatch(line)
		if m == nil {
			return 0, true, false
		}
		n += len(line)
		size, err := strconv.Atoi(string(m[1]))
		return size, true, err == nil
	}
	count, whole, ok := number(countForm)
	if !whole || !ok || count > maxWords {
		return nil, 0, ok && count <= maxWords
	}
	for range count {
		if n < len(in) && in[n] != '$' {
			return nil, 0, false
		}
		size, whole, ok := number(bulkForm)
		if !whole || !ok {
			return nil, 0, ok
		}
		if size < 0 || size > maxRequest {
			return nil, 0, false
		}
		if len(in) < n+size+2 {
			return nil, 0, true
		}
		if string(in[n+size:n+size+2]) != "\r\n" {
			return nil, 0, false
		}
		words = append(words, string(in[n:n+size]))
		n += size + 2
	}
	return words, n, true
}

func FuzzRedisCommand(f *testing.F) {
	for _, in := range []string{
		command("SET", "k", "v") + "PING", command("GET", ""), "PING\r\n", " \tget  a\t\r\n", "\n", "*0\r\n", "*-1\r\n", "*1\r\n$-1\r\n", "*1\r\n$3\r\nabcd\r\n", "*1\r\n$3\r\nab",
		"*1\r\n:3\r\n", "*1\r\n$+3\r\nabc\r\n", "*1\r\n$3\nabc\r\n", "*1000000000\r\n", "*1025\r\n", "*1\r\n$999999999\r\n", "*1\r\n$0000000003\r\nabc\r\n", "*1\r\n$000000003\r\nabc\r\n",
		"*", "*1\r\n$", "*--1\r\n", "*-999999999\r\n", "*\r\n", "*12345678901", "*123456789012", "*1\r\n$12345678901", "*1\r\n$123456789012", "*1\r\n$1\r\na\rX", "*2\r\n$1\r\na\r\n",
	} {
		f.Add([]byte(in))
	}
	f.Add(bytes.Repeat([]byte{'x'}, maxInline))
	f.Add(append(bytes.Repeat([]byte{'x'}, maxInline-1), '\n'))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 || len(in) > maxRequest {
			return // the bound on what is pending is the respond's
		}
		var r redis
		n, err := r.parse(in)
		words, length, ok := modelCommand(in)
		if (err == nil) != ok || n != length {
			t.Fatalf("%q: %d bytes, %v, want %d, %v", in, n, err, length, ok)
		}
		if n > 0 && !slices.EqualFunc(r.words, words, func(got []byte, want string) bool { return string(got) == want }) {
			t.Errorf("%q is %q, want %q", in, r.words, words)
		}
	})
}
