//go:build !simkernel

package poller

// What is promised of Linux alone, and what only its tools can show: signals
// aimed at one thread, eventfd, terminals, the list of open descriptors.

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// descriptors counts the pollers' and test's open descriptors by what they are.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	n := 0
	for _, entry := range list {
		target, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if strings.HasPrefix(target, "anon_inode:[event") {
			n++
		}
	}
	return n
}

func TestCloseLeavesNoDescriptor(t *testing.T) {
	before := descriptors(t)
	for range 20 {
		p, err := New()
		must(t, err)
		must(t, p.Wake())
		must(t, p.Close())
	}
	if after := descriptors(t); after != before {
		t.Fatalf("%d descriptors before, %d after", before, after)
	}
}

// A closed poller keeps its descriptors until the wait has ended, and not longer.
func TestCloseDuringWaitLeavesNoDescriptor(t *testing.T) {
	before := descriptors(t)
	p, err := New()
	must(t, err)
	result := background(t, func() error {
		_, err := p.Wait(make([]Event, 1), -1)
		return err
	})
	must(t, p.Close())
	if result() == nil {
		t.Fatal("no error")
	}
	if after := descriptors(t); after != before {
		t.Fatalf("%d descriptors before, %d after", before, after)
	}
}

// Hazard 20: signals end the system call, never the wait.
func TestSignalsDoNotEndAWait(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGURG)
	defer signal.Stop(signals)
	p := newPoller(t)
	thread := make(chan int, 1)
	var limited, woken, done atomic.Bool // the waits with a limit are over, Wake was called, all is over
	result := background(t, func() error {
		defer done.Store(true)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- syscall.Gettid()
		events := make([]Event, 1)
		for range 5 {
			const timeout = 7 * time.Millisecond
			start := time.Now()
			n, err := p.Wait(events, timeout)
			if took := time.Since(start); n != 0 || err != nil || took < timeout {
				return fmt.Errorf("Wait(%v) = %d, %v after %v", timeout, n, err, took)
			}
		}
		limited.Store(true)
		n, err := p.Wait(events, -1)
		if err == nil && (n != 0 || !woken.Load()) {
			err = fmt.Errorf("Wait ended with %d events, woken %v", n, woken.Load())
		}
		return err
	})
	tid := <-thread
	storm := func(rounds int) {
		for i := 0; i < rounds && !done.Load(); i++ {
			sig := syscall.SIGUSR1
			if i%2 == 0 {
				sig = syscall.SIGURG
			}
			must(t, syscall.Tgkill(os.Getpid(), tid, sig))
			runtime.Gosched()
		}
	}
	for !limited.Load() && !done.Load() {
		storm(1000)
	}
	storm(1000)
	woken.Store(true)
	must(t, p.Wake())
	storm(1000)
	must(t, result())
}

// Hazard 21: a counter at its maximum refuses the write that would wake.
func TestWakeWithFullCounter(t *testing.T) {
	p := newPoller(t)
	full := binary.NativeEndian.AppendUint64(nil, 1<<64-2)
	if _, e := sys.Write(p.backend.bell.FD(), full); e != 0 {
		t.Fatal(e)
	}
	wantNone(t, p)
	for range 3 {
		must(t, p.Wake())
		wantWoken(t, p)
	}
	wantNoWake(t, p)
}

func TestRingFillsAndEmptiesAPipe(t *testing.T) {
	p := newPoller(t)
	r, w := newPipe(t)
	must(t, p.Add(r, Read|Edge, 1))
	for range 20000 {
		if f := ring(w, r); f.errno != 0 {
			t.Fatal(f)
		}
		wantOnly(t, p, 1, Readable)
	}
}

func TestEventfd(t *testing.T) {
	p := newPoller(t)
	fd, e := sys.Eventfd()
	if e != 0 {
		t.Fatal(e)
	}
	owned(t, fd)
	must(t, p.Add(fd, Read|Write, 1))
	wantOnly(t, p, 1, Writable)
	send(t, fd, string(stroke))
	wantOnly(t, p, 1, Readable|Writable)
	receive(t, fd, string(stroke))
	wantOnly(t, p, 1, Writable)
}

func TestTerminal(t *testing.T) {
	fd, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	must(t, err)
	owned(t, fd)
	p := newPoller(t)
	must(t, p.Add(fd, Read|Write, 1))
	wantSome(t, p, 1, Writable)
	send(t, fd, "typed\n") // the terminal echoes it
	var seen Ready
	for seen&Readable == 0 {
		seen |= take(t, p)[1]
	}
	receive(t, fd, "typed\r\n")
}

func TestPollerInAPoller(t *testing.T) {
	inner, outer := newPoller(t), newPoller(t)
	must(t, outer.Add(inner.queue.FD(), Read, 1))
	wantNone(t, outer)
	a, b := newPair(t)
	must(t, inner.Add(a, Read, 2))
	send(t, b, "x")
	wantOnly(t, outer, 1, Readable)
	wantOnly(t, inner, 2, Readable)
	wantError(t, inner.Add(inner.queue.FD(), Read, 3), "add", inner.queue.FD(), syscall.EINVAL)
}

func TestUrgentDataIsPriority(t *testing.T) {
	p := newPoller(t)
	client, server := newTCP(t)
	must(t, p.Add(server, Priority, 1))
	send(t, client, "plain")
	wantNone(t, p)
	_, err := syscall.SendmsgN(client, []byte("!"), nil, nil, syscall.MSG_OOB)
	must(t, err)
	wantOnly(t, p, 1, PriorityReady)
}

// Hazard 13: input re-reports room to write, so edges must not be counted.
func TestEdgeReportsWritableAlongWithInput(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Write|Edge, 1))
	wantOnly(t, p, 1, Writable)
	wantNone(t, p)
	send(t, b, "x")
	wantOnly(t, p, 1, Readable|Writable)
}

// Hazard 14: one edge for two connections.
func TestEdgeListenerIsSilentForTheSecondConnection(t *testing.T) {
	p := newPoller(t)
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	must(t, err)
	owned(t, l)
	must(t, syscall.Bind(l, &syscall.SockaddrUnix{}))
	must(t, syscall.Listen(l, 4))
	addr, err := syscall.Getsockname(l)
	must(t, err)
	must(t, p.Add(l, Read|Edge, 1))
	for range 2 {
		c, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		must(t, err)
		owned(t, c)
		must(t, syscall.Connect(c, addr))
	}
	wantOnly(t, p, 1, Readable)
	for range 2 {
		wantNone(t, p)
		c, _, err := syscall.Accept(l)
		must(t, err)
		owned(t, c)
	}
}

// Hazard 17: a socket that does not connect yet is ready for everything.
func TestSocketBeforeConnectIsHungUp(t *testing.T) {
	p := newPoller(t)
	_, addr := newListener(t)
	c := newSocket(t)
	must(t, p.Add(c, Write|Edge, 1))
	wantOnly(t, p, 1, Readable|Writable|ReadClosed|WriteClosed)
	begin(t, c, addr)
	wantOnly(t, p, 1, Writable)
}

// Hazard 18: only the peer's end is an event, not one's own.
func TestOwnShutdownIsSilent(t *testing.T) {
	p := newPoller(t)
	client, server := newTCP(t)
	must(t, p.Add(client, Read|Edge, 1))
	must(t, syscall.Shutdown(client, syscall.SHUT_WR))
	wantNone(t, p)
	must(t, p.Add(server, Read, 2))
	wantSome(t, p, 2, Readable|ReadClosed)
}

// Hazard 5: a duplicate keeps the registration that close would remove, and the
// closed number can no longer name it.
func TestDuplicateOutlivesTheRegisteredNumber(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	dup, err := syscall.Dup(a)
	must(t, err)
	owned(t, dup)
	must(t, p.Add(a, Read, 1))
	shut(t, a)
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
	if p.Delete(a) == nil || p.Delete(dup) == nil {
		t.Fatal("the kernel has learned to find it: update the documentation of Add")
	}
}
