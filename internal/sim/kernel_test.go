package sim

// Descriptors, buffers, the network's steps and the clock.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// done fails the test unless the call went well.
func done(t *testing.T, e Errno) {
	t.Helper()
	if e != 0 {
		t.Fatal(e)
	}
}

// got is done for a call with a result.
func got[T any](t *testing.T) func(v T, e Errno) T {
	return func(v T, e Errno) T {
		t.Helper()
		done(t, e)
		return v
	}
}

func want(t *testing.T, what string, e, wanted Errno) {
	t.Helper()
	if e != wanted {
		t.Fatalf("%s: %v, want %v", what, e, wanted)
	}
}

var local = Addr{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1})}

func listen(t *testing.T, k *Kernel, backlog int) (int, Addr) {
	t.Helper()
	fd := got[int](t)(k.Socket(IPv4))
	done(t, k.Bind(fd, local))
	done(t, k.Listen(fd, backlog))
	return fd, got[Addr](t)(k.Getsockname(fd))
}

func dialTo(t *testing.T, k *Kernel, a Addr) int {
	t.Helper()
	fd := got[int](t)(k.Socket(IPv4))
	want(t, "connect", k.Connect(fd, a), EINPROGRESS)
	return fd
}

func accept(t *testing.T, k *Kernel, l int) int {
	t.Helper()
	fd, _, e := k.Accept(l)
	done(t, e)
	return fd
}

func settle(k *Kernel) {
	for k.Step() {
	}
}

// connection returns both ends of a TCP connection.
func connection(t *testing.T, k *Kernel) (client, server int) {
	t.Helper()
	l, a := listen(t, k, 1)
	client = dialTo(t, k, a)
	settle(k)
	server = accept(t, k, l)
	done(t, k.Close(l))
	return client, server
}

func send(k *Kernel, fd int, p []byte) (int, Errno) { return k.Send(fd, [][]byte{p}) }

// recv receives until there is nothing, and says why it ended: EAGAIN or 0.
func recv(k *Kernel, fd int) (all []byte, end Errno) {
	buf := make([]byte, 1000)
	for {
		n, e := k.Recv(fd, [][]byte{buf}, false)
		if n == 0 {
			return all, e
		}
		all = append(all, buf[:n]...)
	}
}

func TestDescriptorsAreTheLowestThatAreFree(t *testing.T) {
	k := New(1, Options{Descriptors: 4})
	var fds []int
	for range 4 {
		fds = append(fds, got[int](t)(k.Eventfd()))
	}
	if !slices.Equal(fds, []int{3, 4, 5, 6}) {
		t.Fatal(fds)
	}
	for name, e := range map[string]Errno{
		"socket":  second(k.Socket(IPv4)),
		"pair":    second(k.Socketpair()),
		"epoll":   second(k.EpollCreate()),
		"kqueue":  second(k.Kqueue()),
		"eventfd": second(k.Eventfd()),
		"dup":     second(k.Dup(3)),
	} {
		want(t, name, e, EMFILE)
	}
	done(t, k.Close(5))
	done(t, k.Close(4))
	want(t, "close", k.Close(4), EBADF)
	if k.Strays() != 1 {
		t.Fatalf("%d strays", k.Strays())
	}
	want(t, "pair", second(k.Socketpair()), 0)
	if list := fmt.Sprint(k.Open()); list != "[3: eventfd 0 4: unix unnamed > unnamed connected 5: unix unnamed > unnamed connected 6: eventfd 0]" {
		t.Fatal(list)
	}
}

func second[T any](_ T, e Errno) Errno { return e }

// A listener without a free descriptor keeps the connection.
func TestAcceptWithoutADescriptorLosesNothing(t *testing.T) {
	k := New(1, Options{})
	l, a := listen(t, k, 1)
	dialTo(t, k, a)
	settle(k)
	k.Limit(2)
	_, _, e := k.Accept(l)
	want(t, "accept", e, EMFILE)
	k.Limit(3)
	accept(t, k, l)
}

// Whatever the seed, what is sent arrives in order and whole, and then the end.
func TestBytesArriveInOrder(t *testing.T) {
	for seed := range uint64(50) {
		k := New(seed, Options{SendBuffer: 700, ReceiveBuffer: 300})
		rng := rand.New(rand.NewPCG(seed, 2))
		const conns = 5
		var from, to [conns]int
		var sent, arrived [conns][]byte
		for i := range conns {
			from[i], to[i] = connection(t, k)
		}
		for range 2000 {
			i := rng.IntN(conns)
			switch rng.IntN(3) {
			case 0:
				p := make([]byte, 1+rng.IntN(200))
				for j := range p {
					p[j] = byte(rng.Uint32())
				}
				n, _ := send(k, from[i], p)
				sent[i] = append(sent[i], p[:n]...)
			case 1:
				p, _ := recv(k, to[i])
				arrived[i] = append(arrived[i], p...)
			case 2:
				k.Step()
			}
		}
		for i := range conns {
			done(t, k.Shutdown(from[i], ShutWrite))
		}
		for i := range conns {
			end := EAGAIN
			for end == EAGAIN {
				settle(k)
				var p []byte
				p, end = recv(k, to[i])
				arrived[i] = append(arrived[i], p...)
			}
			if end != 0 || !bytes.Equal(sent[i], arrived[i]) || len(sent[i]) == 0 {
				t.Fatalf("seed %d: %d of %d bytes arrived, then %v", seed, len(arrived[i]), len(sent[i]), end)
			}
		}
	}
}

// history is what a few connections see when they are stepped.
func history(t *testing.T, seed uint64) (s string) {
	k := New(seed, Options{})
	var pairs [6][2]int
	for i := range pairs {
		pairs[i][0], pairs[i][1] = connection(t, k)
	}
	for i := range pairs {
		if _, e := send(k, pairs[i][0], make([]byte, 1000)); e != 0 {
			t.Fatal(e)
		}
	}
	for k.Step() {
		for _, p := range pairs {
			n, _ := k.Unread(p[1])
			s += fmt.Sprint(n, " ")
		}
	}
	return s
}

func TestASeedIsAHistory(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(20) {
		h := history(t, seed)
		if h != history(t, seed) {
			t.Fatalf("seed %d is two histories", seed)
		}
		seen[h] = true
	}
	if len(seen) < 20 {
		t.Fatalf("20 seeds are %d histories", len(seen))
	}
}

// A reset may overtake what was sent before it, but tears nothing out of it.
func TestAResetCutsTheTail(t *testing.T) {
	whole, cut := 0, 0
	for seed := range uint64(60) {
		k := New(seed, Options{})
		client, server := connection(t, k)
		text := []byte("what was sent before the reset")
		got[int](t)(send(k, client, text))
		done(t, k.SetLinger(client, true, 0))
		done(t, k.Close(client))
		settle(k)
		p, end := recv(k, server)
		want(t, "recv", end, ECONNRESET)
		if !bytes.HasPrefix(text, p) {
			t.Fatalf("seed %d: %q", seed, p)
		}
		if len(p) == len(text) {
			whole++
		} else {
			cut++
		}
		if _, e := send(k, server, text); e != EPIPE {
			t.Fatal(e)
		}
	}
	if whole == 0 || cut == 0 {
		t.Fatalf("%d whole, %d cut", whole, cut)
	}
}

// Hazard 24: the answer to late input is a reset that destroys the tail.
func TestCloseWithInputThatComesLater(t *testing.T) {
	k := New(3, Options{})
	client, server := connection(t, k)
	got[int](t)(send(k, server, []byte("answer")))
	done(t, k.Close(server))
	got[int](t)(send(k, client, []byte("more")))
	settle(k)
	if k.InFlight() != 0 {
		t.Fatal("still in flight")
	}
	_, end := recv(k, client)
	if end != 0 && end != ECONNRESET {
		t.Fatal(end)
	}
	want(t, "send", second(send(k, client, []byte("x"))), EPIPE)
}

func TestBuffersAreBounded(t *testing.T) {
	k := New(1, Options{SendBuffer: 3000, ReceiveBuffer: 2000})
	client, server := connection(t, k)
	total := 0
	for {
		n, e := send(k, client, make([]byte, 999))
		total += n
		if e == EAGAIN && !k.Step() {
			break
		}
	}
	if total != 5000 {
		t.Fatalf("%d bytes fit", total)
	}
	if n, _ := k.OutQueue(client); n != 3000 {
		t.Fatalf("%d bytes are not acknowledged", n)
	}
	q := got[int](t)(k.EpollCreate())
	done(t, k.EpollCtl(q, CtlAdd, client, Out|Edge, 1))
	events := make([]Event, 1)
	none := func(when string) {
		t.Helper()
		if n, _ := k.EpollWait(q, events); n != 0 {
			t.Fatalf("writable %s", when)
		}
	}
	none("although full")
	buf := make([]byte, 500)
	if _, e := k.Recv(server, [][]byte{buf}, false); e != 0 {
		t.Fatal(e)
	}
	settle(k)
	none("with little room")
	recv(k, server)
	settle(k)
	if n, _ := k.EpollWait(q, events); n != 1 || events[0].Events != Out {
		t.Fatalf("%d events, %v", n, events)
	}
	none("twice")
}

// The queue of a listener holds one more than its backlog; who finds it full waits.
func TestConnectWaitsForAPlaceInTheQueue(t *testing.T) {
	k := New(1, Options{Immediate: true})
	l, a := listen(t, k, 1)
	var fds []int
	for range 5 {
		fds = append(fds, dialTo(t, k, a))
	}
	up := func() (n int) {
		for _, fd := range fds {
			if _, e := k.Getpeername(fd); e == 0 {
				n++
			}
		}
		return n
	}
	for accepted := range 5 {
		if n := up(); n != min(accepted+2, 5) {
			t.Fatalf("%d are connected when %d were accepted", n, accepted)
		}
		accept(t, k, l)
	}
}

func TestClosedListenerResetsItsQueueAndRefusesTheRest(t *testing.T) {
	k := New(1, Options{})
	l, a := listen(t, k, 0)
	fds := []int{dialTo(t, k, a), dialTo(t, k, a), dialTo(t, k, a)}
	settle(k)
	done(t, k.Close(l))
	settle(k)
	for _, fd := range fds {
		if pending, _ := k.SocketError(fd); pending != ECONNRESET && pending != ECONNREFUSED {
			t.Errorf("%v", pending)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	k := New(1, Options{ConnectTimeout: time.Minute})
	fd := dialTo(t, k, Addr{IP: netip.MustParseAddr("192.0.2.1"), Port: 80})
	settle(k)
	if k.Pending() != time.Minute {
		t.Fatal(k.Pending())
	}
	k.Advance(time.Minute - 1)
	if r := k.Poll(fd, Out); r != 0 {
		t.Fatalf("%#x", r)
	}
	k.Advance(1)
	if r := k.Poll(fd, In|Out); r != In|Out|Err|Hup {
		t.Fatalf("%#x", r)
	}
	if pending, _ := k.SocketError(fd); pending != ETIMEDOUT {
		t.Fatal(pending)
	}
	if k.Now() != time.Minute || k.Pending() != -1 {
		t.Fatal(k.Now(), k.Pending())
	}
}

func TestStalledSocketIsSilent(t *testing.T) {
	k := New(1, Options{})
	client, server := connection(t, k)
	settle(k)
	done(t, k.Stall(client, true))
	got[int](t)(send(k, client, []byte("x")))
	got[int](t)(send(k, server, []byte("y")))
	done(t, k.Shutdown(client, ShutWrite))
	settle(k)
	if n, _ := k.OutQueue(server); n != 1 {
		t.Fatal("a stalled socket acknowledges")
	}
	if p, _ := recv(k, client); string(p) != "y" {
		t.Fatalf("a stalled socket received %q", p)
	}
	if _, end := recv(k, server); end != EAGAIN {
		t.Fatal(end)
	}
	done(t, k.Close(client))
	k.Unstall()
	settle(k)
	if p, end := recv(k, server); string(p) != "x" || end != 0 {
		t.Fatalf("%q, %v", p, end)
	}
}

// The other side of a connection that the network broke hears of it when it sends.
func TestBrokenConnection(t *testing.T) {
	k := New(1, Options{})
	client, server := connection(t, k)
	settle(k)
	done(t, k.Break(server, EHOSTUNREACH))
	want(t, "recv", second(k.Recv(server, [][]byte{make([]byte, 1)}, false)), EHOSTUNREACH)
	settle(k)
	if _, end := recv(k, client); end != EAGAIN {
		t.Fatal(end)
	}
	done(t, k.Stall(server, true))
	got[int](t)(send(k, client, []byte("x")))
	settle(k)
	if n, _ := k.OutQueue(client); n != 1 {
		t.Fatalf("%d bytes are not acknowledged by nobody", n)
	}
	k.Unstall()
	settle(k)
	if _, end := recv(k, client); end != ECONNRESET {
		t.Fatal(end)
	}
}

// The acknowledgement of a FIN is an edge of its own, when it comes by itself.
func TestTheAcknowledgementOfAFinIsAnEdge(t *testing.T) {
	k := New(1, Options{})
	client, _ := connection(t, k)
	settle(k)
	q := got[int](t)(k.EpollCreate())
	done(t, k.EpollCtl(q, CtlAdd, client, Out|Edge, 1))
	events := make([]Event, 1)
	done(t, k.Shutdown(client, ShutWrite))
	edges := 0
	for more := true; more; more = k.Step() {
		n, _ := k.EpollWait(q, events)
		edges += n
	}
	n, _ := k.EpollWait(q, events)
	if edges += n; edges != 2 {
		t.Fatalf("%d edges", edges)
	}
}

func TestUnixNames(t *testing.T) {
	k := New(1, Options{})
	a := Addr{Unix: true, Path: "/run/x.sock"}
	l := got[int](t)(k.Socket(Unix))
	c := got[int](t)(k.Socket(Unix))
	want(t, "connect", k.Connect(c, a), ENOENT)
	done(t, k.Bind(l, a))
	want(t, "connect", k.Connect(c, a), ECONNREFUSED)
	done(t, k.Listen(l, 0))
	done(t, k.Connect(c, a))
	want(t, "connect", k.Connect(got[int](t)(k.Socket(Unix)), a), EAGAIN)
	id := got[uint64](t)(k.Lookup(a.Path))
	done(t, k.Close(l))
	want(t, "recv", second(k.Recv(c, [][]byte{make([]byte, 1)}, false)), ECONNRESET)
	again := got[int](t)(k.Socket(Unix))
	want(t, "bind", k.Bind(again, a), EADDRINUSE)
	done(t, k.Unlink(a.Path))
	done(t, k.Bind(again, a))
	if now := got[uint64](t)(k.Lookup(a.Path)); now == id {
		t.Fatal("another file has the same number")
	}
}
