// Package descriptor decides when a file descriptor is closed. Several
// goroutines use one number, any of them may close it, and none may reach
// whatever gets the same number next.
package descriptor

import (
	"sync/atomic"

	"github.com/eddyline/eddyline/internal/sys"
)

// Descriptor is an open file descriptor and the count of those who use it now.
// Its methods may be called from any goroutine. The zero value counts as closed.
type Descriptor struct {
	// state is the open bit and, above it, the references. Once the open bit is
	// gone the references only fall, so they reach zero, and the descriptor is
	// closed, exactly once.
	state atomic.Int32
	fd    int32
}

const (
	open      = 1
	reference = 2
)

// Init takes ownership of fd. It must come before every other call.
func (d *Descriptor) Init(fd int) {
	d.fd = int32(fd)
	d.state.Store(open)
}

// FD returns the number. It may be used between Acquire and Release only.
func (d *Descriptor) FD() int { return int(d.fd) }

// Acquire takes a reference, which keeps the number from being reused until
// Release. It returns false, and takes none, once Close or Detach was called.
func (d *Descriptor) Acquire() bool {
	for {
		s := d.state.Load()
		if s&open == 0 {
			return false
		}
		if d.state.CompareAndSwap(s, s+reference) {
			return true
		}
	}
}

// Release gives a reference back. The last one after Close closes.
func (d *Descriptor) Release() {
	s := d.state.Add(-reference)
	if s < 0 {
		panic("descriptor: Release without Acquire")
	}
	if s == 0 {
		sys.Close(int(d.fd))
	}
}

// Close lets no further reference be taken and closes the descriptor as soon as
// none is left, at once if there is none. It returns false if Close or Detach
// came before. The close is never retried: whatever its error, the number is
// free, and may be somebody else's already.
func (d *Descriptor) Close() bool {
	for {
		s := d.state.Load()
		if s&open == 0 {
			return false
		}
		if !d.state.CompareAndSwap(s, s&^open) {
			continue
		}
		if s == open {
			sys.Close(int(d.fd))
		}
		return true
	}
}

// Detach gives up ownership: it returns true if there was no reference, and the
// Descriptor then counts as closed while the number stays open for the caller.
func (d *Descriptor) Detach() bool { return d.state.CompareAndSwap(open, 0) }
