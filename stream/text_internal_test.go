//go:build unix

package stream

// ReadToString beside what takes the descriptor away.

import (
	"errors"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// Input that ReadToString has taken from the kernel and not set aside yet is not
// lost to a Detach: it is refused.
func TestDetachDuringReadToStringIsRefused(t *testing.T) {
	const text = "sixteen bytes..."
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	if _, err := b.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	m := a.socket().sharedMode()
	m.heldMu.Lock() // nobody can set anything aside
	read, detached := make(chan error, 1), make(chan error, 1)
	go func() { _, err := a.ReadToString(); read <- err }()
	for e := sys.Errno(0); e != sys.EAGAIN; {
		_, e = sys.Peek(a.FD(), make([]byte, 1))
	}
	go func() { _, err := a.Detach(); detached <- err }()
	select {
	case err := <-detached:
		t.Fatalf("Detach does not wait for ReadToString: %v", err)
	case <-time.After(20 * time.Millisecond): // only a Detach that is wrong is sure to be seen
	}
	m.heldMu.Unlock()
	if err := <-detached; !errors.Is(err, sys.EBUSY) {
		t.Errorf("Detach during ReadToString: %v, want EBUSY", err)
	}
	if err := <-read; err != ErrWouldBlock {
		t.Errorf("ReadToString: %v, want ErrWouldBlock", err)
	}
	p := make([]byte, 100)
	if n, err := a.Read(p); err != nil || string(p[:n]) != text {
		t.Errorf("Read: %q, %v; want %q", p[:n], err, text)
	}
}
