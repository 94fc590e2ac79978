//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sys

import (
	"testing"
	"time"
)

// newPipe returns both ends of a pipe that the test owns.
func newPipe(t *testing.T) (r, w int) {
	t.Helper()
	r, w, e := Pipe()
	if e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() { Close(r); Close(w) })
	return r, w
}

func TestPollTellsWhatIsReady(t *testing.T) {
	r, w := newPipe(t)
	fds := []PollFd{{Fd: int32(r), Events: POLLIN}, {Fd: int32(w), Events: POLLOUT}}
	if n, e := Poll(fds, 0); n != 1 || e != 0 || fds[0].Revents != 0 || fds[1].Revents != POLLOUT {
		t.Fatalf("%d, %v, %+v", n, e, fds)
	}
	if n, e := Write(w, []byte("x")); n != 1 || e != 0 {
		t.Fatal(n, e)
	}
	if n, e := Poll(fds, -1); n != 2 || e != 0 || fds[0].Revents != POLLIN {
		t.Fatalf("%d, %v, %+v", n, e, fds)
	}
}

func TestPollIsNeverEarly(t *testing.T) {
	r, _ := newPipe(t)
	for _, timeout := range []time.Duration{1, 300 * time.Microsecond, 1700 * time.Microsecond} {
		start := time.Now()
		n, e := Poll([]PollFd{{Fd: int32(r), Events: POLLIN}}, timeout)
		if e == EINTR {
			continue
		}
		if took := time.Since(start); n != 0 || e != 0 || took < timeout {
			t.Fatalf("Poll(%v) = %d, %v after %v", timeout, n, e, took)
		}
	}
}

func TestPipeIsNonblocking(t *testing.T) {
	r, w := newPipe(t)
	if _, e := Read(r, make([]byte, 1)); e != EAGAIN {
		t.Fatalf("read of an empty pipe: %v", e)
	}
	total := 0
	for {
		n, e := Write(w, make([]byte, 4096))
		if e == EAGAIN {
			break
		}
		if e != 0 {
			t.Fatal(e)
		}
		total += n
	}
	for total > 0 {
		n, e := Read(r, make([]byte, 4096))
		if e != 0 {
			t.Fatal(e)
		}
		total -= n
	}
	if _, e := Read(r, make([]byte, 1)); e != EAGAIN {
		t.Fatalf("read of an emptied pipe: %v", e)
	}
}

// One call moves a bounded amount, since it may be made without the scheduler.
func TestTransfersAreBounded(t *testing.T) {
	_, w := newPipe(t)
	n, e := Write(w, make([]byte, 2*MaxTransfer))
	if e != 0 || n == 0 || n > MaxTransfer {
		t.Fatalf("%d, %v", n, e)
	}
}

func TestReadAndWriteOfAClosedDescriptor(t *testing.T) {
	if n, e := Read(-1, make([]byte, 1)); n != 0 || e != EBADF {
		t.Fatal(n, e)
	}
	if n, e := Write(-1, make([]byte, 1)); n != 0 || e != EBADF {
		t.Fatal(n, e)
	}
}
