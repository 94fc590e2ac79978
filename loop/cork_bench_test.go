//go:build linux

package loop

// What small writes cost, by the way that they take to the kernel.

import (
	"fmt"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// outlet is a connection whose peer is a bare socket.
type outlet struct {
	handLoop
	c    *Conn
	peer int
	msg  []byte
	buf  []byte
}

func newOutlet(t testing.TB) *outlet {
	t.Helper()
	l := newHandLoop(t)
	pair := newPair(t)
	t.Cleanup(func() { sys.Close(pair[1]) })
	o := &outlet{
		handLoop: l,
		c:        l.adopt(pair[0], returner{}),
		peer:     pair[1],
		msg:      make([]byte, messageSize),
		buf:      make([]byte, 64<<10),
	}
	l.settle(1)
	return o
}

// write is Conn.Write of a message.
func (o *outlet) write() {
	if _, err := o.c.Write(o.msg); err != nil {
		o.Fatal(err)
	}
}

// waysOut are the ways that n messages can take, and how many sends they need.
var waysOut = []struct {
	name  string
	send  func(o *outlet, n int)
	sends func(n int) int
}{
	{"cork", func(o *outlet, n int) {
		o.c.begin()
		for range n {
			o.write()
		}
		o.c.end()
	}, func(int) int { return 1 }},
	{"queue", func(o *outlet, n int) {
		for range n {
			o.write()
		}
		o.endTurn()
	}, func(int) int { return 1 }},
	{"send", func(o *outlet, n int) {
		for range n {
			o.c.begin()
			o.write()
			o.c.end()
		}
	}, func(n int) int { return n }},
	{"call", func(o *outlet, n int) {
		for range n {
			sys.Send(int(o.c.fd), o.msg)
		}
	}, func(int) int { return 0 }},
}

// receive takes what was sent, n messages, in one call.
func (o *outlet) receive(n int) {
	if got, errno := sys.Recv(o.peer, o.buf); got != n*messageSize {
		o.Fatalf("%d bytes of %d messages arrived: %v", got, n, errno)
	}
}

// BenchmarkCork sends writes messages of 64 bytes from a connection, and receives
// them all in one call, which is part of the figure. by=cork is a callback that
// writes them all; by=queue writes them outside the connection's callback, as
// fan-out does, to go out at the end of the turn; by=send has a callback for each,
// and so a send; by=call makes the bare sends.
func BenchmarkCork(b *testing.B) {
	for _, writes := range []int{1, 16, 128} {
		for _, way := range waysOut {
			b.Run(fmt.Sprintf("by=%s/writes=%d", way.name, writes), func(b *testing.B) {
				o := newOutlet(b)
				before := o.stats.Sends
				b.ReportAllocs()
				for b.Loop() {
					way.send(o, writes)
					o.receive(writes)
				}
				perMessage(b, writes)
				if got, want := o.stats.Sends-before, uint64(b.N*way.sends(writes)); got != want {
					b.Fatalf("%d sends, want %d", got, want)
				}
			})
		}
	}
}

// BenchmarkRefWrite is a Ref's write of 64 bytes, the turn in which it is sent, and
// the call that receives it. What it allocates is the copy and the task that
// carries it.
func BenchmarkRefWrite(b *testing.B) {
	o := newOutlet(b)
	ref := o.c.Ref()
	before := o.stats.Tasks
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ref.Write(o.msg); err != nil {
			b.Fatal(err)
		}
		o.idle()
		o.receive(1)
	}
	if got := o.stats.Tasks - before; got != uint64(b.N) {
		b.Fatalf("%d tasks for %d writes", got, b.N)
	}
}

// Writing allocates nothing, whatever way it takes.
func TestWritesAllocateNothing(t *testing.T) {
	for _, way := range waysOut {
		t.Run(way.name, func(t *testing.T) {
			o := newOutlet(t)
			expectNoAllocations(t, func() {
				way.send(o, 100)
				o.receive(100)
			})
		})
	}
}
