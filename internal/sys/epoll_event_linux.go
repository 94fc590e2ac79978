package sys

// EpollEvent: what epoll_wait(2) gives.

import "golang.org/x/sys/unix"

// The operations of EpollCtl.
const (
	EPOLL_CTL_ADD = unix.EPOLL_CTL_ADD
	EPOLL_CTL_DEL = unix.EPOLL_CTL_DEL
	EPOLL_CTL_MOD = unix.EPOLL_CTL_MOD
)

// EpollEvent is one entry of the list that EpollWait fills.
type EpollEvent unix.EpollEvent

func newEpollEvent(events uint32, data uint64) EpollEvent {
	return EpollEvent{Events: events, Fd: int32(uint32(data)), Pad: int32(uint32(data >> 32))}
}

// Data returns the 64 bits given to EpollCtl. The kernel's field lies unaligned
// on some architectures, so it is kept as two halves.
func (e *EpollEvent) Data() uint64 {
	return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
}
