package sim

// The network's steps, buffers, queues and how connections end.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

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
