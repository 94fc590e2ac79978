package poller

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

func TestEpollInterest(t *testing.T) {
	for i, want := range map[Interest]uint32{
		Read:                    sys.EPOLLIN | sys.EPOLLRDHUP,
		Write:                   sys.EPOLLOUT,
		Priority:                sys.EPOLLPRI,
		Read | Write:            sys.EPOLLIN | sys.EPOLLRDHUP | sys.EPOLLOUT,
		Read | Write | Edge:     sys.EPOLLIN | sys.EPOLLRDHUP | sys.EPOLLOUT | sys.EPOLLET,
		Write | OneShot:         sys.EPOLLOUT | sys.EPOLLONESHOT,
		Write | Edge | OneShot:  sys.EPOLLOUT | sys.EPOLLET | sys.EPOLLONESHOT,
		0:                       sys.EPOLLET,
		Edge:                    sys.EPOLLET,
		OneShot:                 sys.EPOLLET | sys.EPOLLONESHOT,
		Read | Write | Priority: sys.EPOLLIN | sys.EPOLLRDHUP | sys.EPOLLOUT | sys.EPOLLPRI,
	} {
		if got := epollInterest(i); got != want {
			t.Errorf("%v: %#x, want %#x", i, got, want)
		}
	}
}

func TestEpollReady(t *testing.T) {
	const in, out, pri, err, hup, rdhup = sys.EPOLLIN, sys.EPOLLOUT, sys.EPOLLPRI, sys.EPOLLERR, sys.EPOLLHUP, sys.EPOLLRDHUP
	for bits, want := range map[uint32]Ready{
		0:                                0,
		in:                               Readable,
		out:                              Writable,
		pri:                              PriorityReady,
		in | out | pri:                   Readable | Writable | PriorityReady,
		rdhup:                            Readable | ReadClosed,
		in | rdhup:                       Readable | ReadClosed,
		hup:                              Readable | Writable | ReadClosed | WriteClosed,
		out | hup:                        Readable | Writable | ReadClosed | WriteClosed,
		err:                              Readable | Writable | Failed,
		in | out | err | hup | rdhup:     Readable | Writable | ReadClosed | WriteClosed | Failed,
		sys.EPOLLONESHOT | sys.EPOLLET:   0,
		in | 0x40 | 0x80 | 0x100 | 0x200: Readable, // EPOLLRDNORM and its like say nothing new
	} {
		if got := epollReady(bits); got != want {
			t.Errorf("%#x: %v, want %v", bits, got, want)
		}
	}
}
