package poller

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// What each of epoll's bits means by itself; a set of bits means all of it.
var epollMeaning = map[uint32]Ready{
	sys.EPOLLIN:    Readable,
	sys.EPOLLOUT:   Writable,
	sys.EPOLLPRI:   PriorityReady,
	sys.EPOLLRDHUP: Readable | ReadClosed,
	sys.EPOLLHUP:   Readable | Writable | ReadClosed | WriteClosed,
	sys.EPOLLERR:   Readable | Writable | Failed,
}

func FuzzEpollReady(f *testing.F) {
	for bit := range 32 {
		f.Add(uint32(1) << bit)
	}
	f.Add(^uint32(0))
	f.Fuzz(func(t *testing.T, bits uint32) {
		var want Ready
		for bit, means := range epollMeaning {
			if bits&bit != 0 {
				want |= means
			}
		}
		if got := epollReady(bits); got != want {
			t.Errorf("%#x: %v, want %v", bits, got, want)
		}
	})
}

// An interest asks the kernel for no more and no less than it says, and what the
// kernel may answer to it is understood.
func FuzzEpollInterest(f *testing.F) {
	for i := range 64 {
		f.Add(uint8(i))
	}
	f.Fuzz(func(t *testing.T, b uint8) {
		i := Interest(b)
		bits := epollInterest(i)
		for _, ask := range []struct {
			interest Interest
			bit      uint32
		}{{Read, sys.EPOLLIN}, {Read, sys.EPOLLRDHUP}, {Write, sys.EPOLLOUT}, {Priority, sys.EPOLLPRI}, {OneShot, sys.EPOLLONESHOT}} {
			if (bits&ask.bit != 0) != (i&ask.interest != 0) {
				t.Errorf("%v asks for %#x", i, bits)
			}
		}
		if i&Edge != 0 && bits&sys.EPOLLET == 0 {
			t.Errorf("%v is not edge-triggered: %#x", i, bits)
		}
		if i&(Read|Write|Priority) == 0 && bits&sys.EPOLLET == 0 {
			t.Errorf("%v asks for nothing and would hear of a hang-up for ever: %#x", i, bits)
		}
	})
}

// kqueue's filters tell of their own direction, of the end, and of errors.
func FuzzKqueueReady(f *testing.F) {
	for _, filter := range []uint8{0, 1, 2} {
		for _, flags := range []uint16{0, sys.EV_EOF, sys.EV_ERROR, sys.EV_EOF | sys.EV_ERROR, sys.EV_CLEAR} {
			f.Add(filter, flags, uint32(0))
			f.Add(filter, flags, uint32(54))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, flags uint16, fflags uint32) {
		filter := []filters{filterRead, filterWrite, filterExcept}[which%3]
		got := kqueueReady(filter, int(flags), fflags)
		if got == 0 {
			t.Fatalf("an event of filter %b with flags %#x means nothing", filter, flags)
		}
		failed := flags&sys.EV_ERROR != 0 || flags&sys.EV_EOF != 0 && fflags != 0 && filter != filterExcept
		if (got&Failed != 0) != failed {
			t.Errorf("filter %b, flags %#x, fflags %d: %v", filter, flags, fflags, got)
		}
		if got&Failed != 0 && got&(Readable|Writable) != Readable|Writable {
			t.Errorf("an error is not shown by both directions: %v", got)
		}
		if got&ReadClosed != 0 && got&Readable == 0 {
			t.Errorf("the end of the input is not shown by a read: %v", got)
		}
		if got&(ReadClosed|WriteClosed) != 0 && flags&sys.EV_EOF == 0 {
			t.Errorf("without EV_EOF: %v", got)
		}
	})
}
