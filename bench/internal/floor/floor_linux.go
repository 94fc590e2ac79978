package floor

// The loop in Go.

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch      = 128      // events per wait: with more, what the wait touched has left the caches when its turn comes
	bufferSize = 64 << 10 // bytes per receive
)

// Serve listens on addr, calls ready with the address that it got, and echoes
// until ctx ends.
//
// What made it cheaper, and is therefore in it: recvfrom and sendto instead of
// read and write, which take the way through the file system layer; calls that
// cannot block made without telling the scheduler; and, after a wait that found
// several events, one that cannot block before the next one that can.
func Serve(ctx context.Context, addr string, trigger Trigger, ready func(addr string)) error {
	listener, bound, err := listen(addr)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	// Shutting the listener down makes accept fail, which ends the loop without a
	// check in it.
	defer context.AfterFunc(ctx, func() { _ = unix.Shutdown(listener, unix.SHUT_RDWR) })()
	ready(bound)
	err = echo(listener, trigger)
	if ctx.Err() != nil && errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

func echo(listener int, trigger Trigger) error {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(ep)
	if err := add(ep, listener, unix.EPOLLIN); err != nil {
		return err
	}
	mask := uint32(unix.EPOLLIN)
	if trigger == Edge {
		mask |= unix.EPOLLET | unix.EPOLLRDHUP
	}
	events := make([]unix.EpollEvent, batch)
	buf := make([]byte, bufferSize)
	var n uintptr
	for {
		var e syscall.Errno
		busy := n > 1
		n = 0
		if busy {
			n, _, e = syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), batch, 0, 0, 0)
		}
		if n == 0 && e == 0 {
			n, _, e = syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), batch, ^uintptr(0), 0, 0)
		}
		if e == unix.EINTR {
			n = 0
			continue
		}
		if e != 0 {
			return os.NewSyscallError("epoll_wait", e)
		}
		for i := range events[:n] {
			fd := uintptr(events[i].Fd)
			if fd == uintptr(listener) {
				if err := accept(ep, listener, mask); err != nil {
					return err
				}
				continue
			}
			// A full buffer may leave bytes behind, and the last bytes the end of the
			// stream, for which an edge comes only once.
			end := events[i].Events&unix.EPOLLRDHUP != 0
			for got := uintptr(bufferSize); got == bufferSize || end; {
				got, _, e = syscall.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&buf[0])), bufferSize, 0, 0, 0)
				if e != 0 || got == 0 {
					if e != unix.EAGAIN {
						_ = unix.Close(int(fd))
					}
					break
				}
				sent, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&buf[0])), got, unix.MSG_NOSIGNAL, 0, 0)
				if e != 0 || sent < got {
					finish(int(fd), buf[:got], sent, e)
				}
			}
		}
	}
}

// finish sends what the socket did not take at once, waiting for it with the
// whole loop.
func finish(fd int, p []byte, sent uintptr, e syscall.Errno) {
	for {
		if e != 0 && e != unix.EAGAIN && e != unix.EINTR {
			return // the next receive finds the same and closes
		}
		if e == 0 {
			p = p[sent:]
		}
		if len(p) == 0 {
			return
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		sent, _, e = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	}
}

func accept(ep, listener int, mask uint32) error {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			return os.NewSyscallError("accept4", err)
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt TCP_NODELAY", err)
		}
		if err := add(ep, fd, mask); err != nil {
			return err
		}
	}
}

func add(ep, fd int, mask uint32) error {
	ev := unix.EpollEvent{Events: mask, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev))
}

// listen makes a listening socket and tells the address that it got.
func listen(addr string) (fd int, bound string, err error) {
	fd, bound, err = bind(addr, unix.SOCK_STREAM)
	if err != nil {
		return -1, "", err
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return -1, "", errors.Join(os.NewSyscallError("listen", err), unix.Close(fd))
	}
	return fd, bound, nil
}

// bind makes a nonblocking socket of a kind and tells the address that it got.
func bind(addr string, kind int) (fd int, bound string, err error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return -1, "", err
	}
	if !ap.Addr().Is4() {
		return -1, "", fmt.Errorf("listen on %s: only IPv4 is served here", addr)
	}
	fd, err = unix.Socket(unix.AF_INET, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, "", os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: ap.Addr().As4(), Port: int(ap.Port())}); err != nil {
		return fd, "", fmt.Errorf("listen on %s: %w", addr, os.NewSyscallError("bind", err))
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return fd, "", os.NewSyscallError("getsockname", err)
	}
	port := sa.(*unix.SockaddrInet4).Port
	return fd, netip.AddrPortFrom(ap.Addr(), uint16(port)).String(), nil
}
