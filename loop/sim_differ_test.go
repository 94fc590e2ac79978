//go:build linux

package loop

// Scripts whose outcome does not depend on time: what becomes of them on the model
// kernel and on the real one must be the same. Each build holds itself against
// one table, so the model is as honest as the table is true.

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

var (
	simScript  = flag.Uint64("sim.script", 0, "the first script that is compared with its recorded outcome")
	simScripts = flag.Int("sim.scripts", 200, "how many scripts are")
	simRecord  = flag.String("sim.record", "", "a file for the outcomes of the scripts, to be compared with those of the other kernel")
	simExpect  = flag.String("sim.expect", filepath.Join("testdata", "sim", "outcomes.txt"), "the outcomes to compare with")
)

// The outcomes of the scripts are those of the table.
func TestBothKernelsComeToTheSameOutcomes(t *testing.T) {
	var got bytes.Buffer
	for seed := *simScript; seed < *simScript+uint64(*simScripts); seed++ {
		fmt.Fprintf(&got, "%d %s\n", seed, simPlay(t, seed))
	}
	if *simRecord != "" {
		if err := os.WriteFile(*simRecord, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(*simExpect)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.SplitAfter(string(text), "\n")
	defer func() {
		if t.Failed() {
			t.Log("script N again: -sim.script N -sim.scripts 1, with -sim.record FILE on the one kernel and -sim.expect FILE on the other")
		}
	}()
	for i, line := range strings.SplitAfter(got.String(), "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("got  %swant %s", line, strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
		}
	}
}

// simPlayer is one connection of a script, both ends in one goroutine.
type simPlayer struct {
	t    *testing.T
	rng  *rand.Rand
	loop *Loop
	c    *Conn
	peer int

	steps  []string
	events []byte // a letter for each callback, the same in a row once
	fails  error  // what the next OnData returns
	panics bool   // or whether it panics

	in, sent   int // bytes that the peer sent, that OnData was offered
	out, wrote int
	paused     bool
	over       bool
	half       bool
	fin        bool
	err        error
	end        string // what the peer heard
}

// simPlay plays one script and tells its outcome.
func simPlay(t *testing.T, seed uint64) string {
	defer simBegin(seed)()
	e, err := New(Config{Loops: 1, HighMark: 1 << 20, LingerTimeout: time.Hour, FlushTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	p := &simPlayer{t: t, rng: rand.New(rand.NewPCG(seed, 77)), loop: e.loops[0], peer: -1}
	defer p.close(e)
	ln, err := e.Listen(ListenConfig{}, "tcp", "127.0.0.1:0", func(c *Conn) Handler { p.c = c; return p })
	if err != nil {
		t.Fatal(err)
	}
	fd, _, err := simBind(sys.Sockaddr{IP: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	p.peer = fd
	if e := sys.SetOption(fd, sys.OptNoDelay, 1); e != 0 { // or small sends wait for each other
		t.Fatal(e)
	}
	if e := sys.Connect(fd, simSockaddr(ln.Addr())); e != 0 && e != sys.EINPROGRESS {
		t.Fatal(e)
	}
	p.until(func() bool { return p.c != nil })
	for range 1 + p.rng.IntN(12) {
		if p.over || p.end != "" {
			break
		}
		p.step()
	}
	p.finish()
	return fmt.Sprintf("%s: in %d/%d out %d/%d %s %s, peer %s",
		strings.Join(p.steps, " "), p.in, p.sent, p.out, p.wrote, p.events, simCause(p.err), p.end)
}

// until turns the loop and lets the peer read until cond holds.
func (p *simPlayer) until(cond func() bool) {
	for end := time.Now().Add(30 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			p.t.Fatalf("waited in vain after %v: %+v", p.steps, p)
		}
		p.turn()
	}
}

func (p *simPlayer) turn() {
	simDeliver()
	p.loop.control.Or(1 << 31)
	simTurn(p.loop)
	simDeliver()
	p.read()
}

// read takes what has come to the peer.
func (p *simPlayer) read() {
	if p.peer < 0 || p.end != "" {
		return
	}
	buf := make([]byte, 8<<10)
	n, e := sys.Recv(p.peer, buf)
	switch {
	case e == sys.EAGAIN:
	case e != 0:
		p.end = e.Error()
	case n == 0:
		p.end = "end"
	}
	if good := simMatch(buf[:n], 1, p.out); good < n {
		p.t.Errorf("the output is wrong at %d", p.out+good)
	}
	p.out += n
}

// do runs f on the loop, and returns when it has.
func (p *simPlayer) do(f func()) {
	done := false
	if err := p.loop.Post(func() { done = true; f() }); err != nil {
		p.t.Fatal(err)
	}
	p.until(func() bool { return done })
}

// step plays one step and waits for what must come of it.
func (p *simPlayer) step() {
	all := []func() string{
		p.send, p.send, p.send, p.send, p.send, p.write, p.write, p.write, p.write, p.write, p.pause, p.pause, p.resume, p.resume, p.closeWrite, p.shut,
		p.closeConn, p.abort, p.fail, p.panic, p.reset, p.leave,
	}
	p.steps = append(p.steps, all[p.rng.IntN(len(all))]())
}

// listening tells whether OnData is called for what comes.
func (p *simPlayer) listening() bool { return !p.over && !p.paused && !p.c.is(closing) }

func (p *simPlayer) send() string {
	if p.fin {
		return "-"
	}
	buf := make([]byte, 1+p.rng.IntN(3000))
	simFill(buf, 0, p.sent)
	n, e := sys.Send(p.peer, buf)
	if e != 0 {
		return "send:" + e.Error()
	}
	p.sent += n
	simDeliver()
	p.until(func() bool { return !p.listening() || p.in == p.sent })
	return fmt.Sprint("send", n)
}

func (p *simPlayer) write() string {
	buf := make([]byte, 1+p.rng.IntN(20_000))
	simFill(buf, 1, p.wrote)
	n := 0
	p.do(func() { n, _ = p.c.Write(buf) })
	p.wrote += n
	p.until(func() bool { return p.out == p.wrote || p.end != "" })
	return fmt.Sprint("write", n)
}

func (p *simPlayer) pause() string {
	p.do(func() { p.c.Pause(); p.paused = true })
	return "pause"
}

func (p *simPlayer) resume() string {
	p.do(func() { p.c.Resume(); p.paused = false })
	p.until(func() bool { return !p.listening() || p.in == p.sent })
	p.heard()
	return "resume"
}

// heard waits until the handler knows of the peer's FIN.
func (p *simPlayer) heard() {
	p.until(func() bool { return !p.fin || !p.listening() || p.c.is(endTold) })
}

func (p *simPlayer) closeWrite() string {
	p.do(func() { p.half = p.c.CloseWrite() == nil || p.half })
	p.until(func() bool { return p.end != "" })
	return "closewrite"
}

// shut is the peer's FIN.
func (p *simPlayer) shut() string {
	if p.fin {
		return "-"
	}
	p.fin = sys.Shutdown(p.peer, sys.SHUT_WR) == 0
	simDeliver()
	p.heard()
	return "fin"
}

func (p *simPlayer) closeConn() string {
	p.do(func() { _ = p.c.Close() })
	p.until(func() bool { return p.end != "" })
	return "close"
}

func (p *simPlayer) abort() string {
	p.do(func() { p.c.Abort() })
	p.until(func() bool { return p.over && p.end != "" })
	return "abort"
}

// fail lets OnData return an error.
func (p *simPlayer) fail() string {
	p.fails = errors.New("scripted")
	return "error@" + p.send()
}

// panic lets OnData panic.
func (p *simPlayer) panic() string {
	p.panics = true
	return "panic@" + p.send()
}

// reset is the peer's RST.
func (p *simPlayer) reset() string {
	_ = sys.SetLinger(p.peer, true, 0)
	p.gone("killed")
	return "reset"
}

// leave closes the peer's end, when it has read all.
func (p *simPlayer) leave() string {
	p.gone("left")
	return "leave"
}

func (p *simPlayer) gone(how string) {
	sys.Close(p.peer)
	p.peer, p.end = -1, how
	p.until(func() bool { return !p.listening() || p.c.is(endTold) })
}

// finish brings the connection to its end: both sides end what they have begun.
func (p *simPlayer) finish() {
	if !p.over && p.paused {
		p.resume()
	}
	if !p.over && !p.c.is(closing) {
		p.do(func() { _ = p.c.Close() })
	}
	p.until(func() bool { return p.end != "" })
	if p.peer >= 0 {
		sys.Close(p.peer)
		p.peer = -1
	}
	p.until(func() bool { return p.over })
}

func (p *simPlayer) close(e *Engine) {
	if p.peer >= 0 {
		sys.Close(p.peer)
	}
	e.Close()
}

func (p *simPlayer) called(letter byte) {
	if n := len(p.events); n == 0 || p.events[n-1] != letter {
		p.events = append(p.events, letter)
	}
}

func (p *simPlayer) OnOpen(*Conn) error { p.called('O'); return nil }

func (p *simPlayer) OnData(_ *Conn, in []byte) (int, error) {
	p.called('D')
	if good := simMatch(in, 0, p.in); good < len(in) {
		p.t.Errorf("the input is wrong at %d", p.in+good)
	}
	p.in += len(in)
	if p.panics {
		panic("scripted")
	}
	return len(in), p.fails
}

func (p *simPlayer) OnEOF(*Conn) { p.called('E') }

func (p *simPlayer) OnClose(_ *Conn, err error) {
	p.called('C')
	p.over, p.err = true, err
}

// simCause names a cause in a way that does not depend on addresses.
func simCause(err error) string {
	var errno sys.Errno
	switch {
	case err == nil:
		return "nil"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, ErrPanic):
		return "panic"
	case errors.Is(err, ErrAborted):
		return "aborted"
	}
	return err.Error()
}
