package workload

import (
	"bytes"
	"testing"
)

// Replies do not depend on how the input is cut: FuzzHTTP and FuzzRedis cut it into
// equal pieces, these cut it anywhere.

func FuzzHTTPSplits(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n"), []byte{1, 40, 2})
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), []byte{26})
	f.Add([]byte("HEAD / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), []byte{17, 1, 1})
	f.Fuzz(func(t *testing.T, in, cuts []byte) { compareSplits(t, HTTP, in, cuts, undated) })
}

func FuzzRedisSplits(f *testing.F) {
	f.Add([]byte(command("SET", "k", "value")+command("GET", "k")+"PING\r\n"), []byte{1, 2, 3})
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$-1\r\n"), []byte{9, 1, 4})
	f.Fuzz(func(t *testing.T, in, cuts []byte) { compareSplits(t, Redis, in, cuts, plain) })
}

// compareSplits compares the reply to the whole with that to the input cut into
// pieces of the lengths in cuts, the rest being the last.
func compareSplits(t *testing.T, p Protocol, in, cuts []byte, normal func([]byte) string) {
	if len(in) == 0 || len(in) > 1<<15 {
		return
	}
	whole, unused1, err1 := converse(t, responder(t, p), in, len(in))
	split := responder(t, p)
	var pending, reply []byte
	var err2 error
	rest := in
	for len(rest) > 0 && err2 == nil {
		n := len(rest)
		if len(cuts) > 0 {
			n, cuts = min(1+int(cuts[0]), n), cuts[1:]
		}
		pending, rest = append(pending, rest[:n]...), rest[n:]
		var used int
		used, reply, err2 = split(bytes.Clone(pending), reply)
		if used < 0 || used > len(pending) {
			t.Fatalf("used %d of %d bytes", used, len(pending))
		}
		pending = pending[used:]
	}
	if normal(whole) != normal(reply) {
		t.Errorf("cut, the reply is %q, whole it is %q", reply, whole)
	}
	if (err1 == nil) != (err2 == nil) || err1 == nil && unused1 != len(pending) {
		t.Errorf("cut: %d unused, error %v; whole: %d, %v", len(pending), err2, unused1, err1)
	}
}
