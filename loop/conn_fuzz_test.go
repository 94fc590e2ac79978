//go:build unix

package loop_test

// The state machine of a connection under random sequences: what its handlers
// call in which callback, and what its peer does meanwhile, is in a script of
// bytes. The corpus runs as an ordinary test.

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

var connSeeds = flag.Uint64("conn.seeds", 200, "how many random scripts the corpus of FuzzConn has")

// fuzzConfig has marks that scripts reach, and limits that no script does.
var fuzzConfig = loop.Config{Loops: 1, LowMark: 4 << 10, HighMark: 16 << 10, MaxPending: 512 << 10, ReadBudget: 4 << 10, ReadBuffer: 8 << 10, FlushTimeout: patience, LingerTimeout: patience}

func FuzzConn(f *testing.F) {
	for seed := range *connSeeds {
		f.Add(randomScript(seed))
	}
	// In OnOpen, 512 KiB are written, of which the kernel takes a part. Then: the
	// engine ends; a write deadline passes; Close; as much again, which do not fit.
	f.Add(weave(0, 0, 0, 2, 1, 8, 23, 0))
	f.Add(weave(0, 0, 0, 2, 1, 8, 11, 2))
	f.Add(weave(0, 0, 0, 2, 1, 8, 8, 0))
	f.Add(weave(2, 0, 1, 3, 1, 8, 1, 8, 1, 8, 2, 1, 8, 8))
	f.Fuzz(func(t *testing.T, input []byte) {
		s := script{input}
		kind := s.next()
		ours, its := unweave(s.left)
		r := newRig(t, fuzzConfig)
		p := &peer{script: script{its}, tcp: kind%2 == 0}
		a := &actor{t: t, script: script{ours}, sent: func() int { return int(p.sent.Load()) }, made: make(chan struct{}), gone: make(chan struct{})}
		p.client = meet(r, p.tcp, kind%4 < 2, a.protocol)
		take(t, "the Protocol", a.made)
		p.play(r)
		p.conclude(a)
		take(t, "OnClose", a.gone)
		r.stop()
		judge(t, a, p)
	})
}

// unweave takes a script apart into that of the handlers and that of the peer,
// who has every fourth byte.
func unweave(script []byte) (ours, its []byte) {
	for i, b := range script {
		if i%4 == 3 {
			its = append(its, b)
		} else {
			ours = append(ours, b)
		}
	}
	return ours, its
}

// weave is the input for a script of the handlers; the peer lets turns pass.
func weave(kind byte, ours ...byte) []byte {
	const wait = 5
	input := []byte{kind}
	for i, b := range ours {
		if i > 0 && i%3 == 0 {
			input = append(input, wait)
		}
		input = append(input, b)
	}
	return input
}

// randomScript is one of the corpus.
func randomScript(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	script := make([]byte, 10+rng.IntN(120))
	for i := range script {
		script[i] = byte(rng.Uint32())
	}
	return script
}

// judge holds what happened against the contract, once the engine has ended.
func judge(t *testing.T, a *actor, p *peer) {
	t.Helper()
	whole := len(p.received) == len(a.written)
	if !bytes.HasPrefix(a.written, p.received) {
		t.Error("C1: the peer received other bytes than were written")
	}
	if p.tcp && p.end == io.EOF && !p.told && !whole {
		t.Errorf("C1: cut output looks complete: %d of %d bytes, then a clean end", len(p.received), len(a.written))
	}
	if p.broken || p.stopped {
		return
	}
	if a.cause == nil && !a.ends && a.offered != int(p.sent.Load()) {
		t.Errorf("C3: %d bytes were offered of the %d that the peer sent", a.offered, p.sent.Load())
	}
	if a.cause == nil && a.conn.Handler() != nil && !whole {
		t.Errorf("C1: OnClose heard nil, and the peer got %d of %d bytes and then %v", len(p.received), len(a.written), p.end)
	}
	if a.cause != nil && !a.ends {
		t.Errorf("C2: nobody ended the connection, and OnClose heard %v", a.cause)
	}
}

// narrow gives a socket the least buffer for input, and segments so short that
// the other end's kernel takes little, too (it makes room for some of them).
func narrow(_, _ string, raw syscall.RawConn) (err error) {
	return errors.Join(raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1)
		// Only TCP has segments.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
	}), err)
}

// meet connects a peer with the engine, which accepts or dials.
func meet(r *rig, tcp, accepts bool, p loop.Protocol) *client {
	r.Helper()
	network, address := "tcp", "127.0.0.1:0"
	if !tcp {
		network, address = "unix", socketPath(r.TB)
	}
	if accepts {
		ln := r.listenOn(loop.ListenConfig{}, network, address, p)
		if tcp {
			address = ln.Addr().String()
		}
		defer hold(r.TB, r.engine.Loops()[0])() // the connection is up before it may be reset
		nc, err := (&net.Dialer{Control: narrow}).Dial(network, address)
		if err != nil {
			r.Fatal(err)
		}
		return newClient(r.TB, nc)
	}
	ln, err := (&net.ListenConfig{Control: narrow}).Listen(context.Background(), network, address)
	if err != nil {
		r.Fatal(err)
	}
	defer ln.Close()
	dialed := r.dialing(context.Background(), loop.DialConfig{}, network, ln.Addr().String(), p)
	nc, err := ln.Accept()
	if err != nil {
		r.Fatal(err)
	}
	take(r.TB, "the outcome of the dial", dialed)
	return newClient(r.TB, nc)
}

// A peer is the other end of the connection under test. Its script is played on
// the goroutine of the test.
type peer struct {
	*client
	script   script
	tcp      bool
	sent     atomic.Int64 // at most so much; exact between calls
	received []byte
	end      error // of its input; io.EOF is a clean one
	told     bool  // a send has failed: end may not be the truth
	finished bool  // it has ended its output
	urged    bool  // it has sent its urgent byte: a second one would make the first a part of the stream
	broken   bool  // it has reset the connection, or closed it early
	stopped  bool  // it has stopped the engine
}

// play follows the script to its end.
func (p *peer) play(r *rig) {
	r.Helper()
	for len(p.script.left) > 0 && !p.broken {
		switch p.script.next() % 10 {
		case 0, 1, 2:
			p.transmit(choose(&p.script, 1, 10, 1_000, 4<<10, 8<<10, 20_000))
		case 3, 4:
			p.receive(choose(&p.script, 1, 1_000, 100_000), time.Millisecond)
		case 5, 6:
			p.await(r)
		case 7:
			p.fin()
		case 8:
			p.urgent()
		case 9:
			p.rude(r)
		}
	}
}

// transmit sends n bytes, or what the connection takes without much waiting.
func (p *peer) transmit(n int) {
	if p.finished {
		return
	}
	b := record(int(p.sent.Load()), n)
	p.sent.Add(int64(n))
	_ = p.SetWriteDeadline(time.Now().Add(time.Millisecond))
	done, err := p.Write(b)
	p.sent.Add(int64(done - n))
	p.failed(err)
}

// failed notes an error of a send: a reset is told only once, and if a send took
// it, the next receive says that the input has ended.
func (p *peer) failed(err error) {
	p.told = p.told || err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// receive reads once, and reports whether there may be more to come.
func (p *peer) receive(n int, within time.Duration) bool {
	if p.end != nil {
		return false
	}
	b := make([]byte, n)
	_ = p.SetReadDeadline(time.Now().Add(within))
	n, err := p.Read(b)
	p.received = append(p.received, b[:n]...)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		p.end = err
	}
	return err == nil
}

// await lets what was done so far come in turns of its own.
func (p *peer) await(r *rig) {
	r.Helper()
	done := make(chan struct{})
	if r.engine.Loops()[0].Post(func() { close(done) }) == nil {
		take(r.TB, "a turn", done)
	}
}

func (p *peer) fin() {
	p.finished = true
	_ = p.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// urgent sends a byte that is no part of the stream.
func (p *peer) urgent() {
	raw, err := p.Conn.(syscall.Conn).SyscallConn()
	if err != nil || !p.tcp || p.finished || p.urged {
		return
	}
	p.urged = true
	_ = raw.Control(func(fd uintptr) { p.failed(syscall.Sendto(int(fd), []byte("!"), syscall.MSG_OOB, nil)) })
}

// rude does what ends the connection, most of the time nothing.
func (p *peer) rude(r *rig) {
	switch p.script.next() % 8 {
	case 0:
		p.broken = true
		if p.tcp {
			_ = p.Conn.(*net.TCPConn).SetLinger(0)
		}
		p.Close()
	case 1:
		p.broken = true
		p.Close()
	case 2:
		p.stopped = true
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.engine.Shutdown(ctx)
	}
}

// conclude brings the connection to its end, in order unless it was broken.
func (p *peer) conclude(a *actor) {
	if !p.broken && !p.finished {
		p.fin()
	}
	_ = a.conn.Ref().Do(a.conclude)
	// Through a window as narrow as before, megabytes would take many seconds.
	_ = p.Conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1 << 20)
	for !p.broken && p.receive(64<<10, patience) {
	}
}
