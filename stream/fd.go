package stream

// Descriptors and connections that come from elsewhere or go there.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"runtime"

	"github.com/eddyline/eddyline/internal/sys"
)

// FromFD makes a Stream of a connected stream socket's descriptor, which is the
// Stream's from then on: it is made nonblocking and closed on exec. On an error,
// which says why the descriptor does not serve ([os.ErrInvalid] for one that is
// no stream socket or that listens), it stays the caller's. A connection whose
// peer is gone already is no error here but at the first Read. A connect that
// is pending can be completed with FinishConnect.
func FromFD(fd int) (*Stream, error) { return FromConnectedFD(fd, Addr{}) }

// FromConnectedFD is FromFD for a connection whose peer is known, such as AcceptFD
// tells it: the kernel forgets it when the connection is reset. The zero Addr is a
// peer that is not known.
func FromConnectedFD(fd int, peer Addr) (*Stream, error) {
	c, err := adopt("adopt", fd, false, peer)
	if err != nil {
		return nil, err
	}
	return newStream(c), nil
}

// LocalAddrOf is the address of this end of a socket whose bare descriptor the
// caller holds, as AcceptFD and Detach give it.
func LocalAddrOf(fd int) (Addr, error) {
	if !validFD(fd) {
		return Addr{}, descriptorError("local address", fd, sys.CallGetsockname, sys.EBADF)
	}
	sa, e := sys.Getsockname(fd)
	if e != 0 {
		return Addr{}, descriptorError("local address", fd, sys.CallGetsockname, e)
	}
	return Addr{sa}, nil
}

// ListenerFromFD makes a Listener of a listening socket's descriptor, as FromFD
// does with a connected one. A unix socket's path stays when it is closed.
func ListenerFromFD(fd int) (*Listener, error) {
	c, err := adopt("adopt", fd, true, Addr{})
	if err != nil {
		return nil, err
	}
	return newListener(c), nil
}

// FromConn makes a Stream of a connection of package net or of another type that
// gives access to a stream socket ([net.TCPConn], [net.UnixConn]; not
// [crypto/tls.Conn], whose bytes are not those of its socket). The connection
// passes to the Stream: conn is closed, without ending it. On an error conn is
// as it was: [os.ErrInvalid] if conn is nil, holds a nil pointer or is no stream
// socket, [errors.ErrUnsupported] if it has no descriptor. Bytes that somebody has
// buffered above conn are not carried over.
func FromConn(conn net.Conn) (*Stream, error) {
	const op = "adopt"
	if v := reflect.ValueOf(conn); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, opError(op, Addr{}, fmt.Errorf("nil connection of type %T: %w", conn, os.ErrInvalid))
	}
	sc, ok := conn.(interface {
		SyscallConn() (sys.RawConn, error)
	})
	if !ok {
		return nil, opError(op, Addr{}, fmt.Errorf("%T has no descriptor: %w", conn, errors.ErrUnsupported))
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, opError(op, Addr{}, err)
	}
	c, err := duplicate(op, raw)
	if err != nil {
		return nil, err
	}
	// It may have been closed by somebody else in between; the duplicate holds
	// the connection.
	_ = conn.Close()
	return newStream(c), nil
}

// duplicate makes a socket of a duplicate of what raw refers to.
func duplicate(op string, raw sys.RawConn) (c *socket, err error) {
	outer := raw.Control(func(old uintptr) {
		fd, e := sys.Dup(int(old))
		if e != 0 {
			err = descriptorError(op, int(old), sys.CallDup, e)
			return
		}
		if c, err = adopt(op, fd, false, Addr{}); err != nil {
			sys.Close(fd)
		}
	})
	if outer != nil {
		return nil, opError(op, Addr{}, outer)
	}
	return c, err
}

// adopt checks that fd is a stream socket that listens or does not, and makes it
// ours. Nothing is changed before everything is checked. The peer is asked of the
// kernel if it is the zero Addr.
func adopt(op string, fd int, listens bool, peer Addr) (*socket, error) {
	if !validFD(fd) {
		return nil, descriptorError(op, fd, sys.CallGetsockopt, sys.EBADF)
	}
	kind, e := sys.GetOption(fd, sys.OptType)
	if e != 0 {
		return nil, descriptorError(op, fd, sys.CallGetsockopt, e)
	}
	if kind != sys.SOCK_STREAM {
		return nil, unsuitable(op, fd, "not a stream socket")
	}
	listening, e := sys.GetOption(fd, sys.OptListening)
	if e != 0 {
		return nil, descriptorError(op, fd, sys.CallGetsockopt, e)
	}
	if listens && listening == 0 {
		return nil, unsuitable(op, fd, "not a listening socket")
	}
	if !listens && listening != 0 {
		return nil, unsuitable(op, fd, "a listening socket")
	}
	domain, e := sys.SocketDomain(fd)
	if e != 0 {
		return nil, descriptorError(op, fd, sys.CallGetsockopt, e)
	}
	if domain == sys.DomainNone {
		return nil, unsuitable(op, fd, "neither a TCP nor a unix socket")
	}
	addr, pending, err := adoptedAddr(op, fd, listens, peer)
	if err != nil {
		return nil, err
	}
	if e := sys.CloseOnExec(fd); e != 0 {
		return nil, descriptorError(op, fd, sys.CallFcntl, e)
	}
	if e := sys.SetNonblock(fd); e != 0 {
		return nil, descriptorError(op, fd, sys.CallFcntl, e)
	}
	if e := sys.NoSIGPIPE(fd); e != 0 {
		return nil, descriptorError(op, fd, sys.CallSetsockopt, e)
	}
	c := newSocket(fd, domain, addr)
	c.listens = listens
	if pending {
		c.sharedMode().connect.Store(connecting)
	}
	return c, nil
}

// validFD tells whether fd is a number that a descriptor may have: the kernel would
// look at its lower 32 bits alone.
func validFD(fd int) bool { return fd >= 0 && fd == int(int32(fd)) }

// adoptedAddr is what socket.addr is to be. Without a peer the socket may be
// about to get one, or have lost it.
func adoptedAddr(op string, fd int, listens bool, peer Addr) (addr Addr, pending bool, err error) {
	if peer != (Addr{}) {
		return peer, false, nil
	}
	if listens {
		sa, e := sys.Getsockname(fd)
		if e != 0 {
			return Addr{}, false, descriptorError(op, fd, sys.CallGetsockname, e)
		}
		return Addr{sa}, false, nil
	}
	sa, e := sys.Getpeername(fd)
	if e == sys.ENOTCONN || e == sys.EINVAL { // macOS, once the connection was shut down
		return Addr{}, true, nil
	}
	if e != 0 {
		return Addr{}, false, descriptorError(op, fd, sys.CallGetpeername, e)
	}
	return Addr{sa}, false, nil
}

func unsuitable(op string, fd int, why string) error {
	return opError(op, Addr{}, fmt.Errorf("descriptor %d is %s: %w", fd, why, os.ErrInvalid))
}

func descriptorError(op string, fd int, call sys.Call, e sys.Errno) error {
	return opError(op, Addr{}, fmt.Errorf("descriptor %d: %w", fd, os.NewSyscallError(string(call), e)))
}

// NetConn turns s into a connection of package net, a [*net.TCPConn] or
// [*net.UnixConn], to which the descriptor passes; s is closed from then on. It
// fails as Detach does, and on any error s is as it was. Blocking mode and
// timeouts are not carried over.
func (s *Stream) NetConn() (net.Conn, error) {
	defer runtime.KeepAlive(s)
	const op = "net connection"
	c, dup := s.socket(), -1
	err := c.use(op, sys.CallDup, func(fd int) (e sys.Errno) {
		dup, e = sys.Dup(fd)
		return e
	})
	if err != nil {
		return nil, err
	}
	// A File made of a nonblocking descriptor leaves it so; FileConn duplicates.
	file := os.NewFile(uintptr(dup), "socket")
	conn, err := net.FileConn(file)
	_ = file.Close()
	if err != nil {
		return nil, c.opError(op, err)
	}
	fd, err := s.Detach()
	if err != nil {
		_ = conn.Close() // a duplicate: the connection stays
		return nil, err
	}
	sys.Close(fd)
	return conn, nil
}

// SyscallConn gives access to the descriptor, for options that have no method
// here. It implements [syscall.Conn]. Read and Write of the result call their
// function until it returns true; when it returns false they return
// [ErrWouldBlock], or wait and try again in blocking mode. A Close meanwhile
// takes effect when the function has returned.
func (h *handle) SyscallConn() (sys.RawConn, error) {
	defer runtime.KeepAlive(h)
	if c := h.socket(); c.desc.Closed() {
		return nil, c.closedError("syscall connection")
	}
	return rawConn{h}, nil
}

// rawConn keeps the handle alive, so that it is not taken for dropped.
type rawConn struct{ h *handle }

func (r rawConn) Control(f func(fd uintptr)) error {
	defer runtime.KeepAlive(r.h)
	return r.h.socket().use("control", sys.CallIoctl, func(fd int) sys.Errno {
		f(uintptr(fd))
		return 0
	})
}

func (r rawConn) Read(f func(fd uintptr) bool) error { return r.until("raw read", reading, f) }

func (r rawConn) Write(f func(fd uintptr) bool) error { return r.until("raw write", writing, f) }

func (r rawConn) until(op string, d direction, f func(fd uintptr) bool) error {
	defer runtime.KeepAlive(r.h)
	c := r.h.socket()
	if !c.desc.Acquire() {
		return c.closedError(op)
	}
	defer c.desc.Release()
	var l limit
	for !f(uintptr(c.desc.FD())) {
		if err := c.pause(op, d, &l); err != nil {
			return err
		}
	}
	return nil
}
