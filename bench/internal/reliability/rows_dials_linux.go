package reliability

// Rows in which the server connects, and is hindered.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// dialFailure is a way in which a call of a dial may fail, and what done must hear.
type dialFailure struct{ call, errno, heard string }

// A connect that is not begun, and says it goes on, has no peer when it is asked.
var dialFailures = []dialFailure{
	{"socket", "EMFILE", "EMFILE"},
	{"socket", "ENFILE", "ENFILE"},
	{"socket", "ENOBUFS", "ENOBUFS"},
	{"socket", "EINTR", "EINTR"},
	{"connect", "EADDRNOTAVAIL", "EADDRNOTAVAIL"},
	{"connect", "EAGAIN", "EADDRNOTAVAIL"},
	{"connect", "ENETUNREACH", "ENETUNREACH"},
	{"connect", "EACCES", "EACCES"},
	{"connect", "EINTR", "ENOTCONN"},
	{"connect", "EINPROGRESS", "ENOTCONN"},
	{"epoll_ctl", "ENOSPC", "ENOSPC"},
	{"epoll_ctl", "EINTR", "EINTR"},
	{"getsockopt", "ENOBUFS", "ENOBUFS"},
	{"getsockopt", "EINTR", "EINTR"},
	{"getpeername", "EINTR", "EINTR"},
	{"getsockname", "EINTR", "EINTR"},
	{"setsockopt", "EINTR", "EINTR"},
}

var dialRows = []Row{
	{
		Name:    "dial-refused",
		Promise: "A dial that is refused hears so, once, and leaves nothing.",
		Clauses: []string{"C2", "C5", "C7"},
		Does:    "the server dials 200 times (40) where nobody listens, and as often each where a packet filter answers that the host and the network cannot be reached",
		Needs:   []Need{Root, IP, NFT},
		Own:     true,
		run:     dialRefused,
	},
	{
		Name:    "dial-reset",
		Promise: "A connection that is reset as soon as it is made tells so, the dial or OnClose, and never ends as if in order.",
		Clauses: []string{"C2", "C5", "C7"},
		Does:    "the server dials 500 times (50) a peer that resets what it accepts (SO_LINGER 0) at once, and as often while it is stopped behind some of its connects",
		Own:     true,
		run:     dialReset,
	},
	{
		Name:    "dial-hole",
		Promise: "A dial that nobody answers ends at its time-out and not before, or with its context or the engine, and nothing spins meanwhile.",
		Clauses: []string{"C7", "C9", "C10"},
		Does:    "a packet filter drops what comes to connect; the server dials 200 times (40) with a time-out of 4 s (1 s), as often with a context that ends after 500 ms, and as often without an end until the engine is shut down",
		Needs:   []Need{Root, IP, NFT},
		Own:     true,
		run:     dialHole,
	},
	{
		Name:    "dial-addresses",
		Promise: "A dial gets past addresses that fail and ones that do not answer to the first that does; where none does it hears the last one's reason.",
		Clauses: []string{"C1", "C7", "C9"},
		Does:    "the server dials 100 times (20) a name of three addresses, where nobody listens, nobody answers and a peer is, and one of two where nobody listens",
		Needs:   []Need{Root, IP, NFT},
		Own:     true,
		run:     dialAddresses,
	},
	{
		Name:    "dial-emfile",
		Promise: "Without a descriptor a dial hears EMFILE at once; connections that are there go on, and it connects when descriptors are free again.",
		Clauses: []string{"C5", "C7"},
		Does:    "a server that may have 64 descriptors dials 200 times, twice",
		Own:     true,
		run:     dialEMFILE,
	},
	{
		Name:    "dial-ports",
		Promise: "Without a local port a dial hears EADDRNOTAVAIL at once, and it connects when ports are free again.",
		Clauses: []string{"C5", "C7"},
		Does:    "a server with 50 local ports dials the same peer 200 times, three times",
		Needs:   []Need{Root, IP},
		Own:     true,
		run:     dialPorts,
	},
	{
		Name:    "dial-calls",
		Promise: "Whichever call of a dial fails, that dial hears why and leaves nothing, and the others connect.",
		Clauses: []string{"C1", "C2", "C5", "C7"},
		Does:    "the server dials 40 times while every second call fails, each of these in turn: " + listDialFailures(),
		Needs:   []Need{Strace},
		Own:     true,
		run:     dialCalls,
	},
}

func listDialFailures() string {
	var texts []string
	last := ""
	for _, f := range dialFailures {
		if f.call != last {
			texts = append(texts, f.call+" with "+f.errno)
		} else {
			texts = append(texts, f.errno)
		}
		last = f.call
	}
	return strings.Join(texts, ", ")
}

// startDialer starts a server that tells resets of its connections apart from other ends.
func (t *Trial) startDialer(cfg subject.Config, how Launch) *Server {
	cfg.Protocol = subject.Resets
	return t.StartAs(cfg, how)
}

// dialed lets the server dial, and returns how that ended when all of it has.
func (t *Trial) dialed(s *Server, d subject.Dials) subject.Dialed {
	s.Ask("dials", d, nil)
	return t.outcomes(s, d)
}

// outcomes waits until every dial has had its own.
func (t *Trial) outcomes(s *Server, d subject.Dials) (ended subject.Dialed) {
	t.Must("dials", t.Until("every dial has had its outcome", func() bool {
		s.Ask("dialed", nil, &ended)
		n := 0
		for _, times := range ended.Outcomes {
			n += times
		}
		return n >= d.Count
	}))
	return ended
}

// allHear wants every one of the dials to hear the same.
func (t *Trial) allHear(s *Server, d subject.Dials, want string) subject.Dialed {
	ended := t.dialed(s, d)
	t.heard(ended, d, want)
	return ended
}

func (t *Trial) heard(ended subject.Dialed, d subject.Dials, want string) {
	if ended.Outcomes[want] != d.Count {
		t.Breach(Broke, "%d dials of %s heard %v, not %s", d.Count, d.To, ended.Outcomes, want)
	}
}

// nobody is an address of the host where nobody listens.
func nobody(host string) string { return net.JoinHostPort(host, "9") }

func dialRefused(t *Trial) {
	n := t.NewNetwork()
	t.Must("no limit of answers", n.Set(n.Near, "ipv4/icmp_ratelimit", "0"))
	s := t.startDialer(subject.Config{}, Launch{Network: n})
	w := t.Watch(s, 5)
	d := subject.Dials{To: nobody(nearIP), Count: t.Size(40, 200)}
	t.allHear(s, d, "ECONNREFUSED")
	for _, answer := range []struct{ kind, heard string }{{"host-unreachable", "EHOSTUNREACH"}, {"net-unreachable", "ENETUNREACH"}} {
		t.Must("filter", n.NFT(n.Near, fmt.Sprintf(filterScript, "tcp dport 9 counter reject with icmp type "+answer.kind)))
		t.allHear(s, d, answer.heard)
		t.cameBy(n, d.Count)
		t.Must("end of the filter", n.NFT(n.Near, "delete table ip faults"))
	}
	t.End(w)
}

// cameBy wants the filter of the peer's side to have seen so many packets.
func (t *Trial) cameBy(n *Network, least int) {
	counts, err := n.Counted(n.Near)
	t.Must("count", err)
	if counts[0] < least {
		t.Fail(Failed, "%d packets met the filter, not %d", counts[0], least)
	}
}

func dialReset(t *Trial) {
	s := t.startDialer(subject.Config{}, Launch{})
	w := t.Watch(s, 5)
	p := t.peer(nil, "127.0.0.1:0")
	d := subject.Dials{To: p.Addr().String(), Count: t.Size(50, 500)}
	resets := func() int { return s.Mark().Report.Causes[subject.Reset] }
	before := resets()
	told := 0
	for _, stopped := range []bool{false, true} {
		s.Ask("dials", d, nil)
		came := 0
		if stopped {
			s.halt()
			early := p.queued()
			t.Must("reset", each(early, (*Client).Reset))
			came = len(early)
			s.Signal(syscall.SIGCONT)
		}
		t.Must("reset", each(p.accept(d.Count-came), (*Client).Reset))
		ended := t.outcomes(s, d)
		told += ended.Outcomes["ECONNRESET"]
		if made := ended.Outcomes[subject.Connected]; made+ended.Outcomes["ECONNRESET"] != d.Count {
			t.Breach(Broke, "%d dials of a peer that resets heard %v", d.Count, ended.Outcomes)
		}
	}
	err := t.Until("every connection has heard of its reset", func() bool { return resets()-before+told >= 2*d.Count })
	if err != nil || resets()-before+told != 2*d.Count {
		t.Breach(Broke, "of %d connections %d dials and %d OnClose heard of a reset: %v", 2*d.Count, told, resets()-before, s.Mark().Report.Causes)
	}
	t.Figure("%d dials and %d OnClose heard of the reset", told, resets()-before)
	t.End(w)
}

// swallow drops what comes to connect to the address.
const swallow = "ip daddr %s tcp dport 9 counter drop"

func dialHole(t *Trial) {
	n := t.NewNetwork()
	s := t.startDialer(subject.Config{}, Launch{Network: n})
	others := t.served(s, 5)
	w := t.WatchEvery(others, 20*every)
	t.Must("filter", n.NFT(n.Near, fmt.Sprintf(filterScript, fmt.Sprintf(swallow, nearIP))))
	timed := subject.Dials{To: nobody(nearIP), Count: t.Size(40, 200), Timeout: t.Time(time.Second, 4*time.Second)}
	s.Ask("dials", timed, nil)
	s.calm("while nobody answers its dials")
	ended := t.outcomes(s, timed)
	t.heard(ended, timed, subject.Deadline)
	t.notBefore(ended, subject.Deadline, timed.Timeout)
	off := subject.Dials{To: timed.To, Count: timed.Count, Timeout: time.Hour, CallOff: 500 * time.Millisecond}
	t.notBefore(t.allHear(s, off, subject.CalledOff), subject.CalledOff, off.CallOff)
	t.cameBy(n, timed.Count+off.Count)
	t.End(w)
	endless := subject.Dials{To: timed.To, Count: timed.Count, Timeout: 1<<63 - 1}
	s.Ask("dials", endless, nil)
	left := receiving(others, (*Client).Drain)
	s.Ask("shutdown", t.Patience, nil)
	t.Must("the others", <-left)
	t.ended(s, 0)
	t.heard(t.outcomes(s, endless), endless, subject.Closed)
}

// notBefore wants no dial to have had that outcome before a time was over.
func (t *Trial) notBefore(ended subject.Dialed, outcome string, least time.Duration) {
	soonest := ended.Soonest[outcome]
	t.Figure("%s after %v, the first after %.2f s", outcome, least, soonest.Seconds())
	if soonest < least {
		t.Breach(Broke, "%s came to a dial after %v, not %v", outcome, soonest, least)
	}
}

func dialAddresses(t *Trial) {
	const refuses, silent, answers = nearIP, "10.83.0.3", "10.83.0.4"
	const delay = 100 * time.Millisecond
	n := t.NewNetwork()
	for _, ip := range []string{silent, answers} {
		t.Must("address", n.Exec(n.Near, "ip", "addr", "add", ip+"/24", "dev", "near"))
	}
	t.Must("filter", n.NFT(n.Near, fmt.Sprintf(filterScript, fmt.Sprintf(swallow, silent))))
	s := t.startDialer(subject.Config{Hosts: t.names(map[string][]string{
		"mixed": {refuses, silent, answers},
		"dead":  {refuses, answers},
	})}, Launch{Network: n})
	w := t.Watch(s, 5)
	p := t.peer(n, nobody(answers))
	d := subject.Dials{To: nobody("mixed"), Count: t.Size(20, 100), Timeout: time.Hour, Delay: delay}
	ended := t.allHear(s, d, subject.Connected)
	t.notBefore(ended, subject.Connected, delay)
	t.cameBy(n, d.Count)
	clients := p.accept(d.Count)
	t.Must("echo", each(clients, func(c *Client) error { return errors.Join(c.Echo(64<<10), c.Finish()) }))
	p.Close()
	d.To = nobody("dead")
	t.allHear(s, d, "ECONNREFUSED")
	t.End(w)
}

// names makes a list of names, each with its addresses in order.
func (t *Trial) names(list map[string][]string) (file string) {
	f, err := os.CreateTemp("", "eddyline-hosts-")
	t.Must("names", err)
	t.Undo(func() { os.Remove(f.Name()) })
	defer f.Close()
	for name, addrs := range list {
		for _, addr := range addrs {
			_, err := fmt.Fprintln(f, addr, name)
			t.Must("names", err)
		}
	}
	return f.Name()
}

func dialEMFILE(t *Trial) {
	s := t.startDialer(subject.Config{Files: 64}, Launch{})
	t.scarce(s, t.peer(nil, "127.0.0.1:0"), "EMFILE", 2)
}

func dialPorts(t *Trial) {
	n := t.NewNetwork()
	t.Must("ports", n.Set(n.Far, "ipv4/ip_local_port_range", "40000 40049"))
	s := t.startDialer(subject.Config{}, Launch{Network: n})
	t.scarce(s, t.peer(n, nearIP+":0"), "EADDRNOTAVAIL", 3)
}

// scarce lets the server dial more often than it can, several times: what is there is
// used up, the others hear want, and it is free again when the connections have ended.
func (t *Trial) scarce(s *Server, p *peer, want string, rounds int) {
	others := t.served(s, 10)
	d := subject.Dials{To: p.Addr().String(), Count: 200}
	for range rounds {
		ended := t.dialed(s, d)
		made, refused := ended.Outcomes[subject.Connected], ended.Outcomes[want]
		t.Figure("%d connected, %d heard %s", made, refused, want)
		if made == 0 || refused == 0 || made+refused != d.Count {
			t.Fail(Broke, "%d dials heard %v", d.Count, ended.Outcomes)
		}
		clients := p.accept(made)
		s.calm("while there is none left")
		t.Must("connections that were dialed", each(clients, func(c *Client) error { return c.Echo(4096) }))
		t.Must("connections from before", each(others, func(c *Client) error { return c.Echo(64) }))
		t.Must("end", each(clients, (*Client).Reset)) // which leaves no port in use
		t.gone(s, len(others))
	}
}

func dialCalls(t *Trial) {
	s := t.startDialer(subject.Config{}, Launch{})
	w := t.Watch(s, 5)
	p := t.peer(nil, "127.0.0.1:0")
	d := subject.Dials{To: p.Addr().String(), Count: 40}
	for _, f := range dialFailures {
		in := t.Inject(s, f.call+":error="+f.errno+":when=2+2")
		ended := t.dialed(s, d)
		failed := in.Failed()[f.call]
		in.Stop()
		made, heard := ended.Outcomes[subject.Connected], ended.Outcomes[f.heard]
		t.Figure("%s %s: %d", f.call, f.errno, heard)
		if failed == 0 {
			t.Fail(Failed, "strace made no %s fail", f.call)
		}
		if heard == 0 || heard > failed || made+heard != d.Count {
			t.Breach(Broke, "%d times %s failed with %s, and %d dials heard %v", failed, f.call, f.errno, d.Count, ended.Outcomes)
		}
		t.Must("connections meanwhile", p.serve(made))
	}
	t.End(w)
}
