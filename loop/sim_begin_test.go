//go:build linux

package loop

// How a simulated connection comes about otherwise than by TCP and a listener or a
// dial of the engine: over a unix socket, or adopted.

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// at is the address of the link's own end, where the other one is the engine's.
func (l *simLink) at() sys.Sockaddr {
	if l.unix {
		return sys.Sockaddr{Path: l.name, Unix: true}
	}
	return sys.Sockaddr{IP: netip.MustParseAddr(l.name)}
}

// linkAt returns the link that waits for a connection from sa.
func (w *simWorld) linkAt(sa sys.Sockaddr) *simLink {
	if sa.Unix {
		return w.waiting[sa.Path]
	}
	return w.waiting[sa.IP.String()]
}

// openDoor lets the peer listen at a unix address of its own, where the engine is to
// dial.
func (l *simLink) openDoor() {
	fd, _, err := simBind(l.at())
	if err != nil {
		return // no descriptors: the dial is in vain
	}
	sys.Listen(fd, 0)
	l.door = fd
	if l.w.may(simCrowds) && l.peer.rng.IntN(2) == 0 {
		l.crowd()
	}
}

// crowd fills the queue of the door: the dial must come back.
func (l *simLink) crowd() {
	fd, e := sys.Socket(sys.DomainUnix)
	if e != 0 {
		return // no descriptors, for now
	}
	if e := sys.Connect(fd, l.at()); e != 0 {
		l.w.fail("link %d: nobody can knock at its door: %v", l.number, e)
	}
	l.knocker = fd
}

// takeDoor accepts what the engine has connected to the door.
func (l *simLink) takeDoor() {
	if l.door < 0 {
		return
	}
	fd, _, e := sys.Accept(l.door)
	switch {
	case e != 0:
	case l.knocker >= 0:
		sys.Close(l.knocker)
		sys.Close(fd)
		l.knocker = -1
	default:
		l.w.tell("link %d: the peer accepts it as %d", l.number, fd)
		l.peer.begin(fd)
		l.shutDoor()
	}
}

func (l *simLink) shutDoor() {
	for _, fd := range [...]*int{&l.door, &l.knocker} {
		if *fd >= 0 {
			sys.Close(*fd)
			*fd = -1
		}
	}
}

// prepare makes the connection that the engine is to adopt.
func (l *simLink) prepare() {
	if l.unix {
		if fds, e := sys.Socketpair(); e == 0 {
			l.adoptee = fds[0]
			l.peer.begin(fds[1])
		}
		return
	}
	fd, _, err := simBind(l.at())
	if err != nil {
		return // no descriptors, for now
	}
	if e := sys.Connect(fd, l.w.homeAddr); e != 0 && e != sys.EINPROGRESS {
		sys.Close(fd)
		return
	}
	l.adoptee = fd
}

// offer gives the connection to the engine once it is one.
func (l *simLink) offer() {
	if l.adoptee < 0 {
		return
	}
	if _, writable := simPolled(l.adoptee); !writable {
		return
	}
	w, rng := l.w, l.peer.rng
	if pending, _ := sys.SocketError(l.adoptee); pending != 0 {
		l.withdraw()
		return
	}
	if rng.IntN(4) == 0 {
		sys.SetLinger(l.adoptee, true, 1+rng.IntN(100))
	}
	l.keepAdoptee(rng)
	var err error
	fd, ending := l.adoptee, w.ending
	if rng.IntN(2) == 0 {
		err = l.offerStream()
	} else {
		err = l.offerConn()
	}
	w.tell("link %d: fd %d is adopted: %v", l.number, fd, err)
	switch {
	case err == nil:
		w.adopted++
		l.adoptee = -1
		if w.ending {
			w.fail("C7: link %d: it is adopted, and the engine ends", l.number)
		}
		return
	case errors.Is(err, ErrMaxConns):
		if w.engine.conns.Load() < int64(w.cfg.MaxConns) {
			w.fail("link %d: %v, and there are %d connections", l.number, err, w.engine.conns.Load())
		}
	case errors.Is(err, net.ErrClosed) && w.ending && !ending:
		return // it is closed: the engine has ended meanwhile
	case errors.Is(err, net.ErrClosed):
		if !w.ending {
			w.fail("link %d: %v, and nobody ended the engine", l.number, err)
		}
	case errors.Is(err, sys.EMFILE):
	default:
		w.fail("link %d: %v", l.number, err)
	}
	// It is untouched.
	if e := sys.SetOption(l.adoptee, sys.OptReuseAddr, 1); e != 0 {
		w.fail("link %d: what was refused is gone: %v", l.number, e)
	}
	sys.SetLinger(l.adoptee, false, 0)
	l.withdraw()
}

func (l *simLink) offerStream() error {
	s, err := stream.FromFD(l.adoptee)
	if err != nil {
		return err
	}
	if l.peer.rng.IntN(8) == 0 {
		if err := s.Acquire(); err != nil {
			return err
		}
		if err := l.w.engine.AdoptStream(s, l.adoptedBy); err == nil || l.w.engine.conns.Load() < int64(l.w.cfg.MaxConns) && !l.w.ending && !errors.Is(err, syscall.EBUSY) {
			l.w.fail("link %d: a Stream that is in use is adopted: %v", l.number, err)
		}
		s.Release()
	}
	if err = l.w.engine.AdoptStream(s, l.adoptedBy); err == nil {
		return nil
	}
	if _, again := s.Detach(); again != nil {
		l.w.fail("link %d: the Stream that was refused: %v", l.number, again)
	}
	return err
}

func (l *simLink) offerConn() error {
	nc := &simNetConn{link: l}
	if w := l.w; l.number%8 == 0 && !w.inWait && w.may(simEnds) && w.may(simDups) {
		nc.meanwhile = w.endAtOnce
	}
	return l.w.engine.Adopt(nc, l.adoptedBy)
}

// adoptedBy is the Protocol of the adopted connection.
func (l *simLink) adoptedBy(c *Conn) Handler {
	if l.w.links[l.place] != l {
		return nil // its peer went away before, and another took its place
	}
	return l.protocol(c)
}

func (l *simLink) withdraw() {
	if l.adoptee >= 0 {
		sys.Close(l.adoptee)
		l.adoptee = -1
	}
}

// simNetConn is a connection of another package.
type simNetConn struct {
	net.Conn
	link      *simLink // whose adoptee it is
	meanwhile func()   // what another goroutine does while it is taken over, unless nil
}

func (c *simNetConn) SyscallConn() (syscall.RawConn, error) {
	return simRawConn{fd: c.link.adoptee}, nil
}

func (c *simNetConn) RemoteAddr() net.Addr { return nil }

func (c *simNetConn) Close() error {
	c.link.withdraw()
	if c.meanwhile != nil {
		c.meanwhile()
	}
	return nil
}

type simRawConn struct {
	syscall.RawConn
	fd int
}

func (c simRawConn) Control(f func(fd uintptr)) error {
	f(uintptr(c.fd))
	return nil
}
