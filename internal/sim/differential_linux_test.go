//go:build !simkernel

package sim_test

// The model against the real kernel: random scripts of calls on both, step by
// step, with everything compared that a program could see.

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

var (
	differentialSeed = flag.Uint64("differential.seed", 0, "run the script of this seed alone, and show it")
	differentialRuns = flag.Uint64("differential.runs", 400, "how many scripts to run")
)

// patience bounds what the real kernel does by and by; only a failing test waits
// so long.
const patience = 5 * time.Second

func TestTheModelBehavesLikeTheKernel(t *testing.T) {
	if *differentialSeed != 0 {
		runScript(t, *differentialSeed)
		return
	}
	for seed := uint64(1); seed <= *differentialRuns; seed++ {
		runScript(t, seed)
		if t.Failed() {
			return
		}
	}
}

// handle is a descriptor on both kernels.
type handle struct {
	kind  kind
	fds   [2]int
	addrs [2]sim.Addr // to connect to
	open  bool
	id    int // of the object: duplicates share it
}

type kind uint8

const (
	aSocket kind = iota
	aListener
	anEventfd
	aPipe
)

// script is a run on both.
type script struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	kernels [2]calls // the model, then the real one
	model   *sim.Kernel
	epolls  [2]int
	handles []*handle
	log     []string
	made    int // names of unix sockets
}

func runScript(t *testing.T, seed uint64) {
	t.Helper()
	k := sim.New(seed, sim.Options{Immediate: seed%2 == 0})
	s := &script{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)),
		kernels: [2]calls{modelCalls(k), realCalls()},
		model:   k,
	}
	defer s.end()
	for i := range s.kernels {
		fd, e := s.kernels[i].epoll()
		if e != 0 {
			t.Fatal(e)
		}
		s.epolls[i] = fd
	}
	for range 60 {
		s.act()
		if !s.settled() || !s.sameEvents() {
			break
		}
	}
	if seed == *differentialSeed {
		t.Logf("seed %d:\n%s", seed, strings.Join(s.log, "\n"))
	}
}

func (s *script) end() {
	for _, h := range s.handles {
		if h.open {
			s.kernels[1].close(h.fds[1])
		}
	}
	s.kernels[1].close(s.epolls[1])
}

func (s *script) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *script) fail(format string, args ...any) {
	s.t.Helper()
	s.note(format, args...)
	s.t.Errorf("replay with -differential.seed=%d:\n%s", s.seed, strings.Join(s.log, "\n"))
}

// both makes a call on both kernels and compares what it says.
func (s *script) both(what string, call func(c *calls, i int) string) {
	s.t.Helper()
	model, real := call(&s.kernels[0], 0), call(&s.kernels[1], 1)
	s.note("%s: %s", what, model)
	if model != real {
		s.fail("the kernel says %s", real)
	}
}

func (s *script) add(kind kind, fds [2]int) int {
	s.handles = append(s.handles, &handle{kind: kind, fds: fds, open: true, id: len(s.handles)})
	return len(s.handles) - 1
}

// opened makes descriptors that both kernels must give.
func (s *script) opened(kind kind, what string, call func(c *calls, i int) (int, sim.Errno)) {
	var fds [2]int
	var ok bool
	s.both(fmt.Sprintf("%d = %s", len(s.handles), what), func(c *calls, i int) string {
		var e sim.Errno
		fds[i], e = call(c, i)
		ok = e == 0
		return verdict(e)
	})
	if ok && !s.t.Failed() {
		s.add(kind, fds)
	}
}

// pick chooses an open handle that suits.
func (s *script) pick(suits func(h *handle) bool) (int, *handle) {
	var list []int
	for i, h := range s.handles {
		if h.open && suits(h) {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return -1, nil
	}
	i := list[s.rng.IntN(len(list))]
	return i, s.handles[i]
}

func (h *handle) is(kinds ...kind) bool { return slices.Contains(kinds, h.kind) }

func verdict(e sim.Errno) string {
	if e == 0 {
		return "ok"
	}
	return e.Error()
}

func count(n int, e sim.Errno) string {
	if e != 0 {
		return e.Error()
	}
	return fmt.Sprint(n)
}

// place is what can be compared of an address.
func place(a sim.Addr, e sim.Errno) string {
	switch {
	case e != 0:
		return e.Error()
	case a.Unix:
		return fmt.Sprintf("unix, named: %v", a.Path != "")
	default:
		return fmt.Sprintf("%v, port: %v", a.IP, a.Port != 0)
	}
}

// settled waits until the real kernel has arrived where the model is, which its
// network and timers may take some time for.
func (s *script) settled() bool {
	s.t.Helper()
	if s.t.Failed() {
		return false
	}
	for s.model.Step() {
	}
	for end := time.Now().Add(patience); ; {
		diff := s.difference()
		if diff == "" {
			return true
		}
		if time.Now().After(end) {
			s.fail("%s", diff)
			return false
		}
		runtime.Gosched()
	}
}

func (s *script) difference() string {
	for n, h := range s.handles {
		if !h.open {
			continue
		}
		var states [2]string
		for i := range s.kernels {
			c := &s.kernels[i]
			states[i] = fmt.Sprintf("%#x, %d unread", c.poll(h.fds[i], sim.In|sim.Out|sim.RdHup|sim.Pri), s.unread(c, h, i))
		}
		if states[0] != states[1] {
			return fmt.Sprintf("%d is %s, and %s in the kernel", n, states[0], states[1])
		}
	}
	return ""
}

func (s *script) unread(c *calls, h *handle, i int) int {
	if h.kind != aSocket {
		return 0
	}
	return c.unread(h.fds[i])
}

// sameEvents compares what the epolls report.
func (s *script) sameEvents() bool {
	s.t.Helper()
	model, real := s.events(0), s.events(1)
	if len(model) > 0 {
		s.note("    events: %s", describe(model))
	}
	if describe(model) != describe(real) {
		s.fail("the kernel reports: %s", describe(real))
		return false
	}
	return true
}

func (s *script) events(i int) []sim.Event {
	list := s.kernels[i].wait(s.epolls[i])
	slices.SortFunc(list, func(a, b sim.Event) int { return int(a.Data) - int(b.Data) })
	return list
}

func describe(list []sim.Event) string {
	var parts []string
	for _, ev := range list {
		parts = append(parts, fmt.Sprintf("%d:%#x", ev.Data, ev.Events))
	}
	return strings.Join(parts, " ")
}

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// act makes one random call.
func (s *script) act() {
	acts := []struct {
		weight int
		f      func()
	}{
		{4, s.newListener}, {2, s.newSocket}, {2, s.newPair}, {1, s.newPipe}, {1, s.newEventfd},
		{10, s.connect}, {8, s.accept}, {14, s.send}, {14, s.recv}, {3, s.peek}, {6, s.shut}, {8, s.close},
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
	n, h := s.socketLike()
	if h == nil {
		return
	}
	p := bytes.Repeat([]byte{byte(s.rng.IntN(256))}, 1+s.rng.IntN(500))
	s.both(fmt.Sprintf("send %d of %d", n, len(p)), func(c *calls, i int) string {
		return count(c.send(h.fds[i], p))
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
