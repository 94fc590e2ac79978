//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// What is reported, and how often: level, edge and one-shot on every kind of
// descriptor.

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

func TestNothingRegisteredNothingReady(t *testing.T) {
	wantNone(t, newPoller(t))
}

func TestLevelReportsWhileItLasts(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read, 1))
	wantNone(t, p)
	send(t, b, "two")
	wantOnly(t, p, 1, Readable)
	wantOnly(t, p, 1, Readable)
	receive(t, a, "tw")
	wantOnly(t, p, 1, Readable)
	receive(t, a, "o")
	wantNone(t, p)
}

func TestLevelReportsBothDirectionsInOneEvent(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Write, 9))
	wantOnly(t, p, 9, Writable)
	send(t, b, "x")
	wantOnly(t, p, 9, Readable|Writable)
	if full := fill(t, a); full == 0 {
		t.Fatal("the buffer took nothing")
	}
	wantOnly(t, p, 9, Readable)
	empty(t, b)
	wantOnly(t, p, 9, Readable|Writable)
}

func TestEdgeReportsEachArrivalOnce(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Edge, 1))
	send(t, b, "one")
	wantOnly(t, p, 1, Readable)
	wantNone(t, p)
	receive(t, a, "one")
	wantNone(t, p)
	send(t, b, "two")
	wantOnly(t, p, 1, Readable)
	send(t, b, "more")
	wantOnly(t, p, 1, Readable)
}

func TestEdgeReportsWhatWasReadyBeforeAdd(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	send(t, b, "early")
	must(t, p.Add(a, Read|Write|Edge, 1))
	wantOnly(t, p, 1, Readable|Writable)
	wantNone(t, p)
}

// Hazard 12 and 13: whoever stops before EAGAIN is not told again.
func TestEdgeIsSilentAfterPartialRead(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Edge, 1))
	send(t, b, "abcdef")
	wantOnly(t, p, 1, Readable)
	receive(t, a, "abc")
	wantNone(t, p)
	must(t, p.Modify(a, Read|Edge, 1))
	wantOnly(t, p, 1, Readable)
}

func TestEdgeWritableComesAfterFullBufferDrains(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Write|Edge, 1))
	wantOnly(t, p, 1, Writable)
	send(t, a, "fits")
	wantNone(t, p)
	fill(t, a)
	wantNone(t, p)
	empty(t, b)
	wantSome(t, p, 1, Writable)
}

func TestModifyReportsTheSameEdgeAgain(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Edge, 1))
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
	must(t, p.Modify(a, Read|Edge, 2))
	wantOnly(t, p, 2, Readable)
	wantNone(t, p)
}

func TestModifySwitchesBetweenLevelAndEdge(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Edge, 1))
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
	must(t, p.Modify(a, Read, 1))
	wantOnly(t, p, 1, Readable)
	wantOnly(t, p, 1, Readable)
	must(t, p.Modify(a, Read|Edge, 1))
	wantOnly(t, p, 1, Readable)
	wantNone(t, p)
}

func TestOneShotReportsOnceForAllInterests(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Write|OneShot, 1))
	wantOnly(t, p, 1, Writable)
	send(t, b, "x")
	wantNone(t, p)
	must(t, p.Modify(a, Read|Write|OneShot, 2))
	wantOnly(t, p, 2, Readable|Writable)
	wantNone(t, p)
	must(t, p.Modify(a, Read, 3))
	wantOnly(t, p, 3, Readable)
	wantOnly(t, p, 3, Readable)
}

func TestOneShotWithEdgeIsOneShot(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Edge|OneShot, 1))
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
	send(t, b, "y")
	wantNone(t, p)
}

// Hazard 15: a disarmed registration says nothing, whatever happens.
func TestOneShotHidesHangUpWhileDisarmed(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Write|OneShot, 1))
	wantOnly(t, p, 1, Writable)
	shut(t, b)
	wantNone(t, p)
	must(t, p.Modify(a, Read|OneShot, 1))
	wantSome(t, p, 1, Readable|ReadClosed)
}

// Hazard 15: asking for nothing must not be answered again and again.
func TestEmptyInterestDoesNotSpin(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, 0, 1))
	send(t, b, "x")
	wantNone(t, p)
	shut(t, b)
	for _, ready := range poll(t, p, 0) {
		if ready&ReadClosed == 0 {
			t.Errorf("got %v for an interest in nothing", ready)
		}
	}
	wantNone(t, p)
	must(t, p.Modify(a, Read, 2))
	wantSome(t, p, 2, Readable|ReadClosed)
	receive(t, a, "x")
}

// Hazard 11: the peer's end comes with data that must still be read.
func TestHalfCloseLeavesDataToRead(t *testing.T) {
	for name, pair := range map[string]func(testing.TB) (int, int){"unix": newPair, "tcp": newTCP} {
		t.Run(name, func(t *testing.T) {
			p := newPoller(t)
			a, b := pair(t)
			send(t, b, "last words")
			succeed(t, sys.Shutdown(b, sys.SHUT_WR))
			must(t, p.Add(a, Read|Edge, 1))
			var seen Ready
			for seen&ReadClosed == 0 {
				seen |= take(t, p)[1]
			}
			if seen != Readable|ReadClosed {
				t.Fatalf("got %v", seen)
			}
			receive(t, a, "last words")
			receive(t, a, "")
			send(t, a, "still open on this side")
		})
	}
}

func TestResetIsReadableWritableAndFailed(t *testing.T) {
	p := newPoller(t)
	client, server := newTCP(t)
	must(t, p.Add(server, Read|Write|Edge, 1))
	wantOnly(t, p, 1, Writable)
	succeed(t, sys.SetLinger(client, true, 0))
	shut(t, client)
	var seen Ready
	for seen&Failed == 0 {
		seen |= take(t, p)[1]
	}
	if want := Readable | Writable | ReadClosed | Failed; seen&want != want {
		t.Fatalf("got %v, want %v", seen, want)
	}
	if _, e := sys.Read(server, make([]byte, 1)); e != sys.ECONNRESET {
		t.Fatalf("read: %v", e)
	}
}

func TestRefusedConnectIsFailed(t *testing.T) {
	p := newPoller(t)
	l, addr := newListener(t)
	shut(t, l)
	c := newSocket(t)
	if e := sys.Connect(c, addr); e != sys.EINPROGRESS && e != sys.ECONNREFUSED {
		t.Fatal(e)
	}
	must(t, p.Add(c, Write, 1))
	wantSome(t, p, 1, Writable|Readable|Failed)
}

func TestConnectEndsWritable(t *testing.T) {
	p := newPoller(t)
	l, addr := newListener(t)
	c := newSocket(t)
	begin(t, c, addr)
	must(t, p.Add(c, Write|OneShot, 1))
	wantOnly(t, p, 1, Writable)
	must(t, p.Add(l, Read, 2))
	wantOnly(t, p, 2, Readable)
}

// Hazard 14: with edges, one event can stand for several connections.
func TestListenerLevelReportsEachQueuedConnection(t *testing.T) {
	p := newPoller(t)
	l, addr := newListener(t)
	for range 2 {
		dialed(t, addr)
	}
	must(t, p.Add(l, Read, 1))
	for range 2 {
		wantOnly(t, p, 1, Readable)
		accepted(t, l)
	}
	wantNone(t, p)
}

func TestPipeReaderSeesWriterGoAfterTheData(t *testing.T) {
	p := newPoller(t)
	r, w := newPipe(t)
	must(t, p.Add(r, Read, 1))
	send(t, w, "x")
	wantOnly(t, p, 1, Readable)
	shut(t, w)
	wantSome(t, p, 1, Readable|ReadClosed)
	receive(t, r, "x")
	wantSome(t, p, 1, Readable|ReadClosed)
	receive(t, r, "")
}

func TestPipeWriterSeesReaderGo(t *testing.T) {
	p := newPoller(t)
	r, w := newPipe(t)
	fill(t, w)
	must(t, p.Add(w, Write, 1))
	wantNone(t, p)
	shut(t, r)
	wantSome(t, p, 1, Writable)
}

func TestManyReadyInSmallSlicesLosesNone(t *testing.T) {
	for _, mode := range []Interest{Edge, OneShot} {
		t.Run(mode.String(), func(t *testing.T) {
			p := newPoller(t)
			const many = 20
			for i := range many {
				a, b := newPair(t)
				send(t, b, "x")
				must(t, p.Add(a, Read|mode, Token(i)))
			}
			seen := make(map[Token]bool)
			events := make([]Event, 3)
			for len(seen) < many {
				n, err := p.Wait(events, patience)
				if n == 0 || err != nil {
					t.Fatalf("%d of %d, then %d, %v", len(seen), many, n, err)
				}
				for _, ev := range events[:n] {
					if seen[ev.Token] {
						t.Fatalf("token %d twice", ev.Token)
					}
					seen[ev.Token] = true
				}
			}
			wantNone(t, p)
		})
	}
}
