package workload

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// command encodes a command.
func command(words ...string) string {
	s := fmt.Sprintf("*%d\r\n", len(words))
	for _, w := range words {
		s += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	return s
}

func plain(reply []byte) string { return string(reply) }

func TestRedis(t *testing.T) {
	for _, x := range []exchange{
		{name: "ping", in: command("PING"), out: "+PONG\r\n"},
		{name: "ping with a word", in: command("ping", "a\r\nb"), out: "$4\r\na\r\nb\r\n"},
		{name: "ping with two words", in: command("PING", "a", "b"), out: "-ERR wrong number of arguments for 'ping' command\r\n"},
		{name: "set and get", in: command("SET", "k", "value") + command("GET", "k"), out: "+OK\r\n$5\r\nvalue\r\n"},
		{name: "set again", in: command("SET", "k", "value") + command("SET", "k", "") + command("GET", "k"), out: "+OK\r\n+OK\r\n$0\r\n\r\n"},
		{name: "get nothing", in: command("GET", "k"), out: "$-1\r\n"},
		{name: "del", in: command("SET", "a", "1") + command("SET", "b", "2") + command("DEL", "a", "c", "b", "a") + command("GET", "a"), out: "+OK\r\n+OK\r\n:2\r\n$-1\r\n"},
		{name: "set with options", in: command("SET", "k", "v", "NX"), out: "-ERR syntax error\r\n"},
		{name: "too few words", in: command("SET", "k") + command("Get") + command("DEL"), out: "-ERR wrong number of arguments for 'set' command\r\n-ERR wrong number of arguments for 'get' command\r\n-ERR wrong number of arguments for 'del' command\r\n"},
		{name: "what redis-benchmark asks first", in: command("CONFIG", "GET", "save") + command("config", "get", "appendonly"), out: "*2\r\n$4\r\nsave\r\n$0\r\n\r\n*2\r\n$10\r\nappendonly\r\n$0\r\n\r\n"},
		{name: "what redis-cli asks first", in: command("COMMAND", "DOCS"), out: "*0\r\n"},
		{name: "config set", in: command("CONFIG", "SET", "a", "b"), out: "-ERR only CONFIG GET of one parameter is known\r\n"},
		{name: "unknown", in: command("FLUSH\r\nALL"), out: "-ERR unknown command \"FLUSH\\r\\nALL\"\r\n"},
		{name: "nearly known", in: command("commands"), out: "-ERR unknown command \"commands\"\r\n"},
		{name: "empty word", in: command(""), out: "-ERR unknown command \"\"\r\n"},
		{name: "inline", in: "PING\r\n  set  k\tv \r\n\r\n\nGET k\n", out: "+PONG\r\n+OK\r\n$1\r\nv\r\n"},
		{name: "empty arrays", in: "*0\r\n*-1\r\n" + command("PING"), out: "+PONG\r\n"},
		{name: "quit", in: command("QUIT") + command("PING"), out: "+OK\r\n", err: io.EOF},
		{name: "half", in: command("PING") + command("GET", "key")[:20], out: "+PONG\r\n", unused: 20},
	} {
		t.Run(x.name, func(t *testing.T) { x.check(t, Redis, plain) })
	}
}

func TestRedisEndsAtABreach(t *testing.T) {
	for _, tt := range []struct {
		in  string
		err error
	}{
		{"*x\r\n", errCount},
		{"*1\n", errCount},
		{"*\r\n", errCount},
		{"*-\r\n", errCount},
		{"*1\r\n:1\r\n", errDollar},
		{"*1\r\n$x\r\n", errBulk},
		{"*1\r\n$-1\r\n", errBulk},
		{"*1\r\n$4\r\nPINGxx", errEnd},
		{"*1\r\n$99999999999999\r\n", errBulk},
	} {
		for _, piece := range []int{1000, 3, 1} {
			reply, _, err := converse(t, responder(t, Redis), []byte(command("PING")+tt.in), piece)
			want := fmt.Sprintf("+PONG\r\n-ERR Protocol error: %v\r\n", tt.err)
			if string(reply) != want || !isOrWraps(err, tt.err) {
				t.Errorf("%q in pieces of %d: reply %q, error %v", tt.in, piece, reply, err)
			}
		}
	}
}

func TestRedisStoreIsOneForAllConnections(t *testing.T) {
	connect, err := New(Redis)
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			r := connect()
			key := fmt.Sprint("key", i%4)
			for range 200 {
				if _, out, err := r([]byte(command("SET", key, "v")+command("GET", key)), nil); string(out) != "+OK\r\n$1\r\nv\r\n" || err != nil {
					t.Errorf("%q, %v", out, err)
				}
			}
		})
	}
	clients.Wait()
	if _, out, _ := connect()([]byte(command("DEL", "key0", "key1", "key2", "key3")), nil); string(out) != ":4\r\n" {
		t.Errorf("%q", out)
	}
}

func TestRedisStoreIsBounded(t *testing.T) {
	s := newStore()
	s.size = maxStore - 10
	key, value := []byte("key"), []byte("1234567")
	if got := s.set(key, append(value, 'x')); !strings.HasPrefix(got, "-OOM") {
		t.Errorf("eleven bytes more: %q", got)
	}
	if got := s.set(key, value); got != ok {
		t.Errorf("ten bytes more: %q", got)
	}
	if got := s.set(key, value[:3]); got != ok || s.size != maxStore-4 {
		t.Errorf("a shorter value: %q, %d bytes left", got, maxStore-s.size)
	}
	if n := s.delete([][]byte{key}); n != 1 || s.size != maxStore-10 {
		t.Errorf("%d deleted, %d bytes left", n, maxStore-s.size)
	}
}

func TestRedisStoreKeepsNoIdleMemory(t *testing.T) {
	s := newStore()
	s.set([]byte("k"), make([]byte, 1000))
	s.set([]byte("k"), []byte("short"))
	if v := *s.values["k"]; string(v) != "short" || cap(v) >= 1000 {
		t.Errorf("%q in %d bytes", v, cap(v))
	}
}

func TestRedisAllocatesNothing(t *testing.T) {
	r := responder(t, Redis)
	in := []byte(strings.Repeat(command("SET", "key", "value")+command("GET", "key")+command("PING"), 16))
	buf := make([]byte, 0, 64<<10)
	allocs := testing.AllocsPerRun(100, func() {
		if used, _, err := r(in, buf); used != len(in) || err != nil {
			t.Fatal(used, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per batch", allocs)
	}
}

func FuzzRedis(f *testing.F) {
	for _, s := range []string{
		command("SET", "k", "v") + command("GET", "k") + command("DEL", "k"),
		"PING\r\nGET a\r\n" + command("CONFIG", "GET", "save"),
		"*2\r\n$3\r\nGET\r\n$-1\r\n",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece int) { compare(t, Redis, in, piece, plain) })
}
