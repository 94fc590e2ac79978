//go:build linux

package stream_test

// What a Stream costs above the bare system calls.

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/stream"
)

// A transfer moves what p holds, or into p, and returns how many bytes it moved.
type transfer func(p []byte) int

// bareSend is sendto(2) and nothing else.
func bareSend(fd int) transfer {
	return func(p []byte) int {
		n, _, _ := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		return int(n)
	}
}

// bareRecv is recvfrom(2) and nothing else.
func bareRecv(fd int) transfer {
	return func(p []byte) int {
		n, _, _ := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		return int(n)
	}
}

// counted is what remains of a method that ends well.
func counted(method func(p []byte) (int, error)) transfer {
	return func(p []byte) int {
		n, _ := method(p)
		return n
	}
}

// BenchmarkWriteRead is a message of size bytes that is written to a Stream and
// read from the other end. by=calls is sendto and recvfrom on the same kind of
// socket: the difference is what Streams add to both.
func BenchmarkWriteRead(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		b.Run(fmt.Sprintf("by=stream/size=%d", size), func(b *testing.B) {
			x, y := pair(b)
			benchmarkTransfer(b, size, counted(x.Write), counted(y.Read))
		})
		b.Run(fmt.Sprintf("by=calls/size=%d", size), func(b *testing.B) {
			x, y := pair(b)
			benchmarkTransfer(b, size, bareSend(x.FD()), bareRecv(y.FD()))
		})
	}
}

func benchmarkTransfer(b *testing.B, size int, send, receive transfer) {
	p := make([]byte, size)
	sent, received := 0, 0
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		sent += send(p)
		received += receive(p)
	}
	if sent != b.N*size || received != sent {
		b.Fatalf("%d bytes sent and %d received of %d", sent, received, b.N*size)
	}
}

// BenchmarkReadNothing is a read of a socket in which nothing has come: what a
// reader pays who must see the would-block to know that it is done.
func BenchmarkReadNothing(b *testing.B) {
	p := make([]byte, 64)
	b.Run("by=stream", func(b *testing.B) {
		x, _ := pair(b)
		refused := 0
		b.ReportAllocs()
		for b.Loop() {
			if _, err := x.Read(p); err == stream.ErrWouldBlock {
				refused++
			}
		}
		if refused != b.N {
			b.Fatalf("%d of %d reads would have blocked", refused, b.N)
		}
	})
	b.Run("by=calls", func(b *testing.B) {
		x, _ := pair(b)
		receive := bareRecv(x.FD())
		refused := 0
		for b.Loop() {
			if receive(p) < 0 {
				refused++
			}
		}
		if refused != b.N {
			b.Fatalf("%d of %d receives would have blocked", refused, b.N)
		}
	})
}

// The methods that TestTransferAllocatesNothing does not look at are held to the
// same, and so is a write for which there is no room.
func TestOtherTransfersAllocateNothing(t *testing.T) {
	x, y := pair(t)
	p := make([]byte, 64)
	parts, buffers := make([][]byte, 2), net.Buffers{}
	for name, way := range map[string]struct{ write, read func() (int, error) }{
		"WriteSome and ReadFull": {
			func() (int, error) { return x.WriteSome(p) },
			func() (int, error) { return y.ReadFull(p) },
		},
		"WriteBuffers and ReadAppend": {
			func() (int, error) {
				parts[0], parts[1] = p[:30], p[30:]
				buffers = parts
				n, err := x.WriteBuffers(&buffers)
				return int(n), err
			},
			func() (int, error) {
				read, err := y.ReadAppend(p[:0])
				return len(read), err
			},
		},
		"Write, Peek and Read": {
			func() (int, error) { return x.Write(p) },
			func() (int, error) {
				if n, err := y.Peek(p); n != len(p) || err != nil {
					return n, err
				}
				return y.Read(p)
			},
		},
	} {
		expectNoAllocations(t, name, func() {
			n, err := way.write()
			m, err2 := way.read()
			if n != len(p) || m != n || err != nil || err2 != nil {
				t.Fatalf("%s: wrote (%d, %v) and read (%d, %v)", name, n, err, m, err2)
			}
		})
	}
	fill(t, x)
	expectNoAllocations(t, "Write without room", func() {
		n, err := x.Write(p)
		expectWouldBlock(t, "Write", n, err)
	})
}

func expectNoAllocations(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
	}
}
