//go:build linux && (faultinject || simkernel)

package poller

// Every system call of every verb failing once. A kevent that adds nothing, as that of a
// wake and of a deletion, fails by no rule on the model.

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// simulatedKqueue tells whether the poller is that of kevent.
var _, simulatedKqueue = any(new(backend)).(*kqueue)

// failing makes the k-th system call fail, counted from 1, and tells afterwards
// whether there was one.
func failing(k int, e sys.Errno) (reached func() bool) {
	var calls atomic.Int32
	remove := sys.Inject(func(c sys.Call) sys.Errno {
		if c != sys.CallClose && int(calls.Add(1)) == k {
			return e
		}
		return 0
	})
	return func() bool {
		remove()
		return int(calls.Load()) >= k
	}
}

// Hazard 7: a half-made poller leaks what was opened first.
func TestNewWithEachCallFailing(t *testing.T) {
	before := descriptors(t)
	k := 1
	for ; ; k++ {
		reached := failing(k, sys.EMFILE)
		p, err := New()
		if !reached() {
			must(t, err)
			must(t, p.Close())
			break
		}
		if simulatedKqueue && err == nil { // without a user event it has a pipe
			must(t, p.Wake())
			wantWoken(t, p)
			must(t, p.Close())
			continue
		}
		if p != nil {
			t.Fatalf("call %d failed, and New gave a poller", k)
		}
		wantError(t, err, "new", -1, sys.EMFILE)
		var call *os.SyscallError
		if !errors.As(err, &call) || call.Syscall == "" {
			t.Fatalf("%v does not name the system call", err)
		}
		if after := descriptors(t); after != before {
			t.Fatalf("call %d failed: %d descriptors before, %d after", k, before, after)
		}
	}
	if k != 4 && !simulatedKqueue {
		t.Fatalf("New made %d system calls, want 3", k-1)
	}
}

func TestVerbsWithTheirCallFailing(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	verbs := []struct {
		op   string
		fd   int
		call func() error
	}{
		{"add", a, func() error { return p.Add(a, Write, 1) }},
		{"modify", a, func() error { return p.Modify(a, Write, 2) }},
		{"wake", -1, p.Wake},
		{"wait", -1, func() error { _, err := p.Wait(make([]Event, 1), 0); return err }},
		{"wait", -1, func() error { _, err := p.Wait(make([]Event, 1), -1); return err }},
		{"wait", -1, func() error { _, err := p.Wait(make([]Event, 1), 1e9); return err }},
		{"delete", a, func() error { return p.Delete(a) }},
	}
	for _, v := range verbs {
		if simulatedKqueue && (v.op == "wake" || v.op == "delete") {
			must(t, v.call())
			continue
		}
		reached := failing(1, sys.ENOMEM)
		err := v.call()
		if !reached() {
			t.Fatalf("%s makes no system call", v.op)
		}
		wantError(t, err, v.op, v.fd, sys.ENOMEM)
		must(t, v.call())
	}
}

// Hazard 20 without the luck of timing: every wait is interrupted several times.
func TestInterruptedWaitsGoOn(t *testing.T) {
	for _, timeout := range []time.Duration{-1, 0, time.Second} {
		p := newPoller(t)
		a, _ := newPair(t)
		must(t, p.Add(a, Write, 1))
		left := 5
		remove := sys.Inject(func(c sys.Call) sys.Errno {
			if (c == sys.CallEpollWait || c == sys.CallKeventWait) && left > 0 {
				left--
				return sys.EINTR
			}
			return 0
		})
		events := make([]Event, 1)
		n, err := p.Wait(events, timeout)
		remove()
		if n != 1 || err != nil || left != 0 {
			t.Fatalf("timeout %v: %d, %v, %d interruptions left", timeout, n, err, left)
		}
	}
}
