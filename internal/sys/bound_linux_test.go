//go:build !simkernel

package sys

// No call that is made without the scheduler's knowledge moves more than MaxTransfer
// (hazard 43). That vectored ones take no more than MaxVec slices is tested by
// TestVectoredCallsAreBounded.

import (
	"testing"

	"golang.org/x/sys/unix"
)

// roomy returns a socket pair whose buffers hold several times MaxTransfer, as far as
// the kernel grants that: whoever is not root gets less.
func roomy(t *testing.T) (a, b int) {
	t.Helper()
	a, b = socketPair(t)
	for _, fd := range []int{a, b} {
		for _, option := range []int{unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE} {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 8*MaxTransfer)
		}
	}
	return a, b
}

// room is how much the kernel takes of p on fd at once, without this package.
func room(t *testing.T, p []byte) int {
	t.Helper()
	a, _ := roomy(t)
	n, err := unix.SendmsgN(a, p, nil, nil, unix.MSG_DONTWAIT)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRawTransfersAreBounded(t *testing.T) {
	p := make([]byte, 3*MaxTransfer)
	slices := [][]byte{p[:MaxTransfer/2], p[MaxTransfer/2 : 2*MaxTransfer], p[2*MaxTransfer:]}
	want := min(MaxTransfer, room(t, p))
	sends := map[string]func(fd int) (int, Errno){
		"Send":    func(fd int) (int, Errno) { return Send(fd, p) },
		"SendVec": func(fd int) (int, Errno) { return SendVec(fd, slices) },
		"Write":   func(fd int) (int, Errno) { return Write(fd, p) },
	}
	for name, send := range sends {
		a, _ := roomy(t)
		if n, e := send(a); n != want || e != 0 {
			t.Errorf("%s moved %d bytes, %v; want %d", name, n, e, want)
		}
	}
	receives := map[string]func(fd int) (int, Errno){
		"Recv":    func(fd int) (int, Errno) { return Recv(fd, p) },
		"Peek":    func(fd int) (int, Errno) { return Peek(fd, p) },
		"RecvVec": func(fd int) (int, Errno) { return RecvVec(fd, slices) },
		"Read":    func(fd int) (int, Errno) { return Read(fd, p) },
	}
	for name, receive := range receives {
		a, b := roomy(t)
		sent := 0
		for range 2 {
			n, e := Send(a, p)
			if e != 0 && e != EAGAIN {
				t.Fatal(e)
			}
			sent += n
		}
		if n, e := receive(b); n != min(MaxTransfer, sent) || e != 0 {
			t.Errorf("%s moved %d of %d bytes, %v; want %d", name, n, sent, e, MaxTransfer)
		}
	}
}
