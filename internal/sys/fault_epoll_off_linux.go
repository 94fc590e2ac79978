//go:build !faultinject && !simkernel

package sys

// watched and unwatched are told of registrations, and embellish may add events
// to the n that a wait found unless it failed; the compiler removes them here.
func watched(_, _, _ int, _ uint32, _ uint64) {}

func unwatched(int) {}

func embellish(_ int, _ []EpollEvent, n int, e Errno) (int, Errno) { return n, e }
