//go:build linux

package poller

// The cost of a Wait that finds one event, next to that of the bare system call.

import (
	"os"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// readyPipe gives a poller on which one descriptor is always readable.
func readyPipe(b *testing.B) *Poller {
	b.Helper()
	p, err := New()
	if err != nil {
		b.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close(); r.Close(); w.Close() })
	if _, err := w.Write([]byte{1}); err != nil {
		b.Fatal(err)
	}
	if err := p.Add(int(r.Fd()), Read, 1); err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkWaitOneReady(b *testing.B) {
	b.Run("poller", func(b *testing.B) {
		p := readyPipe(b)
		events := make([]Event, 128)
		b.ReportAllocs()
		for b.Loop() {
			if n, err := p.Wait(events, 0); n != 1 {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		epfd := readyPipe(b).queue.FD()
		events := make([]sys.EpollEvent, 128)
		for b.Loop() {
			if n, e := sys.EpollPoll(epfd, events); n != 1 {
				b.Fatal(n, e)
			}
		}
	})
}

func BenchmarkModify(b *testing.B) {
	p := readyPipe(b)
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd := int(r.Fd())
	if err := p.Add(fd, Read, 2); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Modify(fd, Read, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWake(b *testing.B) {
	b.Run("first", func(b *testing.B) {
		p := readyPipe(b)
		for b.Loop() {
			p.bell.Store(0)
			if err := p.Wake(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("coalesced", func(b *testing.B) {
		p := readyPipe(b)
		for b.Loop() {
			if err := p.Wake(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
