package load

// The generator: its connections, and the loop that drives them.

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch    = 512                   // events taken per wait
	burst    = 256                   // connections opened before they are proved; below every backlog
	spins    = 64                    // polls between two looks at the clock
	nap      = 20 * time.Millisecond // the longest wait, after which a stop is noticed
	patience = 10 * time.Second      // for what has been sent to come back when nothing new is sent
)

// generator drives connections from one goroutine at a time.
type generator struct {
	spec     Spec
	server   netip.AddrPort
	ep       int
	conns    []conn
	events   []unix.EpollEvent
	buf      []byte
	sending  bool
	patience time.Duration
	counters *Counters
	stopping atomic.Bool
}

func newGenerator(spec Spec, counters *Counters) (*generator, error) {
	server, err := netip.ParseAddrPort(spec.Addr)
	if err != nil {
		return nil, fmt.Errorf("server address: %w", err)
	}
	if !server.Addr().Is4() {
		return nil, fmt.Errorf("server address %s: only IPv4 is spoken here", server)
	}
	if spec.Size < 1 || spec.Pipeline < 1 {
		return nil, fmt.Errorf("messages of %d bytes, %d outstanding: both must be positive", spec.Size, spec.Pipeline)
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &generator{
		spec:     spec,
		server:   server,
		ep:       ep,
		events:   make([]unix.EpollEvent, batch),
		buf:      make([]byte, maxStep),
		counters: counters,
		patience: patience,
	}, nil
}

// open adds n connections. Each has echoed one message when open returns, so the
// server has accepted it and has had it in use.
func (g *generator) open(n int) error {
	for n > 0 {
		k := min(n, burst)
		for range k {
			if err := g.connect(); err != nil {
				return err
			}
		}
		for i := len(g.conns) - k; i < len(g.conns); i++ {
			c := &g.conns[i]
			c.due = g.spec.Size
			if err := c.send(); err != nil {
				return err
			}
		}
		if err := g.drain(); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

func (g *generator) connect() error {
	index := g.spec.First + len(g.conns)
	fd, err := dial(g.server, index)
	if err != nil {
		return fmt.Errorf("connection %d to %s: %w", index, g.server, err)
	}
	place := len(g.conns)
	// One registration for good, edge-triggered: no epoll_ctl while it runs.
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(place)}
	if err := unix.EpollCtl(g.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		_ = unix.Close(fd)
		return os.NewSyscallError("epoll_ctl", err)
	}
	at := origin(index)
	g.conns = append(g.conns, conn{fd: int32(fd), index: int32(index), sendAt: at, wantAt: at})
	return nil
}

// dial connects from a source address of 127.0.0.0/8 that depends on index: one
// address has only some 28,000 ports.
func dial(server netip.AddrPort, index int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if server.Addr().IsLoopback() {
		// The port is chosen when the destination is known, so that each pair of
		// addresses has all ports for itself.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return fd, os.NewSyscallError("setsockopt IP_BIND_ADDRESS_NO_PORT", err)
		}
		source := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + index/4000%250)}}
		if err := unix.Bind(fd, &source); err != nil {
			return fd, os.NewSyscallError("bind", err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fd, os.NewSyscallError("setsockopt TCP_NODELAY", err)
	}
	// The end is a reset: thousands of closed connections would otherwise wait in
	// TIME_WAIT and slow the rounds that follow.
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return fd, os.NewSyscallError("setsockopt SO_LINGER", err)
	}
	to := unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}
	for {
		err := unix.Connect(fd, &to)
		if err == unix.EINTR {
			continue
		}
		if err != nil && err != unix.EISCONN {
			return fd, os.NewSyscallError("connect", err)
		}
		break
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return fd, os.NewSyscallError("fcntl", err)
	}
	return fd, nil
}

// run keeps every connection's messages outstanding until stopping is set, then
// waits until all have come back.
func (g *generator) run() error {
	g.sending = true
	for i := range g.conns {
		c := &g.conns[i]
		c.due = g.spec.Size * g.spec.Pipeline
		if err := c.send(); err != nil {
			return err
		}
	}
	for !g.stopping.Load() {
		if err := g.turn(); err != nil {
			return err
		}
	}
	return g.drain()
}

// drain sends nothing new and waits until every byte has come back.
func (g *generator) drain() error {
	g.sending = false
	limit := time.Now().Add(g.patience)
	for {
		late := g.outstanding()
		if late == nil {
			return nil
		}
		if time.Now().After(limit) {
			return late.errorf("it did not all come back within %v", g.patience)
		}
		if err := g.turn(); err != nil {
			return err
		}
	}
}

// outstanding returns a connection that waits for bytes or still has to send
// some, nil if there is none.
func (g *generator) outstanding() *conn {
	for i := range g.conns {
		c := &g.conns[i]
		if c.flying > 0 || c.due > 0 {
			return c
		}
	}
	return nil
}

// turn waits once and serves what is ready.
func (g *generator) turn() error {
	n, err := g.wait()
	if err != nil {
		return err
	}
	messages := 0
	for i := range g.events[:n] {
		c := &g.conns[g.events[i].Fd]
		k, err := c.receive(g.buf, g.spec.Size)
		if err != nil {
			return err
		}
		messages += k
		if g.sending {
			c.due += k * g.spec.Size
		}
		if c.due == 0 {
			continue
		}
		if err := c.send(); err != nil {
			return err
		}
	}
	if messages > 0 {
		g.counters.Messages.Add(uint64(messages))
	}
	return nil
}

// wait asks the kernel until there is something, as long as the load goes on: a
// generator that sleeps is woken by the server's sends, in the server's time, and
// the faster of two servers would be spared that by keeping it busy.
func (g *generator) wait() (int, error) {
	n, e := g.poll()
	if n == 0 && e == 0 && g.sending {
		n, e = g.spin()
	}
	if n == 0 && e == 0 {
		n, e = g.sleep()
	}
	if e == unix.EINTR {
		return 0, nil
	}
	if e != 0 {
		return 0, os.NewSyscallError("epoll_wait", e)
	}
	return n, nil
}

// spin polls until there is something or the load shall end, and counts what that
// took of the processor: others may have had it meanwhile.
func (g *generator) spin() (n int, e syscall.Errno) {
	for n == 0 && e == 0 && !g.stopping.Load() {
		begun := cpuTime()
		for range spins {
			if n, e = g.poll(); n != 0 || e != 0 {
				break
			}
		}
		g.counters.Idle.Add(int64(cpuTime() - begun))
	}
	return n, e
}

// cpuTime returns the processor time of this process.
func cpuTime() time.Duration {
	var ts unix.Timespec
	// The clock exists, and ts is writable.
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

func (g *generator) poll() (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(g.ep), uintptr(unsafe.Pointer(&g.events[0])), batch, 0, 0, 0)
	return int(n), e
}

func (g *generator) sleep() (int, syscall.Errno) {
	n, _, e := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(g.ep), uintptr(unsafe.Pointer(&g.events[0])), batch, uintptr(nap.Milliseconds()), 0, 0)
	return int(n), e
}

// close resets all connections.
func (g *generator) close() error {
	var errs []error
	for _, c := range g.conns {
		if err := unix.Close(int(c.fd)); err != nil {
			errs = append(errs, os.NewSyscallError("close", err))
		}
	}
	return errors.Join(append(errs, unix.Close(g.ep))...)
}
