//go:build unix

package stream_test

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// TryClone: handles that live and die on their own, and one socket under them.

func TestCloneSmoke(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		c := clone(t, s)
		if c.FD() == s.FD() {
			t.Fatalf("both handles have descriptor %d", c.FD())
		}
		expectDescriptorFlags(t, c.FD())
		send(t, c, []byte("from the clone"))
		expectReceived(t, peer, []byte("from the clone"))
		send(t, peer, []byte("to either"))
		expectReceived(t, s, []byte("to "))
		expectReceived(t, c, []byte("either"))
	})
}

func TestCloneIsIndependent(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		c := clone(t, s)
		must(t, "Close", s.Close())
		_, err := s.Read(make([]byte, 1))
		expectClosed(t, "Read on the closed handle", err)
		// The connection lives as long as one handle does.
		n, err := peer.Read(make([]byte, 1))
		expectWouldBlock(t, "the peer's Read", n, err)
		send(t, peer, []byte("still there"))
		expectReceived(t, c, []byte("still there"))
		must(t, "Close", c.Close())
		n, err = readSome(peer, make([]byte, 1))
		expectEOF(t, "the peer's Read when both are closed", n, err)
	})
}

func TestCloneHasTheSameAddresses(t *testing.T) {
	s, peer := tcpPair(t)
	c := clone(t, s)
	abort(t, peer)
	for what, pair := range map[string][2]func() (stream.Addr, error){
		"local": {s.LocalAddr, c.LocalAddr},
		"peer":  {s.PeerAddr, c.PeerAddr},
	} {
		a, errA := pair[0]()
		b, errB := pair[1]()
		if a != b || errA != nil || errB != nil {
			t.Errorf("%s: %v and %v (%v, %v)", what, a, b, errA, errB)
		}
	}
}

// Two readers on one socket: each byte goes to exactly one of them.
func TestCloneTwoReaders(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		c := clone(t, s)
		const total = 200_000
		var got [256]counter
		for _, h := range []*stream.Stream{s, c} {
			inBackground(t, "reader", func() error {
				all, err := receiveAll(h)
				for _, b := range all {
					got[b].add(1)
				}
				return err
			})
		}
		want := pattern(total, 5)
		var sent [256]int64
		for _, b := range want {
			sent[b]++
		}
		send(t, peer, want)
		must(t, "Close", peer.Close())
		until(t, "every byte in one reader's hands", func() bool {
			for b := range sent {
				if got[b].get() != sent[b] {
					return false
				}
			}
			return true
		})
	})
}

func TestCloneTwoWriters(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		c := clone(t, s)
		const each = 100_000
		for tag, h := range []*stream.Stream{s, c} {
			inBackground(t, "writer", func() error {
				p := make([]byte, 777)
				for i := range p {
					p[i] = byte(tag)
				}
				for sent := 0; sent < each; {
					k := min(len(p), each-sent)
					if err := sendAll(h, p[:k]); err != nil {
						return err
					}
					sent += k
				}
				return nil
			})
		}
		var count [2]int
		for _, b := range receive(t, peer, 2*each) {
			count[b]++
		}
		if count != [2]int{each, each} {
			t.Errorf("received %v bytes of the two writers, want %d of each", count, each)
		}
	})
}

// Handles come and go while one of them is being read.
func TestCloneWhileReading(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		c := clone(t, s)
		waits(t, s)
		inBackground(t, "Read on a clone", func() error {
			p := make([]byte, 1)
			n, err := c.Read(p)
			if err == nil && (n != 1 || p[0] != 9) {
				err = errors.New("the wrong byte")
			}
			return err
		})
		untilBlocked(t, "stream.(*Stream).Read")
		for range 20 {
			extra, err := s.TryClone()
			must(t, "TryClone", err)
			must(t, "Close", extra.Close())
			runtime.Gosched()
		}
		must(t, "Close", s.Close())
		send(t, peer, []byte{9})
	})
}

func TestCloneSharesOptions(t *testing.T) {
	s, _ := tcpPair(t)
	c := clone(t, s)
	must(t, "SetNoDelay", s.SetNoDelay(true))
	if on, err := c.NoDelay(); !on || err != nil {
		t.Errorf("NoDelay on the clone: (%v, %v)", on, err)
	}
	must(t, "SetTTL", c.SetTTL(77))
	if n, err := s.TTL(); n != 77 || err != nil {
		t.Errorf("TTL: (%d, %v)", n, err)
	}
	must(t, "SetLinger", s.SetLinger(3*time.Second))
	if d, on, err := c.Linger(); d != 3*time.Second || !on || err != nil {
		t.Errorf("Linger on the clone: (%v, %v, %v)", d, on, err)
	}
	must(t, "SetLinger", c.SetLinger(-1))
}

func TestCloneSharesTimeouts(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "SetReadTimeout", s.SetReadTimeout(time.Minute))
	c := clone(t, s)
	if d, set := c.ReadTimeout(); d != time.Minute || !set {
		t.Errorf("the clone's read timeout: (%v, %v)", d, set)
	}
	must(t, "SetWriteTimeout", c.SetWriteTimeout(time.Hour))
	if d, set := s.WriteTimeout(); d != time.Hour || !set {
		t.Errorf("the write timeout set on the clone: (%v, %v)", d, set)
	}
	must(t, "SetReadTimeout", c.SetReadTimeout(stream.NoTimeout))
	if d, set := s.ReadTimeout(); set {
		t.Errorf("the read timeout cleared on the clone: %v", d)
	}
}

func TestCloneSharesBlockingMode(t *testing.T) {
	s, peer := tcpPair(t)
	c := clone(t, s)
	must(t, "SetNonblocking", s.SetNonblocking(false))
	must(t, "SetReadTimeout", s.SetReadTimeout(time.Millisecond))
	later := clone(t, c)
	for name, h := range map[string]*stream.Stream{"older": c, "newer": later} {
		_, err := h.Read(make([]byte, 1))
		expectError(t, "Read on the "+name+" clone", err, os.ErrDeadlineExceeded)
	}
	must(t, "SetNonblocking", later.SetNonblocking(true))
	n, err := s.Read(make([]byte, 1))
	expectWouldBlock(t, "Read", n, err)
	send(t, peer, []byte("x"))
	expectReceived(t, s, []byte("x"))
}

// What ReadToString held back belongs to the socket's input, not to one handle.
func TestCloneReadsWhatReadToStringHeldBack(t *testing.T) {
	s, peer := tcpPair(t)
	c := clone(t, s)
	send(t, peer, []byte("held"))
	must(t, "Peek", awaitInput(s, 4))
	text, err := s.ReadToString()
	expectWouldBlock(t, "ReadToString", len(text), err)
	must(t, "Close", s.Close())
	expectReceived(t, c, []byte("held"))
}

func TestCloneOfClosedStream(t *testing.T) {
	s, _ := tcpPair(t)
	must(t, "Close", s.Close())
	expectNoNewDescriptor(t, func() {
		c, err := s.TryClone()
		if c != nil {
			t.Errorf("got %v", c)
		}
		expectClosed(t, "TryClone", err)
	})
}

// Closing a clone wakes nobody on the other handle.
func TestCloneClosedLeavesTheReaderWaiting(t *testing.T) {
	s, peer := tcpPair(t)
	c := clone(t, s)
	waits(t, s)
	inBackground(t, "Read", func() error {
		p := make([]byte, 1)
		_, err := s.Read(p)
		return err
	})
	untilBlocked(t, "stream.(*Stream).Read")
	must(t, "Close", c.Close())
	untilBlocked(t, "stream.(*Stream).Read")
	send(t, peer, []byte("x"))
}
