//go:build !simkernel

package sim_test

// The same calls on the model and on the real kernel.

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/internal/sim"
	"github.com/eddyline/eddyline/internal/sys"
)

// calls are those of one kernel.
type calls struct {
	socket      func(sim.Domain) (int, sim.Errno)
	pair        func() ([2]int, sim.Errno)
	pipe        func() (r, w int, e sim.Errno)
	eventfd     func() (int, sim.Errno)
	bind        func(int, sim.Addr) sim.Errno
	listen      func(int, int) sim.Errno
	connect     func(int, sim.Addr) sim.Errno
	accept      func(int) (int, sim.Addr, sim.Errno)
	send        func(int, []byte) (int, sim.Errno)
	sendRights  func(int, []byte) (int, sim.Errno)
	recv        func(int, []byte) (int, sim.Errno)
	peek        func(int, []byte) (int, sim.Errno)
	read        func(int, []byte) (int, sim.Errno)
	write       func(int, []byte) (int, sim.Errno)
	shutdown    func(int, int) sim.Errno
	close       func(int) sim.Errno
	dup         func(int) (int, sim.Errno)
	linger      func(int, bool, int) sim.Errno
	socketError func(int) (sim.Errno, sim.Errno)
	sockname    func(int) (sim.Addr, sim.Errno)
	peername    func(int) (sim.Addr, sim.Errno)
	setOption   func(int, sim.Option, int) sim.Errno
	getOption   func(int, sim.Option) (int, sim.Errno)
	poll        func(int, sim.Events) sim.Events
	unread      func(int) int
	outQueue    func(int) (int, sim.Errno)
	epoll       func() (int, sim.Errno)
	ctl         func(epfd, op, fd int, events sim.Events, data uint64) sim.Errno
	wait        func(epfd int) []sim.Event
}

const room = 64 // for the events of one wait

func modelCalls(k *sim.Kernel) calls {
	return calls{
		socket: k.Socket, pair: k.Socketpair, pipe: k.Pipe, eventfd: k.Eventfd,
		bind: k.Bind, listen: k.Listen, connect: k.Connect, accept: k.Accept,
		send:       func(fd int, p []byte) (int, sim.Errno) { return k.Send(fd, [][]byte{p}) },
		sendRights: k.SendRights,
		recv:       func(fd int, p []byte) (int, sim.Errno) { return k.Recv(fd, [][]byte{p}, false) },
		peek:       func(fd int, p []byte) (int, sim.Errno) { return k.Recv(fd, [][]byte{p}, true) },
		read:       k.Read, write: k.Write, shutdown: k.Shutdown, close: k.Close, dup: k.Dup,
		linger: k.SetLinger, socketError: k.SocketError, sockname: k.Getsockname, peername: k.Getpeername,
		setOption: k.SetOption, getOption: k.GetOption,
		poll: k.Poll, outQueue: k.OutQueue, unread: func(fd int) int { n, _ := k.Unread(fd); return n }, epoll: k.EpollCreate, ctl: k.EpollCtl,
		wait: func(epfd int) []sim.Event {
			events := make([]sim.Event, room)
			n, _ := k.EpollWait(epfd, events)
			return events[:n]
		},
	}
}

func realCalls() calls {
	return calls{
		socket:  func(d sim.Domain) (int, sim.Errno) { return number(sys.Socket(sys.Domain(d))) },
		pair:    func() ([2]int, sim.Errno) { fds, e := sys.Socketpair(); return fds, sim.Errno(e) },
		pipe:    func() (int, int, sim.Errno) { r, w, e := sys.Pipe(); return r, w, sim.Errno(e) },
		eventfd: func() (int, sim.Errno) { return number(sys.Eventfd()) },
		bind:    func(fd int, a sim.Addr) sim.Errno { return sim.Errno(sys.Bind(fd, sys.Sockaddr(a))) },
		listen:  func(fd, n int) sim.Errno { return sim.Errno(sys.Listen(fd, n)) },
		connect: func(fd int, a sim.Addr) sim.Errno { return sim.Errno(sys.Connect(fd, sys.Sockaddr(a))) },
		accept: func(fd int) (int, sim.Addr, sim.Errno) {
			n, a, e := sys.Accept(fd)
			return n, sim.Addr(a), sim.Errno(e)
		},
		send: transfer(sys.Send),
		sendRights: func(fd int, p []byte) (int, sim.Errno) {
			n, err := unix.SendmsgN(fd, p, unix.UnixRights(2), nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			if err != nil {
				return 0, sim.Errno(err.(unix.Errno))
			}
			return n, 0
		},
		recv:     transfer(sys.Recv),
		peek:     transfer(sys.Peek),
		read:     transfer(sys.Read),
		write:    transfer(sys.Write),
		shutdown: func(fd, how int) sim.Errno { return sim.Errno(sys.Shutdown(fd, how)) },
		close:    func(fd int) sim.Errno { return sim.Errno(sys.Close(fd)) },
		dup:      func(fd int) (int, sim.Errno) { return number(sys.Dup(fd)) },
		linger:   func(fd int, on bool, s int) sim.Errno { return sim.Errno(sys.SetLinger(fd, on, s)) },
		socketError: func(fd int) (sim.Errno, sim.Errno) {
			p, e := sys.SocketError(fd)
			return sim.Errno(p), sim.Errno(e)
		},
		sockname:  func(fd int) (sim.Addr, sim.Errno) { a, e := sys.Getsockname(fd); return sim.Addr(a), sim.Errno(e) },
		peername:  func(fd int) (sim.Addr, sim.Errno) { a, e := sys.Getpeername(fd); return sim.Addr(a), sim.Errno(e) },
		setOption: func(fd int, o sim.Option, v int) sim.Errno { return sim.Errno(sys.SetOption(fd, sys.Option(o), v)) },
		getOption: func(fd int, o sim.Option) (int, sim.Errno) { return number(sys.GetOption(fd, sys.Option(o))) },
		poll:      realPoll,
		outQueue:  func(fd int) (int, sim.Errno) { return number(sys.OutQueue(fd)) },
		unread: func(fd int) int {
			n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
			if err != nil {
				return 0
			}
			return n
		},
		epoll: func() (int, sim.Errno) { return number(sys.EpollCreate()) },
		ctl: func(epfd, op, fd int, events sim.Events, data uint64) sim.Errno {
			return sim.Errno(sys.EpollCtl(epfd, op, fd, uint32(events), data))
		},
		wait: realWait,
	}
}

func number(n int, e sys.Errno) (int, sim.Errno) { return n, sim.Errno(e) }

func transfer(f func(int, []byte) (int, sys.Errno)) func(int, []byte) (int, sim.Errno) {
	return func(fd int, p []byte) (int, sim.Errno) { return number(f(fd, p)) }
}

func realPoll(fd int, events sim.Events) sim.Events {
	fds := []sys.PollFd{{Fd: int32(fd), Events: int16(events)}}
	for {
		if _, e := sys.Poll(fds, 0); e != sys.EINTR {
			break
		}
	}
	return sim.Events(uint16(fds[0].Revents))
}

func realWait(epfd int) []sim.Event {
	events := make([]sys.EpollEvent, room)
	n, e := sys.EpollPoll(epfd, events)
	for e == sys.EINTR {
		n, e = sys.EpollPoll(epfd, events)
	}
	list := make([]sim.Event, n)
	for i := range list {
		list[i] = sim.Event{Events: sim.Events(events[i].Events), Data: events[i].Data()}
	}
	return list
}

// The tables of numbers that both packages have must agree.
func TestTheModelHasTheNumbersOfLinux(t *testing.T) {
	for sim, real := range map[sim.Errno]sys.Errno{
		sim.EAGAIN: sys.EAGAIN, sim.EBADF: sys.EBADF, sim.EINPROGRESS: sys.EINPROGRESS, sim.EPIPE: sys.EPIPE,
		sim.ECONNRESET: sys.ECONNRESET, sim.ECONNREFUSED: sys.ECONNREFUSED, sim.ENOTCONN: sys.ENOTCONN,
		sim.EMFILE: sys.EMFILE, sim.ETIMEDOUT: sys.ETIMEDOUT, sim.EADDRINUSE: sys.EADDRINUSE,
		sim.EADDRNOTAVAIL: sys.EADDRNOTAVAIL, sim.EISCONN: sys.EISCONN, sim.EALREADY: sys.EALREADY,
		sim.ENOTSOCK: sys.ENOTSOCK, sim.EOPNOTSUPP: sys.EOPNOTSUPP, sim.ENOPROTOOPT: sys.ENOPROTOOPT,
		sim.ECONNABORTED: sys.ECONNABORTED, sim.EEXIST: sys.EEXIST, sim.ENOENT: sys.ENOENT, sim.EINVAL: sys.EINVAL,
		sim.EDEADLK: unix.EDEADLK, sim.ENAMETOOLONG: unix.ENAMETOOLONG,
		sim.EAFNOSUPPORT: unix.EAFNOSUPPORT,
	} {
		if uintptr(sim) != uintptr(real) {
			t.Errorf("%v of the model is %d", real, sim)
		}
	}
	for event, real := range map[sim.Events]uint32{
		sim.In: sys.EPOLLIN, sim.Pri: sys.EPOLLPRI, sim.Out: sys.EPOLLOUT, sim.Err: sys.EPOLLERR, sim.Hup: sys.EPOLLHUP,
		sim.RdHup: sys.EPOLLRDHUP, sim.OneShot: sys.EPOLLONESHOT, sim.Edge: sys.EPOLLET, sim.Invalid: sys.POLLNVAL,
	} {
		if uint32(event) != real {
			t.Errorf("%#x of the model is %#x", real, event)
		}
	}
}
