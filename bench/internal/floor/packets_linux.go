package floor

// The same for datagrams.

import (
	"context"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ServePackets is Serve for UDP: every datagram goes back to where it came from.
// Once its socket has something to receive it receives until there is no more, so
// that the trigger makes no difference in what it costs.
func ServePackets(ctx context.Context, addr string, trigger Trigger, ready func(addr string)) error {
	fd, bound, err := bind(addr, unix.SOCK_DGRAM)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Linux calls it an error, since there is no peer, and hangs the socket up
	// nevertheless.
	defer context.AfterFunc(ctx, func() { _ = unix.Shutdown(fd, unix.SHUT_RDWR) })()
	ready(bound)
	return echoPackets(fd, trigger)
}

// echoPackets serves until the socket hangs up.
func echoPackets(fd int, trigger Trigger) error {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(ep)
	mask := uint32(unix.EPOLLIN)
	if trigger == Edge {
		mask |= unix.EPOLLET
	}
	if err := add(ep, fd, mask); err != nil {
		return err
	}
	var events [1]unix.EpollEvent
	buf := make([]byte, bufferSize)
	for {
		_, _, e := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), 1, ^uintptr(0), 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return os.NewSyscallError("epoll_wait", e)
		}
		if events[0].Events&unix.EPOLLHUP != 0 {
			return nil
		}
		for {
			var from unix.RawSockaddrInet4
			size := uint32(unix.SizeofSockaddrInet4)
			got, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), bufferSize, 0, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
			if e != 0 {
				break
			}
			// A datagram for which there is no room is lost.
			_, _, _ = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), got, unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&from)), uintptr(size))
		}
	}
}
