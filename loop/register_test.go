//go:build unix

package loop_test

// Raw readiness: descriptors of any kind on a loop.

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
	"github.com/eddyline/eddyline/stream"
)

// pair is two connected streams.
func pair(t *testing.T) (a, b *stream.Stream) {
	t.Helper()
	a, b, err := stream.Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// registered calls f for events of fd, and returns the registration.
func registered(t *testing.T, l *loop.Loop, fd int, interest poller.Interest, f func(poller.Event)) *loop.Registration {
	t.Helper()
	var reg *loop.Registration
	do(t, l, func() {
		var err error
		if reg, err = l.Register(fd, interest, f); err != nil {
			t.Error(err)
		}
	})
	return reg
}

func TestRegisterReportsReadiness(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, b := pair(t)
	got := make(chan string, 10)
	reg := registered(t, l, a.FD(), poller.Read, func(ev poller.Event) {
		if ev.Ready&poller.Readable == 0 {
			t.Errorf("the event is %v", ev.Ready)
		}
		buf := make([]byte, 10)
		n, err := a.Read(buf)
		if err != nil {
			t.Error(err)
		}
		got <- string(buf[:n])
	})
	for _, word := range []string{"one", "two"} {
		if _, err := b.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		if s := take(t, "an event", got); s != word {
			t.Errorf("read %q, want %q", s, word)
		}
	}
	do(t, l, func() {
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
		if err := reg.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close: %v", err)
		}
		if err := reg.Modify(poller.Read); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Modify after Close: %v", err)
		}
	})
	if _, err := b.Write([]byte("three")); err != nil {
		t.Fatal(err)
	}
	turn(t, l)
	if len(got) > 0 {
		t.Error("a closed registration is called")
	}
}

// One-shot reports once until it is modified.
func TestRegisterOneShot(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, b := pair(t)
	events := make(chan struct{}, 10)
	reg := registered(t, l, a.FD(), poller.Read|poller.OneShot, func(poller.Event) { events <- struct{}{} })
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		take(t, "an event", events)
		turn(t, l)
		turn(t, l)
		if len(events) > 0 {
			t.Fatal("one-shot reports twice")
		}
		do(t, l, func() {
			if err := reg.Modify(poller.Read | poller.OneShot); err != nil {
				t.Error(err)
			}
		})
	}
}

// A registration that an earlier callback of the batch closes is not called
// (hazard 1).
func TestARegistrationClosedInTheBatchIsSilent(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	var regs []*loop.Registration // the loop's
	calls := make(chan struct{}, 10)
	var peers []*stream.Stream
	for range 5 {
		a, b := pair(t)
		peers = append(peers, b)
		reg := registered(t, l, a.FD(), poller.Read, func(poller.Event) {
			calls <- struct{}{}
			for _, reg := range regs {
				if err := reg.Close(); err != nil {
					t.Error(err)
				}
			}
		})
		do(t, l, func() { regs = append(regs, reg) })
	}
	release := hold(t, l)
	for _, b := range peers {
		if _, err := b.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	release()
	take(t, "an event", calls)
	turn(t, l)
	if len(calls) > 0 {
		t.Error("a registration is called after another's callback closed it")
	}
}

func TestRegisterRefusals(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, _ := pair(t)
	none := func(poller.Event) {}
	registered(t, l, a.FD(), poller.Read, none)
	do(t, l, func() {
		if _, err := l.Register(a.FD(), poller.Read, none); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second Register: %v, want fs.ErrExist", err)
		}
		if _, err := l.Register(a.FD(), poller.Read, nil); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("a nil function: %v, want os.ErrInvalid", err)
		}
		if _, err := l.Register(-1, poller.Read, none); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("a negative descriptor: %v, want os.ErrInvalid", err)
		}
		if _, err := l.Register(1<<20, poller.Read, none); err == nil {
			t.Error("a descriptor that is not open is registered")
		}
	})
	// The refused ones left no slot: the engine's end would wait for them.
}

// After the engine's end nothing can be registered.
func TestRegisterAfterTheEnd(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	l := r.engine.Loops()[0]
	a, _ := pair(t)
	refused := make(chan error, 1)
	ln := r.listen(r.always(hooks{data: echo, close: func(*loop.Conn, error) {
		_, err := l.Register(a.FD(), poller.Read, func(poller.Event) {})
		refused <- err
	}}))
	c := r.dial(ln)
	c.echoes()
	r.stop()
	if err := take(t, "OnClose", refused); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Register at the end: %v, want net.ErrClosed", err)
	}
}
