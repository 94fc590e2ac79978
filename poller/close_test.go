//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// Close against everything else.

import (
	"errors"
	"io/fs"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

func TestEveryVerbAfterCloseIsClosed(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Read, 1))
	must(t, p.Close())
	wantError(t, p.Add(a, Read, 1), "add", a, net.ErrClosed)
	wantError(t, p.Modify(a, Read, 1), "modify", a, net.ErrClosed)
	wantError(t, p.Delete(a), "delete", a, net.ErrClosed)
	wantError(t, p.Wake(), "wake", -1, net.ErrClosed)
	wantError(t, p.Close(), "close", -1, net.ErrClosed)
	for _, timeout := range []time.Duration{-1, 0, time.Hour} {
		n, err := p.Wait(make([]Event, 1), timeout)
		wantError(t, err, "wait", -1, net.ErrClosed)
		if n != 0 {
			t.Fatalf("n = %d", n)
		}
	}
	send(t, a, "registered descriptors stay open")
}

func TestCloseEndsARunningWait(t *testing.T) {
	for _, timeout := range []time.Duration{-1, time.Hour} {
		p := newPoller(t)
		waiting := make(chan struct{})
		result := background(t, func() error {
			close(waiting)
			_, err := p.Wait(make([]Event, 1), timeout)
			return err
		})
		<-waiting
		must(t, p.Close())
		wantError(t, result(), "wait", -1, net.ErrClosed)
	}
}

// A Wake that has rung the bell without being heard must not swallow the end.
func TestCloseAfterWakeEndsWait(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Write, 1))
	waiting := make(chan struct{})
	result := background(t, func() error {
		close(waiting)
		for {
			if _, err := p.Wait(make([]Event, 1), -1); err != nil {
				return err
			}
		}
	})
	<-waiting
	must(t, p.Wake())
	must(t, p.Close())
	wantError(t, result(), "wait", -1, net.ErrClosed)
}

// Hazard 9: Close, Wake, Wait and Add at the same moment, again and again, with
// descriptors coming and going: nothing but success or net.ErrClosed, and no
// bystander's descriptor is written to or closed.
func TestCloseRacesEverything(t *testing.T) {
	a, b := newPair(t)
	for range 150 {
		p, err := New()
		must(t, err)
		allowed := func(err error) {
			if err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		var group sync.WaitGroup
		start := make(chan struct{})
		run := func(f func()) { group.Go(func() { <-start; f() }) }
		run(func() {
			events := make([]Event, 2)
			for {
				if _, err := p.Wait(events, -1); err != nil {
					allowed(err)
					return
				}
			}
		})
		for range 3 {
			run(func() {
				for range 10 {
					allowed(p.Wake())
				}
			})
		}
		run(func() {
			for range 5 {
				allowed(p.Add(a, Read|Edge, 1))
				allowed(p.Modify(a, Write|Edge, 2))
				allowed(p.Delete(a))
			}
		})
		run(func() {
			// Takes the numbers that Close sets free.
			for range 5 {
				fds, e := sys.Socketpair()
				if e != 0 {
					t.Error(e)
					return
				}
				if n, e := sys.Read(fds[0], make([]byte, 8)); e != sys.EAGAIN {
					t.Errorf("a bystander received %d bytes, %v", n, e)
				}
				for _, fd := range fds {
					if e := sys.Close(fd); e != 0 {
						t.Errorf("a bystander was closed: %v", e)
					}
				}
			}
		})
		run(func() { allowed(p.Close()) })
		run(func() { allowed(p.Close()) })
		close(start)
		group.Wait()
	}
	send(t, a, "x")
	receive(t, b, "x")
}

// Adding to a poller that closes either takes part or fails; it never answers
// with another error.
func TestErrorsOfOneVerbDoNotDependOnClose(t *testing.T) {
	p := newPoller(t)
	a, _ := newPair(t)
	must(t, p.Add(a, Read, 1))
	if err := p.Add(a, Read, 1); !errors.Is(err, fs.ErrExist) || errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	must(t, p.Close())
	if err := p.Add(a, Read, 1); errors.Is(err, fs.ErrExist) || !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}
