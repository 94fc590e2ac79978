//go:build linux && (faultinject || simkernel)

package sys

// Each call with each fault that it can suffer, one after the other.

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// everyCall runs a test for each call that this kernel has and suits.
func everyCall(t *testing.T, suits func(trait) bool, test func(t *testing.T, c Call)) {
	for _, c := range slices.Sorted(maps.Keys(traits)) {
		if suits(traits[c]) && here(c) {
			t.Run(string(c), func(t *testing.T) { test(t, c) })
		}
	}
}

// here tells whether this kernel has a call.
func here(c Call) bool {
	if c != CallKqueue && c != CallKevent && c != CallKeventWait {
		return true
	}
	kq, e := Kqueue()
	if e == 0 {
		Close(kq)
	}
	return e != ENOSYS
}

// under makes a call by rules, and wants a fault to be counted.
func under(t *testing.T, r Rules, f Fault, call func() (int, Errno)) (int, Errno) {
	t.Helper()
	r.Tally = new(Tally)
	remove := InjectRules(r)
	n, e := call()
	remove()
	if r.Tally.Count(f) == 0 {
		t.Errorf("%v: no fault is counted as %q of %q", r, f.Kind, f.Call)
	}
	return n, e
}

func all(trait) bool { return true }

// A new call needs its row, and its try here.
func TestEveryCallHasItsRow(t *testing.T) {
	named := slices.Sorted(maps.Values(namedCalls(t)))
	if rows := slices.Sorted(maps.Keys(traits)); !slices.Equal(named, asText(rows)) {
		t.Errorf("call.go names %q, the table of traits has %q", named, rows)
	}
	if tried := slices.Sorted(maps.Keys(tries)); !slices.Equal(named, asText(tried)) {
		t.Errorf("call.go names %q, the tests try %q", named, tried)
	}
	for c, row := range traits {
		if (row.class == 0) != (len(row.errnos) == 0) {
			t.Errorf("%s fails at random with %v, and its class is %d", c, row.errnos, row.class)
		}
	}
}

func asText(calls []Call) (list []string) {
	for _, c := range calls {
		list = append(list, string(c))
	}
	return list
}

// Without a fault every try succeeds, or the others would tell nothing.
func TestEveryCallSucceedsUndisturbed(t *testing.T) {
	everyCall(t, all, func(t *testing.T, c Call) {
		n, e := tries[c](t)()
		if e != 0 || traits[c].moves > 0 && n != full || traits[c].events && n != 1 {
			t.Fatal(n, e)
		}
	})
}

func TestEveryCallCanFail(t *testing.T) {
	everyCall(t, all, func(t *testing.T, c Call) {
		call := tries[c](t)
		defer Inject(func(asked Call) Errno {
			if asked == c {
				return syscall.EL2HLT
			}
			return 0
		})()
		if _, e := call(); e != syscall.EL2HLT {
			t.Fatal(e)
		}
	})
}

func TestEveryCallCanBeLate(t *testing.T) {
	everyCall(t, all, func(t *testing.T, c Call) {
		if _, e := under(t, Rules{Slow: 1, Delay: 1}, Fault{Kind: Late}, tries[c](t)); e != 0 {
			t.Fatal(e)
		}
	})
}

func TestCallsFailByClass(t *testing.T) {
	everyCall(t, func(row trait) bool { return row.class != 0 }, func(t *testing.T, c Call) {
		of := Errnos(traits[c].class)
		if _, found := of[c]; found == c.elsewhere() {
			t.Fatalf("of its class are %v", of)
		}
		for _, errno := range traits[c].errnos {
			r := Rules{Fail: 1, Errnos: map[Call][]Errno{c: {errno}}}
			if _, e := under(t, r, Fault{c, errno.Error()}, tries[c](t)); e != errno {
				t.Errorf("%v, want %v", e, errno)
			}
		}
	})
}

// A short transfer moves what its kind of descriptor can be short by: seeds reach the
// least and the most of that.
func TestTransfersCanBeShort(t *testing.T) {
	everyCall(t, func(row trait) bool { return row.moves > 0 }, func(t *testing.T, c Call) {
		met := map[int]bool{}
		for seed := range uint64(40) {
			r := Rules{Seed: seed, Short: 1, Tally: new(Tally)}
			call := tries[c](t)
			remove := InjectRules(r)
			n, e := call()
			remove()
			if e != 0 || n < traits[c].moves || (n < full) != (r.Tally.Count(Fault{c, Short}) == 1) {
				t.Fatalf("seed %d: %d bytes, %v, counted %d times", seed, n, e, r.Tally.Count(Fault{c, Short}))
			}
			met[n] = true
		}
		if !met[traits[c].moves] || !met[full-1] {
			t.Errorf("of %d bytes these were moved: %v", full, slices.Sorted(maps.Keys(met)))
		}
	})
}

// No kernel moves a part of a counter, or of a small write to a pipe.
func TestWhatAKernelMovesAtOnceIsNotShort(t *testing.T) {
	counter := own(t)(Eventfd())
	r, w := piped(t)
	for seed := range uint64(40) {
		remove := InjectRules(Rules{Seed: seed, Short: 1, Again: 1})
		for _, part := range []struct {
			what string
			size int
			call func([]byte) (int, Errno)
		}{
			{"write to a counter", counterSize, func(p []byte) (int, Errno) { p[0] = 1; return Write(counter, p) }},
			{"read of a counter", counterSize, func(p []byte) (int, Errno) { return Read(counter, p) }},
			{"write to a pipe", pipeAtom, func(p []byte) (int, Errno) { return Write(w, p) }},
		} {
			if n, e := part.call(make([]byte, part.size)); n != part.size || e != 0 {
				t.Errorf("seed %d: a %s: %d, %v", seed, part.what, n, e)
			}
		}
		remove()
		if n, e := Read(r, make([]byte, 2*pipeAtom)); n != pipeAtom || e != 0 {
			t.Fatal(n, e)
		}
	}
}

func TestTransfersCanBlock(t *testing.T) {
	everyCall(t, func(row trait) bool { return row.blocks }, func(t *testing.T, c Call) {
		if n, e := under(t, Rules{Again: 1}, Fault{c, EAGAIN.Error()}, tries[c](t)); n != 0 || e != EAGAIN {
			t.Fatal(n, e)
		}
	})
}

// Whoever was told by an edge, and is told that nothing is left, must hear of what is.
func TestWhatAFaultLeavesBehindIsAnEdgeAgain(t *testing.T) {
	fds := paired(t)
	r, w := piped(t)
	_, e := Write(w, make([]byte, full))
	succeed(t, e)
	_, e = Send(fds[1], make([]byte, full))
	succeed(t, e)
	for _, try := range []struct {
		what   string
		fd     int
		events uint32
		call   func(p []byte) (int, Errno)
	}{
		{"Read", r, EPOLLIN, func(p []byte) (int, Errno) { return Read(r, p) }},
		{"Write", w, EPOLLOUT, func(p []byte) (int, Errno) { return Write(w, p) }},
		{"Recv", fds[0], EPOLLIN, func(p []byte) (int, Errno) { return Recv(fds[0], p) }},
		{"Send", fds[0], EPOLLOUT, func(p []byte) (int, Errno) { return Send(fds[0], p) }},
	} {
		q := own(t)(EpollCreate())
		succeed(t, EpollCtl(q, EPOLL_CTL_ADD, try.fd, try.events|EPOLLET, 1))
		list := make([]EpollEvent, 2)
		for want := range 2 {
			if n, e := EpollWait(q, list, 0); n != 1-want || e != 0 {
				t.Fatalf("%s: %d events, %v", try.what, n, e)
			}
		}
		r := Rules{Short: 1, Tally: new(Tally)}
		for r.Tally.Count(Fault{Call(strings.ToLower(try.what)), Short}) == 0 {
			r.Seed++
			remove := InjectRules(r)
			_, e := try.call(make([]byte, full/4))
			remove()
			succeed(t, e)
		}
		if n, e := EpollWait(q, list, 0); n != 1 || e != 0 || list[0].Events != try.events {
			t.Errorf("after a short %s: %d events, %v", try.what, n, e)
		}
		succeed(t, EpollCtl(q, EPOLL_CTL_DEL, try.fd, 0, 0))
	}
}

func TestWaitsReportTwiceAndForNothing(t *testing.T) {
	everyCall(t, func(row trait) bool { return row.events }, func(t *testing.T, c Call) {
		r := Rules{Extra: 1, Tally: new(Tally)}
		for r.Tally.Count(Fault{c, Twice}) == 0 || r.Tally.Count(Fault{c, Spurious}) == 0 {
			if r.Seed++; r.Seed > 100 {
				t.Fatalf("of 100 seeds none brought both: %v", r.Tally.of)
			}
			call := tries[c](t)
			before := r.Tally.Count(Fault{c, Twice}) + r.Tally.Count(Fault{c, Spurious})
			remove := InjectRules(r)
			n, e := call()
			remove()
			if more := r.Tally.Count(Fault{c, Twice}) + r.Tally.Count(Fault{c, Spurious}) - before; n != 1+more || e != 0 {
				t.Fatalf("seed %d: %d events, %v, and %d were added", r.Seed, n, e, more)
			}
		}
	})
}

// EMFILE by count: the descriptor that is one too many is not made, by whichever call,
// until another is closed.
func TestDescriptorsRunOut(t *testing.T) {
	everyCall(t, func(row trait) bool { return row.makes > 0 }, func(t *testing.T, c Call) {
		makes := traits[c].makes
		for left := range makes {
			if _, e := under(t, Rules{Exhaust: left + 1}, Fault{c, EMFILE.Error()}, tries[c](t)); e != EMFILE {
				t.Errorf("with %d left: %v", left, e)
			}
		}
		call := tries[c](t)
		var spares []int
		for range makes {
			fd, e := Socket(DomainUnix)
			succeed(t, e)
			spares = append(spares, fd)
		}
		defer InjectRules(Rules{Exhaust: 1})()
		for _, fd := range spares {
			if _, e := call(); e != EMFILE {
				t.Fatal(e)
			}
			succeed(t, Close(fd))
		}
		if _, e := call(); e != 0 {
			t.Errorf("with room for %d: %v", makes, e)
		}
		if _, e := call(); e != EMFILE {
			t.Errorf("with no more room: %v", e)
		}
	})
}

func TestDescriptorsAreCountedWhileTheyAreOpen(t *testing.T) {
	before := descriptors()
	for range 3 {
		fd, e := Socket(DomainIPv4)
		succeed(t, e)
		Close(fd)
		if n := descriptors(); n != before {
			t.Fatalf("%d descriptors, %d before", n, before)
		}
	}
	own(t)(Socket(DomainIPv4))
	if n := descriptors(); n != before+1 {
		t.Fatalf("%d descriptors, %d before", n, before)
	}
}
