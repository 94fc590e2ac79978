package servers

// The floor: an echo as package floor has it, answers by the same loop with the
// least state per connection that they need.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/floor"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

const (
	floorBatch  = 128      // events per wait, as in package floor
	floorBuffer = 64 << 10 // bytes per receive
)

func serveFloor(t floor.Trigger) func(context.Context, workload.Protocol, string, func(string)) error {
	return func(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
		switch p {
		case workload.Echo:
			return floor.Serve(ctx, addr, t, ready)
		case workload.UDPEcho:
			return floor.ServePackets(ctx, addr, t, ready)
		}
		connect, err := workload.New(p)
		if err != nil {
			return err
		}
		return serveFloorAnswers(ctx, connect, addr, t, ready)
	}
}

func serveFloorAnswers(ctx context.Context, connect func() workload.Responder, addr string, t floor.Trigger, ready func(string)) error {
	ln, err := net.Listen("tcp4", addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer file.Close()
	a := floorAnswers{listener: int(file.Fd()), connect: connect, mask: unix.EPOLLIN, buf: make([]byte, floorBuffer)}
	if err := unix.SetNonblock(a.listener, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if t == floor.Edge {
		a.mask |= unix.EPOLLET | unix.EPOLLRDHUP
	}
	// As in package floor: accept fails then.
	defer context.AfterFunc(ctx, func() { _ = unix.Shutdown(a.listener, unix.SHUT_RDWR) })()
	ready(ln.Addr().String())
	err = a.serve()
	if ctx.Err() != nil && errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// floorAnswers is a loop that answers. A reply that the socket does not take at
// once is waited for with the whole loop.
type floorAnswers struct {
	ep, listener int
	mask         uint32
	connect      func() workload.Responder
	sessions     []*session // by descriptor
	events       [floorBatch]unix.EpollEvent
	buf, reply   []byte
}

func (a *floorAnswers) serve() (err error) {
	if a.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(a.ep)
	defer a.closeAll()
	if err := a.add(a.listener, unix.EPOLLIN); err != nil {
		return err
	}
	for n := 0; ; {
		if n, err = a.wait(n > 1); err != nil {
			return err
		}
		for i := range a.events[:n] {
			fd := int(a.events[i].Fd)
			if fd != a.listener {
				a.receive(fd, a.events[i].Events&unix.EPOLLRDHUP != 0)
			} else if err := a.accept(); err != nil {
				return err
			}
		}
	}
}

// wait waits for events, when busy first in a way that cannot block.
func (a *floorAnswers) wait(busy bool) (int, error) {
	var n uintptr
	var e syscall.Errno
	if busy {
		n, _, e = syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(a.ep), uintptr(unsafe.Pointer(&a.events[0])), floorBatch, 0, 0, 0)
	}
	if n == 0 && e == 0 {
		n, _, e = syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(a.ep), uintptr(unsafe.Pointer(&a.events[0])), floorBatch, ^uintptr(0), 0, 0)
	}
	if e == unix.EINTR {
		return 0, nil
	}
	if e != 0 {
		return 0, os.NewSyscallError("epoll_wait", e)
	}
	return int(n), nil
}

func (a *floorAnswers) accept() error {
	for {
		fd, _, err := unix.Accept4(a.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			return os.NewSyscallError("accept4", err)
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt TCP_NODELAY", err)
		}
		if fd >= len(a.sessions) {
			a.sessions = append(a.sessions, make([]*session, fd+1-len(a.sessions))...)
		}
		a.sessions[fd] = &session{respond: a.connect()}
		if err := a.add(fd, a.mask); err != nil {
			return err
		}
	}
}

func (a *floorAnswers) add(fd int, mask uint32) error {
	ev := unix.EpollEvent{Events: mask, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(a.ep, unix.EPOLL_CTL_ADD, fd, &ev))
}

// receive answers what has come. A full buffer may leave bytes behind, and data
// the end that came with it, for both of which an edge comes only once.
func (a *floorAnswers) receive(fd int, eof bool) {
	for got := uintptr(floorBuffer); got == floorBuffer || eof; {
		var e syscall.Errno
		got, _, e = syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&a.buf[0])), floorBuffer, 0, 0, 0)
		if e == unix.EAGAIN {
			return
		}
		if e != 0 || got == 0 {
			a.close(fd)
			return
		}
		out, err := a.sessions[fd].answer(a.buf[:got], a.reply[:0])
		a.reply = out
		if !floorSend(fd, out) || err != nil {
			a.close(fd)
			return
		}
	}
}

// floorSend sends all of p and reports whether it could.
func floorSend(fd int, p []byte) bool {
	for len(p) > 0 {
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		switch e {
		case 0:
			p = p[n:]
		case unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		case unix.EINTR:
		default:
			return false
		}
	}
	return true
}

func (a *floorAnswers) close(fd int) {
	a.sessions[fd] = nil
	_ = unix.Close(fd)
}

func (a *floorAnswers) closeAll() {
	for fd, s := range a.sessions {
		if s != nil {
			a.close(fd)
		}
	}
}

// compileFloor builds the floor in C, once for each process that is started.
func compileFloor() (argv []string, remove func() error, err error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "eddyline-floor-")
	if err != nil {
		return nil, nil, err
	}
	source, program := filepath.Join(dir, "floor.c"), filepath.Join(dir, "floor")
	err = os.WriteFile(source, floor.Source, 0o600)
	if err == nil {
		var said []byte
		if said, err = exec.Command(cc, "-O2", "-o", program, source).CombinedOutput(); err != nil {
			err = fmt.Errorf("%s: %w\n%s", cc, err, said)
		}
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return []string{program, "level"}, func() error { return os.RemoveAll(dir) }, nil
}
