//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// Descriptors of a kind that the engine does not make itself.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// rawFD returns the descriptor of a net connection; it stays the connection's.
func rawFD(t testing.TB, c syscall.Conn) (fd int) {
	t.Helper()
	raw, err := c.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(u uintptr) { fd = int(u) }))
	return fd
}

func newUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDatagramSocket(t *testing.T) {
	p := newPoller(t)
	a, b := newUDP(t), newUDP(t)
	must(t, p.Add(rawFD(t, a), Read, 1))
	wantNone(t, p)
	_, err := b.WriteTo([]byte("x"), a.LocalAddr())
	must(t, err)
	wantOnly(t, p, 1, Readable)
}

func TestRegularFile(t *testing.T) {
	p := newPoller(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	must(t, err)
	defer f.Close()
	fd := int(f.Fd())
	err = p.Add(fd, Read, 1)
	if runtime.GOOS != "linux" {
		must(t, err)
		return
	}
	wantError(t, err, "add", fd, syscall.EPERM)
	var call *os.SyscallError
	if !errors.As(err, &call) || call.Syscall != "epoll_ctl" {
		t.Fatalf("%v does not name the system call", err)
	}
	if want := fmt.Sprintf("poller: add fd %d: epoll_ctl: operation not permitted", fd); err.Error() != want {
		t.Fatalf("text %q, want %q", err, want)
	}
}
