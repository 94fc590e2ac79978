//go:build !simkernel

package sim_test

// What a script of calls does.

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// act makes one random call.
func (s *script) act() {
	acts := []struct {
		weight int
		f      func()
	}{
		{4, s.newListener}, {2, s.newSocket}, {2, s.newPair}, {1, s.newPipe}, {1, s.newEventfd},
		{10, s.connect}, {8, s.accept}, {14, s.send}, {2, s.sendRights}, {14, s.recv}, {3, s.peek}, {6, s.shut}, {8, s.close},
		{2, s.linger}, {2, s.socketError}, {3, s.names}, {14, s.register}, {3, s.write}, {3, s.read}, {1, s.dup},
		{2, s.options},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	n := s.rng.IntN(total)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			a.f()
			return
		}
	}
}

func (s *script) domain() sim.Domain {
	return []sim.Domain{sim.IPv4, sim.IPv4, sim.IPv6, sim.Unix}[s.rng.IntN(4)]
}

func (s *script) newSocket() {
	d := s.domain()
	s.opened(aSocket, fmt.Sprintf("socket %d", d), func(c *calls, _ int) (int, sim.Errno) { return c.socket(d) })
}

// address is one to bind to in the domain; the kernel chooses the port.
func (s *script) address(d sim.Domain) sim.Addr {
	switch d {
	case sim.IPv4:
		return sim.Addr{IP: localhost}
	case sim.IPv6:
		return sim.Addr{IP: netip.IPv6Loopback()}
	default:
		s.made++
		return sim.Addr{Unix: true, Path: fmt.Sprintf("@sim-%d-%d-%d", time.Now().UnixNano(), s.seed, s.made)}
	}
}

func (s *script) newListener() {
	d := s.domain()
	a := s.address(d)
	backlog := s.rng.IntN(4) - 1 // below 0: bound alone, so that it refuses
	s.opened(aListener, fmt.Sprintf("listener %d, backlog %d", d, backlog), func(c *calls, _ int) (int, sim.Errno) {
		fd, e := c.socket(d)
		if e == 0 {
			e = c.bind(fd, a)
		}
		if e == 0 && backlog >= 0 {
			e = c.listen(fd, backlog)
		}
		return fd, e
	})
	h := s.handles[len(s.handles)-1]
	for i := range s.kernels {
		h.addrs[i], _ = s.kernels[i].sockname(h.fds[i])
	}
}

func (s *script) newPair() {
	var fds [2][2]int
	s.both(fmt.Sprintf("%d, %d = pair", len(s.handles), len(s.handles)+1), func(c *calls, i int) string {
		var e sim.Errno
		fds[i], e = c.pair()
		return verdict(e)
	})
	s.add(aSocket, [2]int{fds[0][0], fds[1][0]})
	s.add(aSocket, [2]int{fds[0][1], fds[1][1]})
}

func (s *script) newPipe() {
	var r, w [2]int
	s.both(fmt.Sprintf("%d, %d = pipe", len(s.handles), len(s.handles)+1), func(c *calls, i int) string {
		var e sim.Errno
		r[i], w[i], e = c.pipe()
		return verdict(e)
	})
	s.add(aPipe, r)
	s.add(aPipe, w)
}

func (s *script) newEventfd() {
	s.opened(anEventfd, "eventfd", func(c *calls, _ int) (int, sim.Errno) { return c.eventfd() })
}

// connect is most often that of a new socket to a listener.
func (s *script) connect() {
	var targets []int
	for n, h := range s.handles {
		if h.kind == aListener && (h.addrs[0].Unix || s.held(h)) {
			targets = append(targets, n)
		}
	}
	if len(targets) == 0 {
		return
	}
	n := targets[s.rng.IntN(len(targets))]
	to := s.handles[n]
	d := sim.IPv4
	switch {
	case to.addrs[0].Unix:
		d = sim.Unix
	case to.addrs[0].IP.Is6():
		d = sim.IPv6
	}
	if s.full(to) && d != sim.Unix {
		return // the real one would try again for a minute
	}
	from, h := s.pick(func(h *handle) bool { return h.kind == aSocket })
	if h == nil || s.rng.IntN(4) > 0 {
		from = len(s.handles)
		s.opened(aSocket, fmt.Sprintf("socket %d", d), func(c *calls, _ int) (int, sim.Errno) { return c.socket(d) })
		h = s.handles[from]
		if s.rng.IntN(2) == 0 {
			s.registerHandle(from, h)
			s.sameEvents()
		}
	}
	s.both(fmt.Sprintf("connect %d to %d", from, n), func(c *calls, i int) string {
		return verdict(c.connect(h.fds[i], to.addrs[i]))
	})
}

// held tells whether a descriptor of the object is open: a port that was closed
// may be somebody else's.
func (s *script) held(h *handle) bool {
	return slices.ContainsFunc(s.handles, func(o *handle) bool { return o.id == h.id && o.open })
}

// full tells whether the queue of a listener may be.
func (s *script) full(h *handle) bool {
	return slices.ContainsFunc(s.handles, func(o *handle) bool {
		return o.id == h.id && o.open && s.kernels[0].poll(o.fds[0], sim.In)&sim.In != 0
	})
}

func (s *script) accept() {
	n, h := s.pick(func(h *handle) bool {
		return h.kind == aListener || h.kind == aSocket && s.rng.IntN(20) == 0
	})
	if h == nil {
		return
	}
	var peers [2]string
	s.opened(aSocket, fmt.Sprintf("accept %d", n), func(c *calls, i int) (int, sim.Errno) {
		fd, a, e := c.accept(h.fds[i])
		peers[i] = place(a, e)
		return fd, e
	})
	if peers[0] != peers[1] {
		s.fail("from %s, and %s in the kernel", peers[0], peers[1])
	}
}

func (s *script) socketLike() (int, *handle) {
	return s.pick(func(h *handle) bool { return h.kind == aSocket || h.kind == aListener && s.rng.IntN(10) == 0 })
}

func (s *script) send() {
	s.transmit("send", func(c *calls) func(int, []byte) (int, sim.Errno) { return c.send })
}

func (s *script) sendRights() {
	s.transmit("send with descriptors", func(c *calls) func(int, []byte) (int, sim.Errno) { return c.sendRights })
}

func (s *script) transmit(name string, of func(c *calls) func(int, []byte) (int, sim.Errno)) {
	n, h := s.socketLike()
	if h == nil {
		return
	}
	p := bytes.Repeat([]byte{byte(s.rng.IntN(256))}, 1+s.rng.IntN(500))
	s.both(fmt.Sprintf("%s %d of %d", name, n, len(p)), func(c *calls, i int) string {
		return count(of(c)(h.fds[i], p))
	})
}

func (s *script) recv() {
	s.receive("recv", func(c *calls) func(int, []byte) (int, sim.Errno) { return c.recv })
}
func (s *script) peek() {
	s.receive("peek", func(c *calls) func(int, []byte) (int, sim.Errno) { return c.peek })
}

func (s *script) receive(name string, of func(c *calls) func(int, []byte) (int, sim.Errno)) {
	n, h := s.socketLike()
	if h == nil {
		return
	}
	size := []int{1, 100, 100_000}[s.rng.IntN(3)]
	s.both(fmt.Sprintf("%s %d of %d", name, n, size), func(c *calls, i int) string {
		p := make([]byte, size)
		got, e := of(c)(h.fds[i], p)
		return fmt.Sprintf("%s, sum %d", count(got, e), sum(p[:got]))
	})
}

// sum tells bytes in another order apart.
func sum(p []byte) (n uint32) {
	for _, b := range p {
		n = n*31 + uint32(b)
	}
	return n
}

func (s *script) shut() {
	n, h := s.socketLike()
	if h == nil {
		return
	}
	how := s.rng.IntN(3)
	s.both(fmt.Sprintf("shutdown %d, %d", n, how), func(c *calls, i int) string {
		return verdict(c.shutdown(h.fds[i], how))
	})
	s.acknowledge(h)
}

// acknowledge waits until the peer's kernel has acknowledged the FIN, which it may
// put off, and which is an edge.
func (s *script) acknowledge(h *handle) {
	c := &s.kernels[1]
	if a, _ := c.sockname(h.fds[1]); a.Unix {
		return
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, e := c.outQueue(h.fds[1])
		_, over := c.peername(h.fds[1])
		if n == 0 || e != 0 || over != 0 {
			return
		}
		runtime.Gosched()
	}
}

func (s *script) close() {
	n, h := s.pick(func(*handle) bool { return true })
	if h == nil {
		return
	}
	h.open = false
	s.both(fmt.Sprintf("close %d", n), func(c *calls, i int) string { return verdict(c.close(h.fds[i])) })
}

func (s *script) linger() {
	n, h := s.pick(func(h *handle) bool { return h.kind == aSocket })
	if h == nil {
		return
	}
	s.both(fmt.Sprintf("linger %d, 0", n), func(c *calls, i int) string { return verdict(c.linger(h.fds[i], true, 0)) })
}

func (s *script) socketError() {
	n, h := s.socketLike()
	if h == nil {
		return
	}
	s.both(fmt.Sprintf("error of %d", n), func(c *calls, i int) string {
		pending, e := c.socketError(h.fds[i])
		return verdict(pending) + ", " + verdict(e)
	})
}

func (s *script) names() {
	n, h := s.socketLike()
	if h == nil {
		return
	}
	s.both(fmt.Sprintf("names of %d", n), func(c *calls, i int) string {
		return place(c.sockname(h.fds[i])) + " > " + place(c.peername(h.fds[i]))
	})
}

func (s *script) register() {
	n, h := s.pick(func(*handle) bool { return true })
	if h != nil {
		s.registerHandle(n, h)
	}
}

func (s *script) registerHandle(n int, h *handle) {
	op := []int{sim.CtlAdd, sim.CtlAdd, sim.CtlMod, sim.CtlDel}[s.rng.IntN(4)]
	events := []sim.Events{0, sim.In, sim.Out, sim.In | sim.Out, sim.In | sim.Out | sim.RdHup | sim.Pri}[s.rng.IntN(5)]
	events |= []sim.Events{0, sim.Edge, sim.Edge, sim.OneShot}[s.rng.IntN(4)]
	s.both(fmt.Sprintf("ctl %d of %d, %#x", op, n, events), func(c *calls, i int) string {
		return verdict(c.ctl(s.epolls[i], op, h.fds[i], events, uint64(n)))
	})
}

func (s *script) stream() (int, *handle) {
	return s.pick(func(h *handle) bool { return h.is(aPipe, anEventfd) })
}

func (s *script) write() {
	n, h := s.stream()
	if h == nil {
		return
	}
	p := make([]byte, []int{8, 8, 4, 300}[s.rng.IntN(4)])
	p[0] = 1
	s.both(fmt.Sprintf("write %d of %d", n, len(p)), func(c *calls, i int) string { return count(c.write(h.fds[i], p)) })
}

func (s *script) read() {
	n, h := s.stream()
	if h == nil {
		return
	}
	size := []int{8, 4, 1000}[s.rng.IntN(3)]
	s.both(fmt.Sprintf("read %d of %d", n, size), func(c *calls, i int) string {
		return count(c.read(h.fds[i], make([]byte, size)))
	})
}

func (s *script) dup() {
	n, h := s.pick(func(*handle) bool { return true })
	if h == nil {
		return
	}
	s.opened(h.kind, fmt.Sprintf("dup %d", n), func(c *calls, i int) (int, sim.Errno) { return c.dup(h.fds[i]) })
	copied := s.handles[len(s.handles)-1]
	copied.addrs, copied.id = h.addrs, h.id
}

func (s *script) options() {
	n, h := s.socketLike()
	if h == nil {
		return
	}
	opt := sim.Option(s.rng.IntN(int(sim.OptLatePort) + 1))
	if s.rng.IntN(2) == 0 {
		s.both(fmt.Sprintf("option %d of %d", opt, n), func(c *calls, i int) string { return count(c.getOption(h.fds[i], opt)) })
		return
	}
	value := []int{0, 1, 7, 300}[s.rng.IntN(4)]
	s.both(fmt.Sprintf("option %d of %d = %d", opt, n, value), func(c *calls, i int) string {
		return verdict(c.setOption(h.fds[i], opt, value))
	})
}
