//go:build faultinject && !(linux && simkernel)

package sys

// The descriptors that the calls of this package have made and not closed, so that a
// rule can have them run out. The model of the kernel counts for itself.

import "sync"

var held = struct {
	sync.Mutex
	of map[int]bool // by number, so that one closed by others is counted until it comes again
}{of: map[int]bool{}}

func opened(fd int) {
	held.Lock()
	defer held.Unlock()
	held.of[fd] = true
}

func released(fd int) {
	held.Lock()
	defer held.Unlock()
	delete(held.of, fd)
}

// descriptors is how many are held.
func descriptors() int {
	held.Lock()
	defer held.Unlock()
	return len(held.of)
}
