package workload

// The Redis protocol, version 2, and a store of strings.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
)

const (
	maxWords  = 1024      // of a command
	maxInline = 64 << 10  // bytes of a command that is not an array
	maxStore  = 256 << 20 // bytes of keys and values
)

// Breaches of the protocol, as the client is told of them.
var (
	errCount  = errors.New("invalid multibulk length")
	errBulk   = errors.New("invalid bulk length")
	errDollar = errors.New("expected '$'")
	errEnd    = errors.New("expected CRLF after a bulk string")
	errInline = errors.New("too big inline request")
	errLong   = fmt.Errorf("a request of more than %d bytes", maxRequest)
)

// redis is one connection.
type redis struct {
	store *store
	words [][]byte // of the command under way
}

func (r *redis) respond(in, reply []byte) (used int, out []byte, err error) {
	for used < len(in) {
		n, err := r.parse(in[used:])
		if err != nil {
			return used, fmt.Appendf(reply, "-ERR Protocol error: %v\r\n", err), fmt.Errorf("redis: %w", err)
		}
		if n == 0 {
			break
		}
		used += n
		if len(r.words) == 0 {
			continue
		}
		if reply, err = r.execute(reply); err != nil {
			return used, reply, err
		}
	}
	return used, reply, nil
}

// parse reads one command into words, which are parts of in, and returns its
// length; 0 if it is not all there.
func (r *redis) parse(in []byte) (n int, err error) {
	r.words = r.words[:0]
	if in[0] == '*' {
		n, err = r.parseArray(in)
	} else {
		n, err = r.parseInline(in)
	}
	if err == nil && n == 0 && len(in) > maxRequest {
		return 0, errLong
	}
	return n, err
}

func (r *redis) parseArray(in []byte) (int, error) {
	count, at, err := length(in, 1, errCount)
	if at == 0 || err != nil {
		return 0, err
	}
	if count > maxWords {
		return 0, errCount
	}
	for range count {
		if at == len(in) {
			return 0, nil
		}
		if in[at] != '$' {
			return 0, errDollar
		}
		size, from, err := length(in, at+1, errBulk)
		if from == 0 || err != nil {
			return 0, err
		}
		if size < 0 || size > maxRequest {
			return 0, errBulk
		}
		to := from + size
		if len(in) < to+2 {
			return 0, nil
		}
		if in[to] != '\r' || in[to+1] != '\n' {
			return 0, errEnd
		}
		r.words = append(r.words, in[from:to])
		at = to + 2
	}
	return at, nil
}

// length reads the number of the line that goes on at the place from, and returns
// the place behind the line; 0 if it has no end yet. A bad number is the error
// bad.
func length(in []byte, from int, bad error) (n, next int, err error) {
	const longest = 12 // of a line: a sign, nine digits, CRLF
	rest := in[from:min(len(in), from+longest)]
	end := bytes.IndexByte(rest, '\n')
	switch {
	case end < 0 && len(rest) == longest:
		return 0, 0, bad
	case end < 0:
		return 0, 0, nil
	case end == 0 || rest[end-1] != '\r':
		return 0, 0, bad
	}
	digits, negative := bytes.CutPrefix(rest[:end-1], []byte("-"))
	n, ok := decimal(digits)
	if !ok {
		return 0, 0, bad
	}
	if negative {
		n = -n
	}
	return n, from + end + 1, nil
}

func (r *redis) parseInline(in []byte) (int, error) {
	end := bytes.IndexByte(in[:min(len(in), maxInline)], '\n')
	switch {
	case end < 0 && len(in) >= maxInline:
		return 0, errInline
	case end < 0:
		return 0, nil
	}
	for line := in[:end]; ; {
		line = bytes.TrimLeft(line, " \t\r")
		if len(line) == 0 {
			return end + 1, nil
		}
		size := bytes.IndexAny(line, " \t\r")
		if size < 0 {
			size = len(line)
		}
		r.words = append(r.words, line[:size])
		line = line[size:]
	}
}

const ok = "+OK\r\n"

// execute appends the answer of the command in words.
func (r *redis) execute(reply []byte) ([]byte, error) {
	var lower [8]byte
	name := lower[:copy(lower[:], r.words[0])]
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			name[i] += 'a' - 'A'
		}
	}
	if len(r.words[0]) > len(lower) {
		name = nil
	}
	args := r.words[1:]
	switch string(name) {
	case "ping":
		switch len(args) {
		case 0:
			return append(reply, "+PONG\r\n"...), nil
		case 1:
			return bulk(reply, args[0]), nil
		}
	case "get":
		if len(args) == 1 {
			return r.store.get(reply, args[0]), nil
		}
	case "set":
		if len(args) == 2 {
			return append(reply, r.store.set(args[0], args[1])...), nil
		}
		if len(args) > 2 {
			return append(reply, "-ERR syntax error\r\n"...), nil
		}
	case "del":
		if len(args) > 0 {
			return number(reply, ':', r.store.delete(args)), nil
		}
	case "command":
		return append(reply, "*0\r\n"...), nil
	case "config":
		return r.config(reply, args), nil
	case "quit":
		return append(reply, ok...), io.EOF
	default:
		return fmt.Appendf(reply, "-ERR unknown command %s\r\n", quote(r.words[0])), nil
	}
	reply = append(append(reply, "-ERR wrong number of arguments for '"...), name...)
	return append(reply, "' command\r\n"...), nil
}

// config answers CONFIG GET with an empty value, as of a server that saves
// nothing.
func (r *redis) config(reply []byte, args [][]byte) []byte {
	if len(args) == 2 && fold(args[0], "get") {
		return bulk(bulk(append(reply, "*2\r\n"...), args[1]), nil)
	}
	return append(reply, "-ERR only CONFIG GET of one parameter is known\r\n"...)
}

// quote makes a client's word fit for a line.
func quote(word []byte) string { return strconv.Quote(string(word[:min(len(word), 128)])) }

func bulk(reply, value []byte) []byte {
	return append(append(number(reply, '$', len(value)), value...), "\r\n"...)
}

func number(reply []byte, kind byte, n int) []byte {
	return append(strconv.AppendInt(append(reply, kind), int64(n), 10), "\r\n"...)
}

// store is one server's keys.
type store struct {
	mu     sync.Mutex
	values map[string]*[]byte
	size   int // bytes of keys and values
}

func newStore() *store { return &store{values: map[string]*[]byte{}} }

// get appends the value of key to reply.
func (s *store) get(reply, key []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.values[string(key)]
	if v == nil {
		return append(reply, "$-1\r\n"...)
	}
	return bulk(reply, *v)
}

// set stores a value, in the memory of the one before it where that suffices, and
// returns the answer.
func (s *store) set(key, value []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.values[string(key)]
	grown := len(value)
	if v == nil {
		grown += len(key)
	} else {
		grown -= len(*v)
	}
	if s.size+grown > maxStore {
		return "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
	}
	if v == nil {
		v = new([]byte)
		s.values[string(key)] = v
	}
	s.size += grown
	if 2*len(value) < cap(*v) {
		*v = nil // much of the memory would lie idle, uncounted
	}
	*v = append((*v)[:0], value...)
	return ok
}

// delete removes keys and returns how many there were.
func (s *store) delete(keys [][]byte) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if v := s.values[string(key)]; v != nil {
			s.size -= len(key) + len(*v)
			delete(s.values, string(key))
			n++
		}
	}
	return n
}
