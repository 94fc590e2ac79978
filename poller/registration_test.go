//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// Add, Modify and Delete: what they accept, what they refuse and with which
// error, and what becomes of reused and shared descriptors.

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// wantError fails unless err is an *Error for op and fd that matches target.
func wantError(t *testing.T, err error, op string, fd int, target error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.Op != op || e.FD != fd || !errors.Is(err, target) {
		t.Fatalf("got %v (op %q, fd %d), want %s fd %d: %v", err, e.Op, e.FD, op, fd, target)
	}
	if !strings.HasPrefix(err.Error(), "poller: "+op) {
		t.Fatalf("text %q does not name the operation", err)
	}
}

func TestAddTwiceExists(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read, 1))
	wantError(t, p.Add(a, Write, 2), "add", a, fs.ErrExist)
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
}

func TestAddTwiceExistsWhileOneShotIsDisarmed(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Write|OneShot, 1))
	wantOnly(t, p, 1, Writable)
	wantError(t, p.Add(a, Write, 2), "add", a, fs.ErrExist)
	wantNone(t, p)
}

func TestModifyAndDeleteOfUnknownDoNotExist(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	wantError(t, p.Modify(a, Write, 1), "modify", a, fs.ErrNotExist)
	wantError(t, p.Delete(a), "delete", a, fs.ErrNotExist)
	wantNone(t, p)
	must(t, p.Add(a, Write, 1))
	must(t, p.Delete(a))
	wantError(t, p.Modify(a, Write, 1), "modify", a, fs.ErrNotExist)
	wantError(t, p.Delete(a), "delete", a, fs.ErrNotExist)
	wantNone(t, p)
}

func TestClosedDescriptorIsBadToAddAndUnknownToTheRest(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	shut(t, a)
	wantError(t, p.Add(a, Read, 1), "add", a, sys.EBADF)
	if errors.Is(p.Add(a, Read, 1), fs.ErrNotExist) {
		t.Error("add of a closed descriptor claims that something does not exist")
	}
	wantError(t, p.Modify(a, Read, 1), "modify", a, fs.ErrNotExist)
	wantError(t, p.Delete(a), "delete", a, fs.ErrNotExist)
}

func TestBadArgumentsAreInvalid(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	for _, fd := range []int{-1, math.MinInt} {
		wantError(t, p.Add(fd, Read, 1), "add", fd, os.ErrInvalid)
		wantError(t, p.Modify(fd, Read, 1), "modify", fd, os.ErrInvalid)
		wantError(t, p.Delete(fd), "delete", fd, os.ErrInvalid)
	}
	for bit := allInterests + 1; bit != 0; bit <<= 1 {
		wantError(t, p.Add(a, Read|bit, 1), "add", a, os.ErrInvalid)
		wantError(t, p.Modify(a, Read|bit, 1), "modify", a, os.ErrInvalid)
	}
	wantError(t, p.Add(a, Read, ReservedToken), "add", a, os.ErrInvalid)
	must(t, p.Add(a, Read, ReservedToken-1))
	wantError(t, p.Modify(a, Read, ReservedToken), "modify", a, os.ErrInvalid)
}

// A number that does not fit the kernel's int must not be cut to one that does.
func TestHugeDescriptorIsNotCutToAnother(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("int is 32 bits")
	}
	p := newPoller(t)
	a, _ := newPair(t)
	fd := int(int64(a) + 1<<32)
	wantError(t, p.Add(fd, Write, 1), "add", fd, os.ErrInvalid)
	must(t, p.Add(a, Write, 1))
	wantError(t, p.Delete(fd), "delete", fd, os.ErrInvalid)
	wantOnly(t, p, 1, Writable)
}

func TestDeletedIsSilent(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|Write, 1))
	send(t, b, "x")
	must(t, p.Delete(a))
	wantNone(t, p)
	shut(t, b)
	wantNone(t, p)
}

func TestTokensKeepAll64Bits(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Write, 0))
	for _, token := range []Token{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 0x0123456789abcdef, 1 << 63, ReservedToken - 1} {
		must(t, p.Modify(a, Write, token))
		wantOnly(t, p, token, Writable)
	}
}

func TestSameTokenForSeveralDescriptors(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Write, 5))
	must(t, p.Add(b, Write, 5))
	events := make([]Event, 4)
	n, err := p.Wait(events, patience)
	if n != 2 || err != nil || events[0] != events[1] || events[0] != (Event{5, Writable}) {
		t.Fatalf("%v, %v", events[:n], err)
	}
}

// Close removes a registration, and the number may come back for another file.
func TestReusedNumberIsANewDescriptor(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Write, 1))
	shut(t, a)
	wantNone(t, p)

	r, w := newPipe(t)
	if r != a && w != a {
		t.Fatalf("pipe %d, %d did not reuse %d", r, w, a)
	}
	wantError(t, p.Modify(a, Read|Write, 2), "modify", a, fs.ErrNotExist)
	wantNone(t, p)
	must(t, p.Add(a, Read|Write, 3))
	send(t, w, "x")
	for token := range take(t, p) {
		if token != 3 {
			t.Fatalf("event of token %d", token)
		}
	}
	must(t, p.Delete(a))
}

// One-shot registrations in two pollers are armed each by itself.
func TestSameDescriptorOneShotInTwoPollers(t *testing.T) {
	p, q := newPoller(t), newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read|OneShot, 1))
	must(t, q.Add(a, Read|OneShot, 2))
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
	wantNone(t, p)
	wantOnly(t, q, 2, Readable)
	wantNone(t, q)
	must(t, p.Modify(a, Read|OneShot, 3))
	wantOnly(t, p, 3, Readable)
	wantNone(t, q)
	must(t, q.Modify(a, Read|OneShot, 4))
	wantNone(t, p)
	wantOnly(t, q, 4, Readable)
}

func TestSameDescriptorInTwoPollers(t *testing.T) {
	p, q := newPoller(t), newPoller(t)
	a, b := newPair(t)
	must(t, p.Add(a, Read, 1))
	must(t, q.Add(a, Read|Write|Edge, 2))
	wantOnly(t, q, 2, Writable)
	send(t, b, "x")
	wantOnly(t, p, 1, Readable)
	wantSome(t, q, 2, Readable)
	must(t, p.Delete(a))
	must(t, q.Modify(a, Read, 3))
	wantOnly(t, q, 3, Readable)
	wantNone(t, p)
	must(t, q.Delete(a))
	wantNone(t, q)
}

// Both sides of one connection, and read and write interest of two descriptors
// of one socket, are registrations of their own.
func TestTwoDescriptorsOfOneSocket(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	dup, e := sys.Dup(a)
	succeed(t, e)
	owned(t, dup)
	must(t, p.Add(a, Read, 1))
	must(t, p.Add(dup, Write, 2))
	send(t, b, "x")
	got := take(t, p)
	if len(got) != 2 || got[1] != Readable || got[2] != Writable {
		t.Fatalf("got %v", got)
	}
}

func TestChangesTakePartInARunningWait(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	c, _ := newPair(t)
	must(t, p.Add(c, 0, 7))
	changes := map[string]struct {
		change func() error
		want   Event
		undo   func() error
	}{
		"add of a ready descriptor":  {func() error { return p.Add(a, Write, 1) }, Event{1, Writable}, func() error { return p.Delete(a) }},
		"modify to a ready interest": {func() error { return p.Modify(c, Write, 8) }, Event{8, Writable}, func() error { return p.Modify(c, 0, 7) }},
		"data for a new descriptor": {func() error {
			if err := p.Add(a, Read, 2); err != nil {
				return err
			}
			if _, e := sys.Write(b, []byte("x")); e != 0 {
				return e
			}
			return nil
		}, Event{2, Readable}, func() error { return p.Delete(a) }},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			events := make([]Event, 4)
			result := background(t, func() error {
				n, err := p.Wait(events, -1)
				if err == nil && (n != 1 || events[0] != c.want) {
					err = fmt.Errorf("got %v, want %v", events[:n], c.want)
				}
				return err
			})
			must(t, c.change())
			must(t, result())
			must(t, c.undo())
		})
	}
}

// Registrations change on many goroutines while one waits: nothing but what
// they register is reported, and at the end the poller is as good as new.
func TestConcurrentModification(t *testing.T) {
	p := newPoller(t)
	const workers, rounds = 8, 200
	var group sync.WaitGroup
	for i := range workers {
		a, b := newPair(t)
		send(t, b, "x")
		group.Go(func() {
			for round := range rounds {
				token := Token(i)<<32 | Token(round)
				if err := errors.Join(
					p.Add(a, Read, token), p.Modify(a, Read|Write|OneShot, token),
					p.Modify(a, Write|Edge, token), p.Delete(a),
				); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	events := make([]Event, 5)
	for running := true; running; {
		select {
		case <-finished:
			running = false
		default:
		}
		n, err := p.Wait(events, 0)
		must(t, err)
		for _, ev := range events[:n] {
			if ev.Token>>32 >= workers || ev.Token&(1<<32-1) >= rounds || ev.Ready&^(Readable|Writable) != 0 {
				t.Fatalf("event %v that nobody registered", ev)
			}
		}
	}
	wantNone(t, p)
}
