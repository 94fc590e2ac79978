// Package descriptor makes a file descriptor safe to close while others use it.
//
// The kernel hands a closed number out again at once, so a call that still
// carries it would reach a stranger's file. A [Descriptor] counts the calls
// under way: Close takes effect for every later call immediately, but the number
// goes back to the kernel only when the last call has ended, once, and is never
// closed a second time.
package descriptor

import (
	"sync/atomic"

	"github.com/eddyline/eddyline/internal/sys"
)

const (
	open       = 1 << 31  // the descriptor has not been closed or detached
	references = open - 1 // the rest of the word counts the references
)

// Descriptor is a descriptor number with its references. The zero value behaves
// as a closed one; Init makes it usable. All other methods may be called from
// any goroutine. A Descriptor must not be copied.
type Descriptor struct {
	// state is 0 exactly when the number is no longer ours.
	state atomic.Uint32
	fd    int32
}

// Init takes ownership of fd. It must come before any other use of d.
func (d *Descriptor) Init(fd int) {
	d.fd = int32(fd)
	d.state.Store(open)
}

// FD is the number given to Init, also after Close. Only a caller that holds a
// reference may pass it to the kernel.
func (d *Descriptor) FD() int { return int(d.fd) }

// Acquire takes a reference, which holds the number until Release. It reports
// false, and takes none, once d is closed or detached.
func (d *Descriptor) Acquire() bool {
	// Not an addition that is undone when d turns out closed: the undoing could
	// be taken for the last Release and close the number a second time.
	for {
		old := d.state.Load()
		if old&open == 0 {
			return false
		}
		if old&references == references {
			panic("descriptor: too many references")
		}
		if d.state.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

// Release gives back a reference. The last one after Close closes the number.
func (d *Descriptor) Release() {
	left := d.state.Add(^uint32(0))
	if left&references == references {
		panic("descriptor: Release without Acquire")
	}
	if left == 0 {
		sys.Close(int(d.fd))
	}
}

// Close makes every later Acquire fail and closes the number, or leaves that to
// the last reference. It reports false when d was closed or detached before.
// What close(2) answers is dropped: the number is gone whatever it says, and to
// repeat the call would close a stranger's descriptor.
func (d *Descriptor) Close() bool {
	old := d.state.And(references)
	if old&open == 0 {
		return false
	}
	if old&references == 0 {
		sys.Close(int(d.fd))
	}
	return true
}

// Detach ends d's ownership without closing the number, which is the caller's
// from then on. It reports false, and changes nothing, while there are
// references and once d is closed or detached.
func (d *Descriptor) Detach() bool {
	return d.state.CompareAndSwap(open, 0)
}

// Closed reports whether Close or Detach took effect.
func (d *Descriptor) Closed() bool { return d.state.Load()&open == 0 }
