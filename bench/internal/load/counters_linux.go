package load

// The figures that the generator shares with the process that measures.

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Counters lie in memory that the generator's process and the one that measures
// both map, so that reading them costs the generator nothing.
type Counters struct {
	Messages atomic.Uint64 // messages that came back whole
	Idle     atomic.Int64  // nanoseconds of processor time in which it looked for something to do
	Failed   atomic.Uint32 // 1 once the generator has given up
}

// NewCounters makes the memory and a file for it that a child inherits.
func NewCounters() (*Counters, *os.File, error) {
	fd, err := unix.MemfdCreate("eddyline-bench-counters", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "counters")
	if err := unix.Ftruncate(fd, int64(unsafe.Sizeof(Counters{}))); err != nil {
		file.Close()
		return nil, nil, os.NewSyscallError("ftruncate", err)
	}
	c, err := mapCounters(fd)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return c, file, nil
}

func mapCounters(fd int) (*Counters, error) {
	p, err := unix.Mmap(fd, 0, int(unsafe.Sizeof(Counters{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return (*Counters)(unsafe.Pointer(&p[0])), nil
}

// Close unmaps the memory.
func (c *Counters) Close() error {
	return unix.MunmapPtr(unsafe.Pointer(c), unsafe.Sizeof(*c))
}
