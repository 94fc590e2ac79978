//go:build unix

package descriptor_test

// Every promise of Descriptor, alone, under concurrent use, and against a model.

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/eddyline/eddyline/internal/descriptor"
)

// pipe gives a descriptor to own and the other end, which tells whether the
// descriptor is still open: writing to a pipe that nobody can read is EPIPE.
func pipe(t interface {
	Helper()
	Fatal(...any)
}) (fd int, other end) {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(p[1], true); err != nil {
		t.Fatal(err)
	}
	return p[0], end(p[1])
}

// end is the end of a pipe that is written to.
type end int

func (e end) Close() { syscall.Close(int(e)) }

func isOpen(other end) bool {
	_, err := syscall.Write(int(other), []byte{0})
	return err != syscall.EPIPE
}

func TestZeroValueIsClosed(t *testing.T) {
	var d descriptor.Descriptor
	if d.Acquire() || d.Close() || d.Detach() || !d.Closed() {
		t.Error("the zero Descriptor owns descriptor 0")
	}
}

func TestCloseWithoutReferences(t *testing.T) {
	fd, other := pipe(t)
	defer other.Close()
	var d descriptor.Descriptor
	d.Init(fd)
	if d.FD() != fd || d.Closed() || !isOpen(other) {
		t.Fatal("not open after Init")
	}
	if !d.Close() || isOpen(other) {
		t.Fatal("the first Close did not close")
	}
	if d.Close() || d.Acquire() || d.Detach() || !d.Closed() {
		t.Error("usable after Close")
	}
	if d.FD() != fd {
		t.Errorf("FD after Close is %d, want %d", d.FD(), fd)
	}
}

func TestLastReferenceCloses(t *testing.T) {
	fd, other := pipe(t)
	defer other.Close()
	var d descriptor.Descriptor
	d.Init(fd)
	for range 2 {
		if !d.Acquire() {
			t.Fatal("Acquire failed")
		}
	}
	if !d.Close() || d.Acquire() || d.Close() || d.Detach() {
		t.Fatal("Close took no effect")
	}
	d.Release()
	if !isOpen(other) {
		t.Fatal("closed under a reference")
	}
	d.Release()
	if isOpen(other) {
		t.Error("the last reference did not close")
	}
}

func TestDetach(t *testing.T) {
	fd, other := pipe(t)
	defer other.Close()
	var d descriptor.Descriptor
	d.Init(fd)
	if !d.Acquire() || d.Detach() {
		t.Fatal("detached under a reference")
	}
	d.Release()
	if !d.Detach() || d.Detach() || d.Close() || d.Acquire() || !d.Closed() {
		t.Fatal("Detach took no effect")
	}
	if !isOpen(other) {
		t.Error("Detach closed the descriptor")
	}
	syscall.Close(fd)
}

func TestReleaseTooManyPanics(t *testing.T) {
	fd, other := pipe(t)
	defer other.Close()
	defer syscall.Close(fd)
	for name, state := range map[string]func(*descriptor.Descriptor){
		"open":     func(*descriptor.Descriptor) {},
		"detached": func(d *descriptor.Descriptor) { d.Detach() },
	} {
		t.Run(name, func(t *testing.T) {
			var d descriptor.Descriptor
			d.Init(fd)
			state(&d)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			d.Release()
		})
	}
}

// While users hold references and one of several closers wins, the number stays
// what it was for every user, and goes back once.
func TestCloseRacingUse(t *testing.T) {
	for range 200 {
		fd, other := pipe(t)
		var d descriptor.Descriptor
		d.Init(fd)
		var wg sync.WaitGroup
		var closed atomic.Int32
		start := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				<-start
				for d.Acquire() {
					if !isOpen(other) {
						t.Error("closed under a reference")
					}
					d.Release()
				}
			})
		}
		for range 3 {
			wg.Go(func() {
				<-start
				if d.Close() {
					closed.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if closed.Load() != 1 {
			t.Fatalf("closed %d times", closed.Load())
		}
		// A second close would hit whoever has the number now: make that us.
		again, stranger := pipe(t)
		if isOpen(other) || again != fd || !isOpen(stranger) {
			t.Fatalf("number %d: still open %v; the next one is %d, open %v", fd, isOpen(other), again, isOpen(stranger))
		}
		syscall.Close(again)
		stranger.Close()
		other.Close()
	}
}

// Close and Detach at once: exactly one of them has the number.
func TestCloseRacingDetach(t *testing.T) {
	for range 500 {
		fd, other := pipe(t)
		var d descriptor.Descriptor
		d.Init(fd)
		var wg sync.WaitGroup
		var closed, detached atomic.Int32
		for range 2 {
			wg.Go(func() {
				if d.Close() {
					closed.Add(1)
				}
			})
			wg.Go(func() {
				if d.Detach() {
					detached.Add(1)
				}
			})
			wg.Go(func() {
				if d.Acquire() {
					d.Release()
				}
			})
		}
		wg.Wait()
		if closed.Load()+detached.Load() != 1 {
			t.Fatalf("closed %d times, detached %d times", closed.Load(), detached.Load())
		}
		if isOpen(other) != (detached.Load() == 1) {
			t.Fatalf("detached %d, open %v", detached.Load(), isOpen(other))
		}
		if detached.Load() == 1 {
			syscall.Close(fd)
		}
		other.Close()
	}
}

// Any sequence of calls does what the plain model of them does.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fd, other := pipe(t)
		defer other.Close()
		var d descriptor.Descriptor
		d.Init(fd)
		var usable, owned, references = true, true, 0
		t.Repeat(map[string]func(*rapid.T){
			"acquire": func(t *rapid.T) {
				if d.Acquire() != usable {
					t.Fatalf("Acquire is not %v", usable)
				}
				if usable {
					references++
				}
			},
			"release": func(t *rapid.T) {
				if references == 0 {
					t.Skip("nothing to release")
				}
				d.Release()
				references--
			},
			"close": func(t *rapid.T) {
				if d.Close() != usable {
					t.Fatalf("Close is not %v", usable)
				}
				usable = false
			},
			"detach": func(t *rapid.T) {
				want := usable && references == 0
				if d.Detach() != want {
					t.Fatalf("Detach is not %v", want)
				}
				if want {
					usable, owned = false, false
				}
			},
			"": func(t *rapid.T) {
				if d.Closed() == usable || d.FD() != fd {
					t.Fatalf("Closed %v, FD %d", d.Closed(), d.FD())
				}
				if want := usable || references > 0 || !owned; isOpen(other) != want {
					t.Fatalf("open is not %v", want)
				}
			},
		})
		for ; references > 0; references-- {
			d.Release()
		}
		if !owned {
			syscall.Close(fd)
		} else {
			d.Close()
		}
		if isOpen(other) {
			t.Fatal("left open")
		}
	})
}
