//go:build unix

package stream_test

// What must not be lost or left when a descriptor changes hands or a connect fails.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// A connect that fails takes the file of its local address away again.
func TestAFailedStartLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	local := stream.UnixAddr(filepath.Join(dir, "local"))
	for range 2 {
		_, err := stream.StartFrom(local, stream.UnixAddr(filepath.Join(dir, "nobody")))
		if !errors.Is(err, syscall.ENOENT) {
			t.Errorf("StartFrom: %v, want ENOENT", err)
		}
		if _, err := os.Lstat(local.Path()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the local address' file: %v, want that it does not exist", err)
		}
	}
}

// One that succeeds leaves it to the caller, also when the Stream is closed.
func TestAStartFromAPathLeavesItsFile(t *testing.T) {
	dir := t.TempDir()
	local := stream.UnixAddr(filepath.Join(dir, "local"))
	l := listen(t, stream.UnixAddr(filepath.Join(dir, "l")))
	s, err := stream.StartFrom(local, listenerAddr(t, l))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.LocalAddr(); err != nil || got != local {
		t.Errorf("LocalAddr: %v, %v; want %v", got, err, local)
	}
	s.Close()
	if _, err := os.Lstat(local.Path()); err != nil {
		t.Error(err)
	}
}

// A number of which the kernel would see only a part is no descriptor.
func TestNumbersThatAreNoDescriptors(t *testing.T) {
	a, _ := pair(t)
	numbers := []int{-1}
	if high := uint64(1) << 32; ^uint(0)>>32 != 0 {
		numbers = append(numbers, a.FD()|int(high))
	}
	for _, fd := range numbers {
		if s, err := stream.FromFD(fd); !errors.Is(err, syscall.EBADF) {
			t.Errorf("FromFD(%d): %v, %v; want EBADF", fd, s, err)
		}
		if s, err := stream.ListenerFromFD(fd); !errors.Is(err, syscall.EBADF) {
			t.Errorf("ListenerFromFD(%d): %v, %v; want EBADF", fd, s, err)
		}
		if addr, err := stream.LocalAddrOf(fd); !errors.Is(err, syscall.EBADF) {
			t.Errorf("LocalAddrOf(%d): %v, %v; want EBADF", fd, addr, err)
		}
	}
}

// The peer of a descriptor that was adopted before its connect ended is known from
// FinishConnect on, a reset included.
func TestThePeerOfAPendingConnectStaysKnown(t *testing.T) {
	l := listen(t, loopback4())
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := stream.FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	want := listenerAddr(t, l)
	ip := want.AddrPort().Addr().As4()
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(want.AddrPort().Port()), Addr: ip}); err != nil && err != syscall.EINPROGRESS {
		t.Fatal(err)
	}
	if err := s.SetNonblocking(false); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishConnect(); err != nil {
		t.Fatal(err)
	}
	c := accept(t, l)
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read: %v, want ECONNRESET", err)
	}
	if got, err := s.PeerAddr(); err != nil || got != want {
		t.Errorf("PeerAddr after a reset: %v, %v; want %v", got, err, want)
	}
}

// What is wrong is named in one line.
func TestErrorsNameWhatIsWrong(t *testing.T) {
	_, device := stream.Listen(loopback4(), stream.ListenOptions{BindToDevice: "nosuch0"})
	_, port := stream.Resolve(t.Context(), "tcp", "127.0.0.1:99999")
	zone, err := stream.ParseAddr("[fe80::1%nosuch0]:80")
	if err != nil {
		t.Fatal(err)
	}
	_, unzoned := stream.Start(zone)
	for name, err := range map[string]error{"nosuch0": device, "127.0.0.1:99999": port, `"nosuch0"`: unzoned} {
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want one line that names %s", err, name)
		}
	}
}
