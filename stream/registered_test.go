//go:build unix

package stream_test

import (
	"testing"
	"time"

	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// Streams whose descriptors sit in a poller. On Linux a registration belongs to
// what all duplicates of a descriptor share, not to its number.

func newPoller(t *testing.T) *poller.Poller {
	t.Helper()
	p, err := poller.New()
	must(t, "poller.New", err)
	t.Cleanup(func() { p.Close() })
	return p
}

func waitOne(t *testing.T, p *poller.Poller) poller.Event {
	t.Helper()
	events := make([]poller.Event, 4)
	n, err := p.Wait(events, patience)
	if n != 1 || err != nil {
		t.Fatalf("Wait: (%d, %v), want one event", n, err)
	}
	return events[0]
}

func expectSilence(t *testing.T, p *poller.Poller, when string) {
	t.Helper()
	events := make([]poller.Event, 4)
	if n, err := p.Wait(events, 0); n != 0 || err != nil {
		t.Errorf("%s: Wait found (%d, %v): %+v", when, n, err, events[:n])
	}
}

// In the right order (delete, then close) nothing is left, although a duplicate
// keeps the socket alive.
func TestCloneThenCloseWhileRegistered(t *testing.T) {
	p := newPoller(t)
	s, peer := tcpPair(t)
	must(t, "Acquire", s.Acquire())
	must(t, "Add", p.Add(s.FD(), poller.Read, 7))
	c := clone(t, s)
	fd := s.FD()

	// Another part of the program closes the stream; the number stays reserved.
	must(t, "Close", s.Close())
	_, err := s.Read(make([]byte, 1))
	expectClosed(t, "Read", err)
	send(t, peer, []byte("x"))
	if e := waitOne(t, p); e.Token != 7 || !e.Readable() {
		t.Errorf("got %+v", e)
	}
	expectDescriptorFlags(t, fd)

	must(t, "Delete", p.Delete(fd))
	s.Release()
	expectSilence(t, p, "after Delete and Release")
	expectReceived(t, c, []byte("x"))
	send(t, peer, []byte("y"))
	expectSilence(t, p, "with input for the clone")
	expectReceived(t, c, []byte("y"))
}

// The number does not come back while the poller may still report it.
func TestAcquiredNumberIsNotReused(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "Acquire", s.Acquire())
	fd := s.FD()
	must(t, "Close", s.Close())
	for range 50 {
		a, b := pair(t)
		if a.FD() == fd || b.FD() == fd {
			t.Fatalf("the number %d was given away while it was held", fd)
		}
	}
	s.Release()
}

// Both handles may be registered at once, each for itself.
func TestCloneIsRegisteredOnItsOwn(t *testing.T) {
	p := newPoller(t)
	s, peer := tcpPair(t)
	c := clone(t, s)
	must(t, "Add", p.Add(s.FD(), poller.Read, 1))
	must(t, "Add the clone", p.Add(c.FD(), poller.Read, 2))
	send(t, peer, []byte("x"))
	seen := map[poller.Token]bool{}
	events := make([]poller.Event, 4)
	until(t, "an event of each handle", func() bool {
		n, err := p.Wait(events, time.Second)
		must(t, "Wait", err)
		for _, e := range events[:n] {
			seen[e.Token] = true
		}
		return seen[1] && seen[2]
	})
	must(t, "Delete", p.Delete(s.FD()))
	must(t, "Delete the clone", p.Delete(c.FD()))
}

// A pending connect is finished by its first writable event.
func TestStartFinishedByPoller(t *testing.T) {
	p := newPoller(t)
	for name, to := range map[string]stream.Addr{
		"accepted": listenerAddr(t, listen(t, loopback4())), "refused": refusing(t),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := stream.Start(to)
			must(t, "Start", err)
			defer s.Close()
			must(t, "Add", p.Add(s.FD(), poller.Write, 1))
			waitOne(t, p)
			must(t, "Delete", p.Delete(s.FD()))
			if err := s.FinishConnect(); (err == nil) != (name == "accepted") || err == stream.ErrWouldBlock {
				t.Errorf("FinishConnect: %v", err)
			}
		})
	}
}
