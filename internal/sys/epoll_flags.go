package sys

// The epoll event bits of epoll_ctl(2), the same on every architecture. They
// are defined on every system so that their translation is tested on all.
const (
	EPOLLIN      = 0x1
	EPOLLPRI     = 0x2
	EPOLLOUT     = 0x4
	EPOLLERR     = 0x8
	EPOLLHUP     = 0x10
	EPOLLRDHUP   = 0x2000
	EPOLLONESHOT = 1 << 30
	EPOLLET      = 1 << 31
)
