package stream

// waker on Linux: an eventfd.

import (
	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

// waker ends a wait in poll(2): its descriptor becomes readable by a signal and
// stays so.
type waker struct{ desc descriptor.Descriptor }

// wakerCall is what newWaker calls.
const wakerCall = sys.CallEventfd

func newWaker() (*waker, sys.Errno) {
	fd, e := sys.Eventfd()
	if e != 0 {
		return nil, e
	}
	w := new(waker)
	w.desc.Init(fd)
	return w, 0
}

func (w *waker) fd() int { return w.desc.FD() }

// signal may be called from any goroutine, also after close.
func (w *waker) signal() {
	if !w.desc.Acquire() {
		return
	}
	defer w.desc.Release()
	// Bytes of a number that is not 0 in either byte order.
	sys.Write(w.desc.FD(), []byte{1, 0, 0, 0, 0, 0, 0, 1})
}

func (w *waker) close() { w.desc.Close() }
