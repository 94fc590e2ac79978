//go:build linux && simkernel

package sys

// The model kernel as the calls of this package show it.

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// stepped gives the test a stepped kernel.
func stepped(t *testing.T, seed uint64, o SimOptions) {
	t.Helper()
	SimReset(seed, o)
	t.Cleanup(SimLive)
}

// newConnection returns both ends of a TCP connection.
func newConnection(t *testing.T) (client, server int) {
	t.Helper()
	l, e := Socket(DomainIPv4)
	succeed(t, e)
	succeed(t, Bind(l, Sockaddr{IP: netip.MustParseAddr("127.0.0.1")}))
	succeed(t, Listen(l, 1))
	sa, e := Getsockname(l)
	succeed(t, e)
	client, e = Socket(DomainIPv4)
	succeed(t, e)
	if e := Connect(client, sa); e != EINPROGRESS {
		t.Fatal(e)
	}
	SimSettle()
	server, _, e = Accept(l)
	succeed(t, e)
	succeed(t, Close(l))
	return client, server
}

func newEpoll(t *testing.T, fd int, events uint32) int {
	t.Helper()
	q, e := EpollCreate()
	succeed(t, e)
	succeed(t, EpollCtl(q, EPOLL_CTL_ADD, fd, events, 7))
	return q
}

func TestAWaitWithoutEndAndWithoutHopeFails(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, _ := newConnection(t)
	q := newEpoll(t, client, EPOLLIN)
	if n, e := EpollWait(q, make([]EpollEvent, 1), -1); n != 0 || e == 0 || e == EINTR {
		t.Fatalf("%d, %v", n, e)
	}
}

func TestALimitedWaitMovesTheClock(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, _ := newConnection(t)
	q := newEpoll(t, client, EPOLLIN)
	start, before := Now(), SimClock()
	n, e := EpollWait(q, make([]EpollEvent, 1), 1500*time.Microsecond)
	if n != 0 || e != 0 || SimClock()-before != 1500*time.Microsecond || Since(start) != 1500*time.Microsecond {
		t.Fatalf("%d, %v after %v", n, e, Since(start))
	}
	SimAdvance(time.Hour)
	if left := Until(start.Add(2 * time.Hour)); left != time.Hour-1500*time.Microsecond {
		t.Fatal(left)
	}
}

func TestAWaitDeliversUntilItFindsSomething(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, server := newConnection(t)
	q := newEpoll(t, server, EPOLLIN|EPOLLET)
	if _, e := Send(client, []byte("x")); e != 0 {
		t.Fatal(e)
	}
	events := make([]EpollEvent, 1)
	if n, e := EpollPoll(q, events); n != 0 || e != 0 {
		t.Fatal(n, e)
	}
	if n, e := EpollWait(q, events, -1); n != 1 || e != 0 || events[0].Data() != 7 || events[0].Events != EPOLLIN {
		t.Fatal(n, e, events)
	}
}

// The hook may call anything, and says how often the wait looks again.
func TestTheIdleHookRulesTheWait(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, server := newConnection(t)
	q := newEpoll(t, server, EPOLLIN)
	var asked []time.Duration
	SimIdle(func(timeout time.Duration) bool {
		asked = append(asked, timeout)
		if len(asked) == 2 {
			Send(client, []byte("x"))
			SimSettle()
		}
		return true
	})
	if n, e := EpollWait(q, make([]EpollEvent, 1), -1); n != 1 || e != 0 || len(asked) != 2 || asked[0] != -1 {
		t.Fatal(n, e, asked)
	}
}

func TestAConnectThatNobodyAnswersEndsDuringTheWait(t *testing.T) {
	stepped(t, 1, SimOptions{ConnectTimeout: time.Second})
	fd, e := Socket(DomainIPv4)
	succeed(t, e)
	Connect(fd, Sockaddr{IP: netip.MustParseAddr("192.0.2.1"), Port: 1})
	fds := []PollFd{{Fd: int32(fd), Events: POLLOUT}}
	if n, e := Poll(fds, time.Minute); n != 1 || e != 0 || SimClock() != time.Second {
		t.Fatalf("%d, %v at %v", n, e, SimClock())
	}
}

func TestInjectedFaultsReachTheModel(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, server := newConnection(t)
	q := newEpoll(t, server, EPOLLIN|EPOLLOUT|EPOLLET)
	events := make([]EpollEvent, 8)
	EpollPoll(q, events)
	t.Run("EMFILE", func(t *testing.T) {
		defer InjectRules(Rules{Fail: 1, Errnos: map[Call][]Errno{CallSocket: {EMFILE}}})()
		if _, e := Socket(DomainUnix); e != EMFILE {
			t.Fatal(e)
		}
	})
	t.Run("again, with the edge", func(t *testing.T) {
		remove := InjectRules(Rules{Again: 1})
		_, e := Send(server, []byte("x"))
		remove()
		if e != EAGAIN {
			t.Fatal(e)
		}
		if n, _ := EpollPoll(q, events); n != 1 || events[0].Events != EPOLLOUT {
			t.Fatal(n, events[:n])
		}
	})
	t.Run("short", func(t *testing.T) {
		defer InjectRules(Rules{Short: 1})()
		sent := 0
		for range 20 {
			n, e := Send(client, make([]byte, 10))
			if e != 0 || n < 1 {
				t.Fatal(n, e)
			}
			sent += n
		}
		if sent == 200 {
			t.Fatal("nothing was short")
		}
	})
	t.Run("spurious", func(t *testing.T) {
		SimSettle()
		for e := Errno(0); e == 0; {
			_, e = Recv(server, make([]byte, 100))
		}
		EpollPoll(q, events)
		defer InjectRules(Rules{Extra: 1})()
		for range 100 {
			if n, _ := EpollPoll(q, events); n > 0 {
				return
			}
		}
		t.Fatal("nothing was spurious")
	})
}

// Of each call on a descriptor that is made to fail it is told which one that was.
func TestFaultsNameTheirDescriptors(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, server := newConnection(t)
	type hit struct {
		call Call
		fd   int
		e    Errno
	}
	var hits []hit
	OnFault(func(c Call, fd int, e Errno) { hits = append(hits, hit{c, fd, e}) })
	defer OnFault(nil)
	remove := InjectRules(Rules{Fail: 1, Errnos: map[Call][]Errno{CallShutdown: {ENOTCONN}, CallSend: {EPIPE}, CallSocket: {EMFILE}}})
	Send(client, []byte("x"))
	Shutdown(server, SHUT_WR)
	Socket(DomainUnix) // of no descriptor
	remove()
	Send(server, []byte("x"))
	if want := []hit{{CallSend, client, EPIPE}, {CallShutdown, server, ENOTCONN}}; !slices.Equal(hits, want) {
		t.Errorf("%v, want %v", hits, want)
	}
}

// A poll of a poller that finds nothing takes time, one that finds something does not, and
// poll(2) is none of them.
func TestAPollThatFindsNothingIsTold(t *testing.T) {
	stepped(t, 1, SimOptions{})
	client, server := newConnection(t)
	q := newEpoll(t, server, EPOLLIN)
	polled := 0
	SimPolled(func() { polled++; SimAdvance(time.Millisecond) })
	events := make([]EpollEvent, 1)
	EpollPoll(q, events)
	Poll([]PollFd{{Fd: int32(server), Events: POLLIN}}, 0)
	if polled != 1 || SimClock() != time.Millisecond {
		t.Errorf("told %d times in %v", polled, SimClock())
	}
	Send(client, []byte("x"))
	SimSettle()
	if n, _ := EpollPoll(q, events); n != 1 || polled != 1 {
		t.Errorf("%d events, told %d times", n, polled)
	}
}

func TestALiveKernelWakesWhoWaits(t *testing.T) {
	SimLive()
	client, server := newConnection(t)
	q := newEpoll(t, server, EPOLLIN)
	done := make(chan Errno)
	go func() {
		_, e := EpollWait(q, make([]EpollEvent, 1), -1)
		done <- e
	}()
	if _, e := Send(client, []byte("x")); e != 0 {
		t.Fatal(e)
	}
	succeed(t, <-done)
	for _, fd := range []int{client, server, q} {
		succeed(t, Close(fd))
	}
	if open := SimOpen(); len(open) != 0 {
		t.Fatal(open)
	}
}
