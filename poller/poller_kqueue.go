//go:build darwin || freebsd || netbsd || openbsd || dragonfly || (linux && simkernel && simkqueue)

package poller

// macOS and the BSDs: the kqueue of the system.

import (
	"time"

	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

type backend = kqueue

type systemKernel struct{}

func (systemKernel) apply(kq int, changes []sys.Kevent) sys.Errno {
	return sys.KeventApply(kq, changes)
}

func (systemKernel) wait(kq int, events []sys.Kevent, timeout time.Duration) (int, sys.Errno) {
	return sys.KeventWait(kq, events, timeout)
}

func (b *kqueue) open(queue *descriptor.Descriptor) failure {
	kq, e := sys.Kqueue()
	if e != 0 {
		return failure{sys.CallKqueue, e}
	}
	queue.Init(kq)
	b.kernel = systemKernel{}
	b.dispatch = sys.EV_DISPATCH
	f := b.hang(kq)
	if f.errno != 0 {
		queue.Close()
	}
	return f
}
