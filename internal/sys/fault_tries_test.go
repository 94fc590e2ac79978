//go:build linux && (faultinject || simkernel)

package sys

// A try of every call, for the tests of its faults.

import (
	"path/filepath"
	"testing"
)

// full is how many bytes the tries move when nothing is short.
const full = 4096

// tries prepares a try of every call that succeeds unless something is done to it. What
// it returns makes the call, and gives how much that has moved or found.
var tries = map[Call]func(t *testing.T) func() (int, Errno){
	CallAccept: func(t *testing.T) func() (int, Errno) {
		l, at := listening(t)
		succeed(t, Connect(own(t)(Socket(DomainUnix)), at))
		return func() (int, Errno) { fd, _, e := Accept(l); return made(t, e, fd) }
	},
	CallBind: func(t *testing.T) func() (int, Errno) {
		fd, at := own(t)(Socket(DomainUnix)), place(t)
		return func() (int, Errno) { return 0, Bind(fd, at) }
	},
	CallChmod: func(t *testing.T) func() (int, Errno) {
		_, at := listening(t)
		return func() (int, Errno) { return 0, Chmod(at.Path, 0o600) }
	},
	CallClose: func(t *testing.T) func() (int, Errno) {
		fd, e := Socket(DomainUnix)
		succeed(t, e)
		return func() (int, Errno) { return 0, Close(fd) }
	},
	CallConnect: func(t *testing.T) func() (int, Errno) {
		_, at := listening(t)
		fd := own(t)(Socket(DomainUnix))
		return func() (int, Errno) { return 0, Connect(fd, at) }
	},
	CallDup: func(t *testing.T) func() (int, Errno) {
		fd := own(t)(Socket(DomainUnix))
		return func() (int, Errno) { fd, e := Dup(fd); return made(t, e, fd) }
	},
	CallEpollCreate: func(t *testing.T) func() (int, Errno) {
		return func() (int, Errno) { fd, e := EpollCreate(); return made(t, e, fd) }
	},
	CallEpollCtl: func(t *testing.T) func() (int, Errno) {
		q, fd := own(t)(EpollCreate()), own(t)(Socket(DomainUnix))
		return func() (int, Errno) { return 0, EpollCtl(q, EPOLL_CTL_ADD, fd, EPOLLIN, 1) }
	},
	CallEpollWait: func(t *testing.T) func() (int, Errno) {
		q, fds := own(t)(EpollCreate()), paired(t)
		succeed(t, EpollCtl(q, EPOLL_CTL_ADD, fds[0], EPOLLOUT, 1))
		return func() (int, Errno) { return EpollWait(q, make([]EpollEvent, 8), 0) }
	},
	CallEventfd: func(t *testing.T) func() (int, Errno) {
		return func() (int, Errno) { fd, e := Eventfd(); return made(t, e, fd) }
	},
	CallFcntl: func(t *testing.T) func() (int, Errno) {
		fd := own(t)(Socket(DomainUnix))
		return func() (int, Errno) { return 0, SetNonblock(fd) }
	},
	CallGetpeername: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { _, e := Getpeername(fds[0]); return 0, e }
	},
	CallGetsockname: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { _, e := Getsockname(fds[0]); return 0, e }
	},
	CallGetsockopt: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { return GetOption(fds[0], OptType) }
	},
	CallIoctl: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { return OutQueue(fds[0]) }
	},
	CallKevent: func(t *testing.T) func() (int, Errno) {
		kq, fds := own(t)(Kqueue()), paired(t)
		return func() (int, Errno) { return 0, addNote(kq, fds[0]) }
	},
	CallKeventWait: func(t *testing.T) func() (int, Errno) {
		kq, fds := own(t)(Kqueue()), paired(t)
		succeed(t, addNote(kq, fds[0]))
		return func() (int, Errno) { return KeventWait(kq, make([]Kevent, 8), 0) }
	},
	CallKqueue: func(t *testing.T) func() (int, Errno) {
		return func() (int, Errno) { fd, e := Kqueue(); return made(t, e, fd) }
	},
	CallListen: func(t *testing.T) func() (int, Errno) {
		fd := own(t)(Socket(DomainUnix))
		succeed(t, Bind(fd, place(t)))
		return func() (int, Errno) { return 0, Listen(fd, 1) }
	},
	CallPipe: func(t *testing.T) func() (int, Errno) {
		return func() (int, Errno) { r, w, e := Pipe(); return made(t, e, r, w) }
	},
	CallPoll: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { return Poll([]PollFd{{Fd: int32(fds[0]), Events: POLLOUT}}, 0) }
	},
	CallRead: func(t *testing.T) func() (int, Errno) {
		r, w := piped(t)
		_, e := Write(w, make([]byte, full))
		succeed(t, e)
		return func() (int, Errno) { return Read(r, make([]byte, full)) }
	},
	CallRecv: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		_, e := Send(fds[1], make([]byte, full))
		succeed(t, e)
		return func() (int, Errno) { return Recv(fds[0], make([]byte, full)) }
	},
	CallSend: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { return Send(fds[0], make([]byte, full)) }
	},
	CallSetsockopt: func(t *testing.T) func() (int, Errno) {
		fd := own(t)(Socket(DomainIPv4))
		return func() (int, Errno) { return 0, SetOption(fd, OptNoDelay, 1) }
	},
	CallShutdown: func(t *testing.T) func() (int, Errno) {
		fds := paired(t)
		return func() (int, Errno) { return 0, Shutdown(fds[0], SHUT_WR) }
	},
	CallSocket: func(t *testing.T) func() (int, Errno) {
		return func() (int, Errno) { fd, e := Socket(DomainIPv4); return made(t, e, fd) }
	},
	CallSocketpair: func(t *testing.T) func() (int, Errno) {
		return func() (int, Errno) { fds, e := Socketpair(); return made(t, e, fds[:]...) }
	},
	CallStat: func(t *testing.T) func() (int, Errno) {
		_, at := listening(t)
		return func() (int, Errno) { _, _, e := SocketFile(at.Path); return 0, e }
	},
	CallUnlink: func(t *testing.T) func() (int, Errno) {
		_, at := listening(t)
		return func() (int, Errno) { return 0, Unlink(at.Path) }
	},
	CallWrite: func(t *testing.T) func() (int, Errno) {
		_, w := piped(t)
		return func() (int, Errno) { return Write(w, make([]byte, full)) }
	},
}

// own takes a descriptor that is closed at the end.
func own(t *testing.T) func(fd int, e Errno) int {
	return func(fd int, e Errno) int {
		t.Helper()
		_, e = made(t, e, fd)
		succeed(t, e)
		return fd
	}
}

// made closes at the end what a call has made, if it has.
func made(t *testing.T, e Errno, fds ...int) (int, Errno) {
	if e == 0 {
		t.Cleanup(func() {
			for _, fd := range fds {
				Close(fd)
			}
		})
	}
	return 0, e
}

func succeed(t *testing.T, e Errno) {
	t.Helper()
	if e != 0 {
		t.Fatal(e)
	}
}

func paired(t *testing.T) [2]int {
	t.Helper()
	fds, e := Socketpair()
	_, e = made(t, e, fds[:]...)
	succeed(t, e)
	return fds
}

func piped(t *testing.T) (r, w int) {
	t.Helper()
	r, w, e := Pipe()
	_, e = made(t, e, r, w)
	succeed(t, e)
	return r, w
}

// place is where nobody listens yet.
func place(t *testing.T) Sockaddr {
	return Sockaddr{Path: filepath.Join(t.TempDir(), "s"), Unix: true}
}

func listening(t *testing.T) (fd int, at Sockaddr) {
	t.Helper()
	fd, at = own(t)(Socket(DomainUnix)), place(t)
	succeed(t, Bind(fd, at))
	succeed(t, Listen(fd, 1))
	return fd, at
}

func addNote(kq, fd int) Errno {
	list := make([]Kevent, 1)
	list[0].Set(fd, EVFILT_WRITE, EV_ADD, 0, 1)
	if e := KeventApply(kq, list); e != 0 {
		return e
	}
	return list[0].Errno()
}
