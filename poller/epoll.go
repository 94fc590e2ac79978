package poller

// The meaning of epoll's bits, in both directions.

import "github.com/eddyline/eddyline/internal/sys"

// epollInterest translates an interest to what epoll_ctl takes. The kernel adds
// EPOLLERR and EPOLLHUP by itself.
func epollInterest(i Interest) uint32 {
	var bits uint32
	if i&Read != 0 {
		bits |= sys.EPOLLIN | sys.EPOLLRDHUP
	}
	if i&Write != 0 {
		bits |= sys.EPOLLOUT
	}
	if i&Priority != 0 {
		bits |= sys.EPOLLPRI
	}
	// Level-triggered with an empty mask would report a hang-up for ever to a
	// caller who asked for nothing.
	if i&Edge != 0 || bits == 0 {
		bits |= sys.EPOLLET
	}
	if i&OneShot != 0 {
		bits |= sys.EPOLLONESHOT
	}
	return bits
}

// epollReady translates what epoll_wait reports.
func epollReady(bits uint32) Ready {
	// The common case without a branch: these bits move to their places.
	r := Ready(bits&sys.EPOLLIN) | Ready(bits&sys.EPOLLOUT>>1) | Ready(bits&sys.EPOLLPRI<<1)
	if bits&(sys.EPOLLRDHUP|sys.EPOLLHUP|sys.EPOLLERR) != 0 {
		r |= epollEnd(bits)
	}
	return r
}

// epollEnd translates the bits that tell of an end.
func epollEnd(bits uint32) Ready {
	var r Ready
	if bits&sys.EPOLLRDHUP != 0 {
		r |= Readable | ReadClosed
	}
	if bits&sys.EPOLLHUP != 0 {
		r |= Readable | Writable | ReadClosed | WriteClosed
	}
	if bits&sys.EPOLLERR != 0 {
		r |= Readable | Writable | Failed
	}
	return r
}
