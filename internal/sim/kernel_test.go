package sim

// Descriptors and names, and what the tests share.

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
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
