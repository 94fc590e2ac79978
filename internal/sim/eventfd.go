package sim

// Event counters, see eventfd(2).

import (
	"encoding/binary"
	"fmt"
	"math"
)

type eventfd struct {
	base
	count uint64
}

// maxCount is the highest value of a counter.
const maxCount = math.MaxUint64 - 1

// Eventfd returns a new counter at 0.
func (k *Kernel) Eventfd() (int, Errno) {
	if !k.room(1) {
		return -1, EMFILE
	}
	return k.install(&eventfd{base: base{kernel: k}}), 0
}

func (f *eventfd) poll() (r Events) {
	if f.count > 0 {
		r |= In
	}
	if f.count < maxCount {
		r |= Out
	}
	return r
}

func (f *eventfd) read(p []byte) (int, Errno) {
	if len(p) < 8 {
		return 0, EINVAL
	}
	if f.count == 0 {
		return 0, EAGAIN
	}
	binary.NativeEndian.PutUint64(p, f.count)
	f.count = 0
	f.wake(Out)
	return 8, 0
}

func (f *eventfd) write(p []byte) (int, Errno) {
	if len(p) != 8 {
		return 0, EINVAL
	}
	n := binary.NativeEndian.Uint64(p)
	if n == math.MaxUint64 {
		return 0, EINVAL
	}
	if maxCount-f.count < n {
		return 0, EAGAIN
	}
	f.count += n
	f.wake(In)
	return 8, 0
}

func (f *eventfd) release() {}

func (f *eventfd) String() string { return fmt.Sprintf("eventfd %d", f.count) }
