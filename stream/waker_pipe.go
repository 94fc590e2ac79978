//go:build !linux

package stream

// waker where there is no eventfd: a pipe.

import (
	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

// waker ends a wait in poll(2): its descriptor becomes readable by a signal and
// stays so.
type waker struct{ r, w descriptor.Descriptor }

// wakerCall is what newWaker calls.
const wakerCall = sys.CallPipe

func newWaker() (*waker, sys.Errno) {
	r, w, e := sys.Pipe()
	if e != 0 {
		return nil, e
	}
	p := new(waker)
	p.r.Init(r)
	p.w.Init(w)
	return p, 0
}

func (p *waker) fd() int { return p.r.FD() }

// signal may be called from any goroutine, also after close.
func (p *waker) signal() {
	if !p.w.Acquire() {
		return
	}
	defer p.w.Release()
	sys.Write(p.w.FD(), []byte{1})
}

func (p *waker) close() {
	p.w.Close()
	p.r.Close()
}
