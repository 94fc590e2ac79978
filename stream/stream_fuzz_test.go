//go:build unix

package stream_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Random calls on both ends of a connection, each end driven by a goroutine of
// its own, against a model of two byte sequences.

// endless is what both directions carry, again and again: its length is a prime.
var endless = pattern(65521, 9)

// stretch returns n of these bytes from the place at on.
func stretch(at, n int) []byte {
	p := make([]byte, 0, n)
	for len(p) < n {
		rest := endless[(at+len(p))%len(endless):]
		p = append(p, rest[:min(len(rest), n-len(p))]...)
	}
	return p
}

// way is one direction of the connection.
type way struct {
	written atomic.Int64 // at most so much
	read    int
}

// end is one end and the script that drives it.
type end struct {
	t       testing.TB
	s       *stream.Stream
	script  []byte
	out, in *way
	// rude is set when an end has shut its input: then what is on its way is lost,
	// and TCP may answer it with a reset.
	rude *atomic.Bool
}

func (e *end) next() byte {
	if len(e.script) == 0 {
		return 0
	}
	b := e.script[0]
	e.script = e.script[1:]
	return b
}

func (e *end) size() int {
	return []int{1, 0, 2, 700, 4 << 10, 64 << 10, 300_000}[e.next()%7]
}

func FuzzStream(f *testing.F) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 20+rng.IntN(150))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		f.Add(script)
	}
	l := listen(f, loopback4())
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 400 {
			return
		}
		converse(t, bothEnds(t, l, script[0]), script[1:])
	})
}

// bothEnds returns both ends of a connection of some kind. TCP has one listener for all:
// binding to a free port takes the longer the more are in use.
func bothEnds(t *testing.T, l *stream.Listener, kind byte) [2]*stream.Stream {
	t.Helper()
	if kind%2 == 0 {
		client := connect(t, listenerAddr(t, l))
		return [2]*stream.Stream{client, accept(t, l)}
	}
	a, b, err := stream.Pair()
	must(t, "Pair", err)
	return [2]*stream.Stream{a, b}
}

// converse plays a script on a connection and holds it against the model.
func converse(t *testing.T, s [2]*stream.Stream, script []byte) {
	var ways [2]way
	rude := new(atomic.Bool)
	half := len(script) / 2
	ends := []*end{
		{t: t, s: s[0], script: script[:half], out: &ways[0], in: &ways[1], rude: rude},
		{t: t, s: s[1], script: script[half:], out: &ways[1], in: &ways[0], rude: rude},
	}
	each(t, ends, (*end).play)
	each(t, ends, (*end).finish)
	for i := range ways {
		if w := &ways[i]; !rude.Load() && w.read != int(w.written.Load()) {
			t.Errorf("end %d wrote %d bytes, and the other read %d", i, w.written.Load(), w.read)
		}
	}
	for i, e := range ends {
		// All has been read that will be. Closed in order, thousands of connections
		// would stay in the kernel, some with all that an end had not wanted to read.
		must(t, "SetLinger", e.s.SetLinger(0))
		must(t, "Close", e.s.Close())
		if err := e.s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("end %d, second Close: %v", i, err)
		}
	}
}

func each(t *testing.T, ends []*end, do func(*end)) {
	t.Helper()
	var joins []func()
	for _, e := range ends {
		joins = append(joins, inBackground(t, "an end", func() error { do(e); return nil }))
	}
	for _, join := range joins {
		join()
	}
}

func (e *end) play() {
	for len(e.script) > 0 {
		e.call()
	}
}

// call makes the next call of the script.
func (e *end) call() {
	switch e.next() % 16 {
	case 0, 1:
		e.write(e.s.Write)
	case 2:
		e.write(e.s.WriteSome)
	case 3:
		e.write(func(p []byte) (int, error) {
			k := len(p) / 3
			return e.s.WriteVectored([][]byte{p[:k], nil, p[k:]})
		})
	case 4:
		e.write(func(p []byte) (int, error) {
			bufs := net.Buffers{p[:len(p)/2], p[len(p)/2:]}
			n, err := e.s.WriteBuffers(&bufs)
			return int(n), err
		})
	case 5, 6:
		e.read(e.s.Read)
	case 7:
		e.read(func(p []byte) (int, error) { return e.s.ReadVectored([][]byte{nil, p[:len(p)/2], p[len(p)/2:]}) })
	case 8:
		e.read(e.s.ReadFull)
	case 9:
		q, err := e.s.ReadAppend(make([]byte, 0, e.size()))
		e.took(q)
		e.allow(err)
	case 10:
		e.peek()
	case 11:
		text, err := e.s.ReadToString() // what it does not return, it sets aside
		e.took([]byte(text))
		e.allow(err)
	case 12:
		e.clone()
	case 13:
		e.patience()
	case 14:
		e.shut()
	case 15:
		for b, err := range e.s.Bytes() {
			if err != nil {
				e.allow(err)
				break
			}
			e.took([]byte{b})
			if e.next()%2 == 0 {
				break
			}
		}
	}
}

// write writes the next bytes. Before they are counted exactly, they are all
// counted: the other end may be faster.
func (e *end) write(with func([]byte) (int, error)) {
	n := e.size()
	p := stretch(int(e.out.written.Load()), n)
	e.out.written.Add(int64(n))
	done, err := with(p)
	e.out.written.Add(int64(done - n))
	if err == nil && done > n || done < 0 || err != nil && done > n {
		e.t.Errorf("a write of %d bytes did %d, %v", n, done, err)
	}
	e.allow(err)
}

func (e *end) read(with func([]byte) (int, error)) {
	p := make([]byte, e.size())
	n, err := with(p)
	if n < 0 || n > len(p) {
		e.t.Errorf("a read of %d bytes did %d, %v", len(p), n, err)
		return
	}
	if n == 0 && err == nil && len(p) > 0 {
		e.t.Errorf("a read of %d bytes did nothing, without an error", len(p))
	}
	e.took(p[:n])
	e.allow(err)
}

// took holds what was read against what the other end has written.
func (e *end) took(p []byte) {
	e.look(p)
	e.in.read += len(p)
}

func (e *end) look(p []byte) {
	if e.in.read+len(p) > int(e.in.written.Load()) {
		e.t.Errorf("%d bytes were read when %d were written", e.in.read+len(p), e.in.written.Load())
	}
	if !bytes.Equal(p, stretch(e.in.read, len(p))) {
		e.t.Errorf("the %d bytes from %d on are not those that were written", len(p), e.in.read)
	}
}

func (e *end) peek() {
	p := make([]byte, e.size())
	n, err := e.s.Peek(p)
	e.look(p[:n])
	e.allow(err)
}

// clone goes on with a second handle, and drops the first.
func (e *end) clone() {
	c, err := e.s.TryClone()
	if err != nil {
		e.t.Errorf("TryClone: %v", err)
		return
	}
	if err := e.s.Close(); err != nil {
		e.t.Errorf("Close of a clone: %v", err)
	}
	e.s = c
}

// moment is how long calls wait: enough for the other end to make some of its own.
const moment = 20 * time.Microsecond

// patience makes the calls wait a moment, or not at all.
func (e *end) patience() {
	wait := e.next()%2 == 0
	for _, err := range []error{
		e.s.SetReadTimeout(moment), e.s.SetWriteTimeout(moment), e.s.SetNonblocking(!wait),
	} {
		if err != nil {
			e.t.Errorf("options: %v", err)
		}
	}
}

func (e *end) shut() {
	switch e.next() % 8 {
	case 0:
		e.rude.Store(true)
		e.shutdown(stream.ShutRead)
	case 1:
		e.shutdown(stream.ShutWrite)
	}
}

// shutdown ends a half, maybe again: once both have ended, Linux says that
// nothing is connected any more.
func (e *end) shutdown(how stream.Shutdown) {
	if err := e.s.Shutdown(how); !errors.Is(err, syscall.ENOTCONN) {
		e.allow(err)
	}
}

// allow notes an error unless there is a reason for it.
func (e *end) allow(err error) {
	switch {
	case err == nil, err == stream.ErrWouldBlock, errors.Is(err, os.ErrDeadlineExceeded):
	case err == io.EOF, err == io.ErrUnexpectedEOF, errors.Is(err, stream.ErrNotUTF8):
	case errors.Is(err, syscall.EPIPE):
	case e.rude.Load() && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ENOTCONN)):
	default:
		e.t.Errorf("%v", err)
	}
}

// finish ends the output and reads what is left.
func (e *end) finish() {
	if err := e.s.SetNonblocking(true); err != nil {
		e.t.Errorf("SetNonblocking: %v", err)
	}
	e.shutdown(stream.ShutWrite)
	rest, err := receiveAll(e.s)
	e.took(rest)
	e.allow(err)
}
