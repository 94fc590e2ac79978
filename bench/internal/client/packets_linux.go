package client

// Several datagrams with one system call.

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// packets are as many buffers as are received or sent with one call. What they
// hold is valid until the next one.
type packets struct {
	messages []mmsghdr
	bytes    []byte // of all buffers
	size     int    // of one
	used     int    // buffers that send sends
}

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	header unix.Msghdr
	n      uint32 // bytes received
}

func newPackets(n, size int) *packets {
	p := &packets{messages: make([]mmsghdr, n), bytes: make([]byte, n*size), size: size}
	vectors := make([]unix.Iovec, n)
	for i := range vectors {
		vectors[i].Base = &p.bytes[i*size]
		vectors[i].SetLen(size)
		p.messages[i].header.Iov = &vectors[i]
		p.messages[i].header.SetIovlen(1)
	}
	return p
}

// packet returns what has been received in buffer i.
func (p *packets) packet(i int) []byte { return p.bytes[i*p.size:][:p.messages[i].n] }

// add returns a buffer for send, to be filled.
func (p *packets) add() []byte {
	p.used++
	return p.bytes[(p.used-1)*p.size:][:p.size]
}

// receive receives what there is, as far as there are buffers, and returns the
// number of datagrams.
func (p *packets) receive(fd int) (int, error) {
	n, e := p.call(unix.SYS_RECVMMSG, fd, p.messages)
	switch e {
	case 0:
		return n, nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("recvmmsg", e)
}

// send sends what was added. What the kernel has no room for is lost, as datagrams
// may be.
func (p *packets) send(fd int) error {
	left := p.messages[:p.used]
	p.used = 0
	for len(left) > 0 {
		n, e := p.call(unix.SYS_SENDMMSG, fd, left)
		switch e {
		case 0:
			left = left[n:]
		case unix.EINTR:
		case unix.EAGAIN, unix.ENOBUFS:
			return nil
		default:
			return os.NewSyscallError("sendmmsg", e)
		}
	}
	return nil
}

// call makes a call that cannot block, since the descriptor is nonblocking.
func (p *packets) call(number uintptr, fd int, messages []mmsghdr) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), 0, 0, 0)
	return int(n), e
}
