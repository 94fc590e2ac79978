//go:build linux

package loop

// What a turn costs: the loop has no goroutine of its own here, so that nothing
// but the turn is measured and nothing but it allocates.

import (
	"fmt"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// messageSize is what a connection receives and sends at a time.
const messageSize = 64

// handLoop is a loop that its test turns by hand.
type handLoop struct {
	*Loop
	testing.TB
}

func newHandLoop(t testing.TB) handLoop {
	t.Helper()
	e, err := New(Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return handLoop{e.loops[0], t}
}

// turn runs turns until one sets stopping: a single one, unless nothing in it
// does, which then hangs.
func (l handLoop) turn() {
	l.turns()
	l.stopping = false
}

// idle is a turn that finds only what there is to do at this moment.
func (l handLoop) idle() {
	l.control.Or(controlStop)
	l.turn()
}

// settle runs more turns than the events of n new connections need.
func (l handLoop) settle(n int) {
	for range 10 + 4*n/maxEvents {
		l.idle()
	}
}

// adopt makes fd a connection. Its peer is unknown: one with a unix socket would
// be read once more after every message, which one with TCP is not.
func (l handLoop) adopt(fd int, h Handler) *Conn {
	l.Helper()
	if !l.engine.reserve() {
		l.Fatal("no place for a connection")
	}
	c := newConn(l.Loop, fd, stream.Addr{})
	l.admit(c, func(*Conn) Handler { return h })
	if c.is(closed) {
		l.Fatal(c.err)
	}
	return c
}

// returner sends back what it receives and stops the loop at the end of the turn.
type returner struct{}

func (returner) OnData(c *Conn, in []byte) (int, error) {
	c.loop.stopping = true
	return c.Write(in)
}

func (returner) OnClose(*Conn, error) {}

// newPair returns two connected sockets.
func newPair(t testing.TB) [2]int {
	t.Helper()
	fds, errno := sys.Socketpair()
	if errno != 0 {
		t.Fatal(errno)
	}
	return fds
}

// sendMessage sends one message from fd.
func sendMessage(t testing.TB, fd int) {
	t.Helper()
	if n, errno := sys.Send(fd, make([]byte, messageSize)); n != messageSize || errno != 0 {
		t.Fatalf("sent %d bytes: %v", n, errno)
	}
}

// circulate connects n pairs, both ends of each with the loop. A message goes
// back and forth in each, so that n connections are ready whenever a turn begins.
func (l handLoop) circulate(n int) {
	l.Helper()
	for range n {
		pair := newPair(l)
		l.adopt(pair[0], returner{})
		l.adopt(pair[1], returner{})
		sendMessage(l, pair[0])
	}
	l.settle(2 * n)
}

// perMessage reports what one of the n messages of an operation costs.
func perMessage(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/msg")
}

// BenchmarkTurn is a turn in which conns connections, or the first 128 of them,
// each receive a message and send it back. ns/msg is what one of them costs, the
// kernel's receive and send included; by=calls is the same without a loop: a
// Poller, a receive and a send per event. The difference is what the loop adds.
// With one connection the loop also makes ready to block, which by=calls does
// not.
func BenchmarkTurn(b *testing.B) {
	for _, conns := range []int{1, 16, 128, 1000} {
		b.Run(fmt.Sprintf("by=loop/conns=%d", conns), func(b *testing.B) { benchmarkTurn(b, conns) })
		b.Run(fmt.Sprintf("by=calls/conns=%d", conns), func(b *testing.B) { benchmarkCalls(b, conns) })
	}
}

func benchmarkTurn(b *testing.B, conns int) {
	l := newHandLoop(b)
	l.circulate(conns)
	before := l.stats.Stats
	b.ReportAllocs()
	for b.Loop() {
		l.turn()
	}
	each := min(conns, maxEvents)
	perMessage(b, each)

	turns, messages := uint64(b.N), uint64(b.N*each)
	now := l.stats.Stats
	if got := now.Turns - before.Turns; got != turns {
		b.Fatalf("%d turns for %d operations", got, turns)
	}
	// A second receive for a message that came alone would be one too many.
	if receives, sends := now.Receives-before.Receives, now.Sends-before.Sends; receives != messages || sends != messages {
		b.Fatalf("%d receives and %d sends for %d messages", receives, sends, messages)
	}
	if in, out := now.BytesIn-before.BytesIn, now.BytesOut-before.BytesOut; in != messages*messageSize || out != in {
		b.Fatalf("%d bytes in and %d out for %d messages", in, out, messages)
	}
}

func benchmarkCalls(b *testing.B, conns int) {
	p, err := poller.New()
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for range conns {
		pair := newPair(b)
		for _, fd := range pair {
			defer sys.Close(fd)
			if err := p.Add(fd, connInterest, poller.Token(fd)); err != nil {
				b.Fatal(err)
			}
		}
		sendMessage(b, pair[0])
	}
	events := make([]poller.Event, maxEvents)
	buf := make([]byte, 64<<10)
	round := func() (messages int) {
		n, err := p.Wait(events, 0)
		if err != nil {
			b.Fatal(err)
		}
		for _, ev := range events[:n] {
			if ev.Ready&poller.Readable == 0 {
				continue
			}
			n, _ := sys.Recv(int(ev.Token), buf)
			if sent, _ := sys.Send(int(ev.Token), buf[:n]); sent == messageSize {
				messages++
			}
		}
		return messages
	}
	for range 10 + 8*conns/maxEvents {
		round() // the first events tell of room to write
	}
	messages := 0
	for b.Loop() {
		messages += round()
	}
	each := min(conns, maxEvents)
	perMessage(b, each)
	if messages != b.N*each {
		b.Fatalf("%d messages in %d rounds", messages, b.N)
	}
}

// idleTurns are turns without a connection to work on.
var idleTurns = []struct {
	name    string
	prepare func(l handLoop) (turn func())
	tasks   int // that a turn runs
}{
	{"nothing", func(l handLoop) func() { return l.idle }, 0},
	{"wake", func(l handLoop) func() { return l.woken }, 0},
	{"task", handLoop.tasked, 1},
	{"timer", handLoop.armed, 0},
}

// BenchmarkIdleTurn is a turn without a connection to work on, and without
// blocking. with=nothing is the least that a turn costs, one system call
// included; with=wake rings for a wake and hears it; with=task runs a posted
// function; with=timer has a timer that is not due.
func BenchmarkIdleTurn(b *testing.B) {
	for _, kind := range idleTurns {
		b.Run("with="+kind.name, func(b *testing.B) {
			l := newHandLoop(b)
			turn := kind.prepare(l)
			before := l.stats.Stats
			b.ReportAllocs()
			for b.Loop() {
				turn()
			}
			now := l.stats.Stats
			if got := now.Turns - before.Turns; got != uint64(b.N) {
				b.Fatalf("%d turns for %d operations", got, b.N)
			}
			if got, want := now.Tasks-before.Tasks, uint64(b.N*kind.tasks); got != want {
				b.Fatalf("%d tasks, want %d", got, want)
			}
		})
	}
}

// woken is idle with a wake, as Close asks for it.
func (l handLoop) woken() {
	l.ask(controlStop)
	l.turn()
}

// tasked returns a turn with a task, which another goroutine might have posted.
func (l handLoop) tasked() func() {
	stop := func() { l.stopping = true }
	return func() {
		if err := l.Post(stop); err != nil {
			l.Fatal(err)
		}
		l.turn()
	}
}

// armed returns idle with a timer that is not due.
func (l handLoop) armed() func() {
	l.AfterFunc(time.Hour, func() { l.Error("an hour has passed") })
	return l.idle
}

// firing returns a turn that waits for a timer, which sets itself again.
func (l handLoop) firing() func() {
	var timer *Timer
	timer = l.AfterFunc(0, func() {
		l.stopping = true
		timer.Reset(0)
	})
	return l.turn
}

// expectNoAllocations runs f often and wants nothing allocated.
func expectNoAllocations(t *testing.T, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No turn allocates: neither with connections nor without, and however it was
// brought about.
func TestTurnsAllocateNothing(t *testing.T) {
	for _, conns := range []int{1, 16, 1000} {
		t.Run(fmt.Sprintf("%d connections", conns), func(t *testing.T) {
			l := newHandLoop(t)
			l.circulate(conns)
			before := l.stats.BytesIn
			expectNoAllocations(t, l.turn)
			// AllocsPerRun runs it once more.
			if got, want := l.stats.BytesIn-before, uint64(201*min(conns, maxEvents)*messageSize); got != want {
				t.Errorf("%d bytes received, want %d", got, want)
			}
		})
	}
	for _, kind := range idleTurns {
		t.Run(kind.name, func(t *testing.T) { expectNoAllocations(t, kind.prepare(newHandLoop(t))) })
	}
	t.Run("timer that fires", func(t *testing.T) { expectNoAllocations(t, newHandLoop(t).firing()) })
}
