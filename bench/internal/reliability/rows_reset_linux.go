package reliability

// Rows about resets: each way to be reset, at each stage of a connection.

import (
	"cmp"
	"fmt"
	"strings"
	"syscall"

	"github.com/eddyline/eddyline/bench/internal/proc"
	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// stage is when a connection is reset.
type stage struct {
	name, when string
	lead       func(t *Trial, s *Server) []*Client // brings connections there
	protocol   subject.Protocol                    // of the server; by default Resets
	stopped    bool                                // the server is stopped meanwhile
	queued     bool                                // not accepted, so it may never have a handler
	silent     bool                                // it sends nothing unless it is sent something
	offers     bool                                // all that the clients have sent is to be offered first
	ended      bool                                // the clients have ended their output: the server has its answer left to send
	fills      bool                                // it is about memory too
	own        bool                                // the server does something that only this engine is asked for
}

var stages = []stage{
	{name: "queued", when: "while they wait to be accepted", lead: connected, stopped: true, queued: true, silent: true},
	{name: "idle", when: "when they have been served and are idle", lead: served, silent: true},
	{name: "input", when: "with input that the server has not read", lead: unread, stopped: true, offers: true},
	{name: "output", when: "while output is pending", lead: pending, fills: true},
	{name: "closing", when: "after the server has closed them, with output pending", lead: closing, fills: true, own: true},
	{name: "half-closed", when: "after they have ended their output, before the answer", lead: halfClosed, stopped: true, offers: true, ended: true},
	{name: "answering", when: "after they have ended their output, with the answer pending above the high mark", lead: answering, protocol: subject.Answers, fills: true, own: true},
}

// resetter is a way to reset connections.
type resetter struct {
	name, does string
	needs      []Need
	apart      bool // server and clients are in network namespaces of their own
	reset      func(t *Trial, s *Server, st stage, victims []*Client)
	done       func(t *Trial, s *Server, victims []*Client) // sees, when they have gone, that it was this
}

var resetters = []resetter{
	{name: "reset", does: "40 clients reset their connections (SO_LINGER 0) ", reset: resetByPeer},
	{name: "killed", does: "ss -K destroys the server's ends of 40 connections ", needs: []Need{Root, SS}, reset: kill, done: wereKilled},
	{
		name: "rejected", does: "a packet filter begins to answer what the server sends to 40 clients with resets ",
		needs: []Need{Root, IP, NFT}, apart: true, reset: reject, done: wereRejected,
	},
}

var resetRows = makeResetRows()

func makeResetRows() (rows []Row) {
	for _, r := range resetters {
		for _, st := range stages {
			rows = append(rows, Row{
				Name:    r.name + "-" + st.name,
				Promise: "A connection that is reset ends alone and not as if in order, after all its input has been offered, and its descriptor is closed.",
				Clauses: []string{"C2", "C3", "C5", "C7"},
				Does:    r.does + st.when + "; 10 times (twice)",
				Needs:   r.needs,
				Own:     st.own,
				run:     func(t *Trial) { r.row(t, st) },
			})
		}
	}
	return rows
}

// many is how many connections a fault is done to at once.
const many = 40

func (r resetter) row(t *Trial, st stage) {
	var how Launch
	if r.apart {
		how.Network = t.NewNetwork()
	}
	start := t.StartAs
	if st.fills {
		start = t.StartLean
	}
	s := start(subject.Config{Protocol: cmp.Or(st.protocol, subject.Resets)}, how)
	others := t.served(s, 10)
	rounds := t.Size(2, 10)
	for range rounds {
		before, answered := s.heard(len(others)), received(others)
		victims := st.lead(t, s)
		r.reset(t, s, st, victims)
		if st.stopped {
			s.Signal(syscall.SIGCONT)
		}
		if st.queued {
			// It is accepted behind them.
			others = append(others, t.served(s, 1)...)
		}
		t.Must("the others", each(others, func(c *Client) error { return c.Echo(4096) }))
		t.gone(s, len(others))
		if r.done != nil {
			r.done(t, s, victims)
		}
		if t.Options.Server == subject.Own {
			r.told(t, st, before, s.heard(len(others)), sent(victims)+received(others)-answered)
		}
	}
	t.Figure("%d connections reset", rounds*many)
}

// heard is what this engine's handlers have told when those of all but so many
// connections have heard OnClose.
func (s *Server) heard(left int) (r subject.Report) {
	if s.t.Options.Server != subject.Own {
		return r
	}
	s.t.Must("the ends", s.t.Until(fmt.Sprintf("all handlers but %d have heard OnClose", left), func() bool {
		r = s.Mark().Report
		return r.Opened-r.Closed == left
	}))
	return r
}

// told wants the handlers of all connections that were reset to have heard that, after
// they had been offered what had come, of which they take all; came counts it.
func (r resetter) told(t *Trial, st stage, before, after subject.Report, came int64) {
	if taken := after.Echoed - before.Echoed; st.offers && taken != came {
		t.Breach(Broke, "%d bytes had come before the resets, %d were offered", came, taken)
	}
	ends := after.Closed - before.Closed
	resets := after.Causes[subject.Reset] - before.Causes[subject.Reset]
	if r.apart && st.ended {
		// The kernel has taken the answer before it is rejected, so nil is right (C1).
		resets += after.Causes["nil"] - before.Causes["nil"]
	}
	if resets != ends || ends != many && !st.queued {
		t.Breach(Broke, "%d connections were reset, %d handlers heard OnClose, %d of a reset: %v before, %v after", many, ends, resets, before.Causes, after.Causes)
	}
}

// sent counts what clients have sent.
func sent(clients []*Client) (n int64) {
	for _, c := range clients {
		n += c.out.Done()
	}
	return n
}

// gone wants the server to have descriptors of so many connections.
func (t *Trial) gone(s *Server, left int) {
	err := t.Until(fmt.Sprintf("%d connections are left", left), func() bool { return s.Conns() <= left })
	if err != nil {
		t.Fail(Grew, "%d connections are left %v after all but %d have gone", s.Conns(), t.Patience, left)
	}
}

func connected(t *Trial, s *Server) []*Client {
	s.halt()
	list := t.Dial(s, many)
	s.await("they are connected there too", list, func(end proc.Socket) bool { return end.State == proc.Established })
	return list
}

func served(t *Trial, s *Server) []*Client { return t.served(s, many) }

func unread(t *Trial, s *Server) []*Client {
	list := t.served(s, many)
	s.halt()
	s.arrive(list, 4096)
	return list
}

// arrive sends n bytes of each client, and returns when they wait at the server.
func (s *Server) arrive(clients []*Client, n int) {
	s.t.Must("send", each(clients, func(c *Client) error { return c.Send(n) }))
	s.await("the input is there", clients, func(end proc.Socket) bool { return end.Unread >= n })
}

// pending are clients that have sent far more than they have read, and as much as
// the server takes.
func pending(t *Trial, s *Server) []*Client {
	list := t.Dial(s, many, SmallBuffers)
	for _, c := range list {
		go func() { _ = c.Send(4 << 20) }() // until it is reset
	}
	t.Must("answers", each(list, func(c *Client) error { return c.all(1) }))
	t.stall(s, list)
	s.await("output is pending", list, func(end proc.Socket) bool { return end.Unsent > 0 })
	s.calm("while output is pending")
	return list
}

// closing are such that the server has closed, and still flushes.
func closing(t *Trial, s *Server) []*Client {
	list := pending(t, s)
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.name().String()
	}
	s.Ask("end", names, nil)
	return list
}

func halfClosed(t *Trial, s *Server) []*Client {
	list := unread(t, s)
	t.Must("end the output", each(list, func(c *Client) error { return c.CloseWrite() }))
	s.await("the FIN is there", list, func(end proc.Socket) bool { return end.State == proc.CloseWait })
	return list
}

// answering are such that have ended their output and read almost nothing of the answer.
func answering(t *Trial, s *Server) []*Client {
	s.Ceiling = ceiling + many*subject.Reply // the answers are written at once
	list := t.Dial(s, many, SmallBuffers)
	t.Must("end the output", each(list, (*Client).CloseWrite))
	t.Must("answers", each(list, func(c *Client) error {
		c.in = ledger.New(0)
		return c.all(1)
	}))
	s.await("output is pending", list, func(end proc.Socket) bool { return end.Unsent > 0 })
	s.calm("while output is pending")
	return list
}

func resetByPeer(t *Trial, s *Server, _ stage, victims []*Client) {
	t.Must("reset", each(victims, (*Client).Reset))
	s.parted(victims)
}

func kill(t *Trial, s *Server, _ stage, victims []*Client) {
	_, port, _ := strings.Cut(s.Addr, ":")
	filter := "sport = :" + port + " and ( dport = :" + strings.Join(ports(victims), " or dport = :") + " )"
	said, err := say("", "ss", "-K", "-H", "-t", "-n", "state", "connected", filter)
	t.Must("kill", err)
	if gone := strings.Count(string(said), "\n"); gone != len(victims) {
		s.Signal(syscall.SIGCONT) // it will be asked whether it lives
		t.Fail(Failed, "%d of %d connections were destroyed:\n%s", gone, len(victims), said)
	}
}

// wereKilled wants the clients to have been told.
func wereKilled(t *Trial, _ *Server, victims []*Client) {
	t.Must("the clients", each(victims, (*Client).untilEnd))
}

// ports are the clients' own, as the server sees them.
func ports(clients []*Client) (list []string) {
	for _, c := range clients {
		_, port, _ := strings.Cut(c.LocalAddr().String(), ":")
		list = append(list, port)
	}
	return list
}

// reject resets by what the server sends next, its kernel's acknowledgements and
// probes included.
func reject(t *Trial, s *Server, st stage, victims []*Client) {
	t.Must("filter", s.network.NFT(s.network.Near, fmt.Sprintf(filterScript,
		"tcp dport { "+strings.Join(ports(victims), ", ")+" } tcp flags & (rst|fin) == 0 counter reject with tcp reset")))
	if st.silent {
		t.Must("send", each(victims, func(c *Client) error { return c.Send(64) }))
	}
	if st.fills {
		// It sends where there is room again, and not only when it probes.
		t.Must("make room", each(victims, func(c *Client) error { return c.all(c.unread()) }))
	}
}

func wereRejected(t *Trial, s *Server, victims []*Client) {
	counts, err := s.network.Counted(s.network.Near)
	t.Must("count", err)
	if counts[0] < len(victims) {
		t.Fail(Failed, "%d packets were answered with a reset, of %d clients", counts[0], len(victims))
	}
	t.Must("end of the filter", s.network.NFT(s.network.Near, "delete table ip faults"))
}
