//go:build !faultinject && !(linux && simkernel)

package sys

// seam tells whether this build has one. Small functions ask it first: what stands
// behind a false constant does not count when the compiler decides what to inline.
const seam = false

// fault is the place where a test build makes a call fail; here it is a
// constant that the compiler removes.
func fault(Call) Errno { return 0 }

// disturb is the same for a call on fd that moves bytes: it tells how many of size it
// may move.
func disturb(_ Call, _, size int) (int, Errno) { return size, 0 }

// interrupted is asked before each try of a call that is made again after EINTR: it tells
// whether a signal interrupts that one.
func interrupted() bool { return false }

// opened is told of a new descriptor, and released of one that is about to be closed.
func opened(int) {}

func released(int) {}
