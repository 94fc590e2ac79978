package reliability

// Rows in which system calls of the server fail.

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// acceptError is what accept(2) may say, and what that means.
type acceptError struct {
	errno, means string
	one          bool // it is about one connection, so the next is tried at once
}

var acceptErrors = []acceptError{
	{"EMFILE", "this process has no descriptor left", false},
	{"ENFILE", "the machine has no descriptor left", false},
	{"ENOBUFS", "the kernel has no buffers", false},
	{"ENOMEM", "the kernel has no memory", false},
	{"ECONNABORTED", "the connection has gone meanwhile", true},
	{"EPROTO", "the connection is broken", true},
	{"EPERM", "a firewall forbids the connection", true},
	{"ENETDOWN", "an error of the network is pending at the connection", true},
}

var callRows = append(acceptRows(),
	Row{
		Name:    "eintr",
		Promise: "An interrupted call is made again and nothing else comes of it.",
		Clauses: []string{"C1", "C5"},
		Does:    "every third call of each kind that may be interrupted fails with EINTR: accept, receive, send, wait, and of this engine those that wake a loop",
		Needs:   []Need{Strace},
		run:     eintr,
	},
	Row{
		Name:    "eintr-others",
		Promise: "A call that Linux does not interrupt, and that says EINTR all the same, costs its own connection at most, and never makes a cut one look complete.",
		Clauses: []string{"C1", "C5", "C7"},
		Does:    "every second call of each other kind that a server makes fails in turn with EINTR, closing aside: " + strings.Join(uninterrupted, ", ") + ", of this engine " + strings.Join(ownUninterrupted, ", ") + "; 100 clients (20) come each time, are echoed, and this engine closes them",
		Needs:   []Need{Strace},
		run:     eintrOthers,
	},
	Row{
		Name:    "setup-calls",
		Promise: "What cannot be made leaves no descriptor and no goroutine, whichever call failed, and its error says why.",
		Clauses: []string{"C7"},
		Does:    "an engine of three loops and three listeners is made, and one dials, adopts and registers, with the first, second, ... call of each kind failing with ENOMEM, and with EINTR, connect aside: " + strings.Join(subject.SetupCalls, ", "),
		Needs:   []Need{Strace},
		Own:     true,
		run:     setupCalls,
	},
	Row{
		Name:    "epoll-ctl",
		Promise: "A connection that cannot be watched is reset; all others are served, and no descriptor is left.",
		Clauses: []string{"C1", "C5", "C7"},
		Does:    "every second epoll_ctl fails with ENOMEM",
		Needs:   []Need{Strace},
		run:     epollCtl,
	},
)

func acceptRows() []Row {
	var rows []Row
	for _, e := range acceptErrors {
		rows = append(rows, Row{
			Name:    "accept-" + e.errno,
			Promise: "No error of accept ends the server or keeps it from serving those that come after.",
			Clauses: []string{"C6", "C10"},
			Does:    "every second accept fails with " + e.errno + ": " + e.means + "; then every one for more than a second, while a client waits",
			Needs:   []Need{Strace},
			run:     e.row,
		})
	}
	return rows
}

func (e acceptError) row(t *Trial) {
	s := t.Start(subject.Config{})
	others := t.served(s, 5)
	w := t.WatchWith(others)
	in := t.Inject(s, "accept,accept4:error="+e.errno+":when=1+2")
	n := t.Size(20, 200)
	for range n / 10 {
		clients := t.Dial(s, 10)
		t.Must("connections meanwhile", each(clients, func(c *Client) error { return c.Echo(64) }))
		t.Must("end", each(clients, (*Client).Finish))
	}
	t.Must("the server", s.alive())
	t.injected(in)
	in.Stop()
	t.End(w)
	t.gone(s, len(others))
	e.persists(t, s, others)
}

// persists lets every accept fail for a while, in which a client waits.
func (e acceptError) persists(t *Trial, s *Server, others []*Client) {
	began := time.Now()
	in := t.Inject(s, "accept,accept4:error="+e.errno)
	waiting := t.Dial(s, 1)
	t.Must("send", waiting[0].Send(64))
	t.Sleep(600 * time.Millisecond) // the engine's pauses grow meanwhile
	turns := s.Mark().Report.Turns
	load := s.Load(time.Second)
	turns = s.Mark().Report.Turns - turns
	t.Must("connections from before", each(others, func(c *Client) error { return c.Echo(64) }))
	failed, most := t.injected(in), e.attempts(time.Since(began))
	in.Stop()
	t.Must("the one that waited", each(waiting, func(c *Client) error { return errors.Join(c.all(64), c.Finish()) }))
	s.bounded(load, "while every accept fails")
	// On a busy machine strace holds a server that spins up more than it lets it run.
	if turns > 100 {
		t.Breach(Spun, "%d turns in a second in which every accept fails", turns)
	}
	if t.Options.Server == subject.Own && failed > most {
		t.Breach(Spun, "accept failed %d times; the pauses allow %d", failed, most)
	}
}

// attempts is how often this engine may try to accept while time passes: its pauses are
// of 5 ms, doubling up to a second, and each ends a batch of 64 where errors are about
// one connection.
func (e acceptError) attempts(passed time.Duration) int {
	most := 1
	for pause := 5 * time.Millisecond; pause <= passed; pause = min(2*pause, time.Second) {
		passed -= pause
		most++
	}
	if e.one {
		return 64 * most
	}
	return most
}

// injected wants calls to have failed, and counts them.
func (t *Trial) injected(in *Injection) (count int) {
	for _, n := range in.Failed() {
		count += n
	}
	t.Figure("%d calls failed", count)
	if count == 0 {
		t.Fail(Failed, "strace made no call fail")
	}
	return count
}

func setupCalls(t *Trial) {
	s := t.Start(subject.Config{})
	for _, errno := range []syscall.Errno{syscall.ENOMEM, syscall.EINTR} {
		for _, call := range subject.SetupCalls {
			if errno == syscall.EINTR && call == "connect" {
				continue // it would go on, and strace cannot let it begin
			}
			s.attempts(subject.Attempts{Call: call, Errno: errno})
		}
	}
}

// attempts makes each call in turn fail while something is made.
func (s *Server) attempts(of subject.Attempts) {
	t, name := s.t, unix.ErrnoName(of.Errno)
	in := t.Inject(s, fmt.Sprintf("%s:error=%s:when=%d+%d", of.Call, name, subject.Period, subject.Period))
	var found subject.Setup
	s.Ask("attempts", of, &found)
	t.setUp(found)
	t.Figure("%s with %s: %d", of.Call, name, found.Failed)
	if failed := in.Failed()[of.Call]; failed < found.Failed || found.Failed == 0 {
		t.Fail(Failed, "strace made %d calls of %s fail with %s, not %d", failed, of.Call, name, found.Failed)
	}
	in.Stop()
}

// interruptible are the calls that a signal may interrupt, by what they do.
var interruptible = map[string][]string{
	"accept":  {"accept", "accept4"},
	"receive": {"recvfrom", "recvmsg", "read", "readv"},
	"send":    {"sendto", "sendmsg", "write", "writev"},
	"wait":    {"epoll_wait", "epoll_pwait", "epoll_pwait2"},
}

// ownInterruptible are those that this engine makes of them besides: it sends from several
// buffers at once, and wakes a loop.
var ownInterruptible = map[string][]string{
	"send of several buffers": {"sendmsg"},
	"wake":                    {"write"},
}

// uninterrupted are the other calls on connections and pollers that engines make; setupCalls
// and dialFailures have those with which this one makes them. The close of a descriptor is not
// among them: it is done although it says EINTR, and strace cannot let it be done.
var uninterrupted = []string{"epoll_ctl", "shutdown", "ioctl", "fcntl", "setsockopt", "getsockopt", "getsockname", "getpeername"}

// ownUninterrupted are those that this engine makes on connections that are there.
var ownUninterrupted = []string{"epoll_ctl", "shutdown", "ioctl"}

func eintr(t *Trial) {
	s := t.Start(subject.Config{})
	w := t.Watch(s, 5)
	calls := slices.Concat(slices.Collect(maps.Values(interruptible))...)
	in := t.Inject(s, strings.Join(calls, ",")+":error=EINTR:when=3+3")
	for range t.Size(2, 10) {
		clients := t.Dial(s, 20)
		t.Must("connections meanwhile", each(clients, func(c *Client) error { return c.Echo(t.Size(16<<10, 256<<10)) }))
		t.Must("end", each(clients, (*Client).Finish))
	}
	t.End(w) // whose pings would wake the loop
	kinds := maps.Clone(interruptible)
	if t.Options.Server == subject.Own {
		t.interruptOwn(s, in)
		maps.Copy(kinds, ownInterruptible)
	}
	failed := in.Failed()
	for kind, calls := range kinds {
		if !slices.ContainsFunc(calls, func(call string) bool { return failed[call] > 0 }) {
			t.Fail(Failed, "no %s was interrupted: %v", kind, failed)
		}
	}
	t.injected(in)
	in.Stop()
}

// interruptOwn lets another goroutine wake the loop, and output wait.
func (t *Trial) interruptOwn(s *Server, in *Injection) {
	t.Must("wake", t.Until("a wake was interrupted", func() bool {
		s.Ask("flood", subject.Flood{Goroutines: 1, Each: 1}, nil)
		return in.Failed()["write"] > 0
	}))
	const size = 256 << 10
	slow := t.Dial(s, 5, SmallBuffers)
	sent := make(chan error, 1)
	go func() { sent <- each(slow, func(c *Client) error { return c.Send(size) }) }()
	t.stall(s, slow)
	t.Must("output that has waited", each(slow, func(c *Client) error { return errors.Join(c.SetReadBuffer(1<<20), c.all(size)) }))
	t.Must("send", <-sent)
	t.Must("end", each(slow, (*Client).Finish))
}

func eintrOthers(t *Trial) {
	s := t.Start(subject.Config{Protocol: subject.Flock})
	w := t.Watch(s, 5)
	if t.Options.Server == subject.Own {
		s.Ask("forget", nil, nil) // those are not to be closed
	}
	total, n := 0, t.Size(20, 100)
	for _, call := range uninterrupted {
		in := t.Inject(s, call+":error=EINTR:when=2+2")
		served, cut := t.servedAndCut(s)
		failed := in.Failed()[call]
		in.Stop()
		total += failed
		if failed > 0 {
			t.Figure("%s: %d failed, %d of %d served, %d of them cut off", call, failed, served, n, cut)
		}
		if failed == 0 && t.Options.Server == subject.Own && slices.Contains(ownUninterrupted, call) {
			t.Fail(Failed, "strace made no %s fail", call)
		}
		if refused := n - served; refused+cut > failed {
			t.Breach(Lost, "%d connections were refused and %d cut off by %d calls of %s", refused, cut, failed, call)
		}
	}
	if total == 0 {
		t.Fail(Failed, "strace made no call fail")
	}
	t.End(w)
}

// servedAndCut lets clients come and end while calls fail, and counts those that are served,
// and of these those that are reset at the end. The server itself ends every connection that
// is left to it, if it is this engine.
func (t *Trial) servedAndCut(s *Server) (served, cut int) {
	var clients []*Client
	served = t.meanwhile(s, t.Size(20, 100), func(c *Client) error {
		clients = append(clients, c)
		return nil
	})
	own := t.Options.Server == subject.Own
	if own {
		s.Ask("close", nil, nil)
	}
	for _, c := range clients {
		if !own {
			_ = c.CloseWrite()
		}
		err := c.Drain()
		if errors.Is(err, syscall.ECONNRESET) {
			cut++
			continue
		}
		t.Must("end", err)
	}
	return served, cut
}

// meanwhile lets n clients come while calls fail, and counts those that are served, to which
// then is done. The others must have been reset.
func (t *Trial) meanwhile(s *Server, n int, then func(c *Client) error) (served int) {
	clients, err := t.DialAll(s, n)
	if err != nil && !isReset(err) {
		t.Must("connect", err)
	}
	for _, c := range clients {
		err := c.reachOrReset()
		if errors.Is(err, errReset) {
			c.Close()
			continue
		}
		t.Must("a connection meanwhile", err)
		served++
		t.Must("end", then(c))
	}
	return served
}

func epollCtl(t *Trial) {
	s := t.Start(subject.Config{})
	w := t.Watch(s, 5)
	in := t.Inject(s, "epoll_ctl:error=ENOMEM:when=2+2")
	served, of := 0, 0
	for range t.Size(4, 40) {
		served += t.meanwhile(s, 10, (*Client).Finish)
		of += 10
	}
	t.Figure("%d served, %d refused", served, of-served)
	if failed := in.Failed()["epoll_ctl"]; of-served > failed {
		t.Breach(Lost, "%d connections were refused by %d calls", of-served, failed)
	}
	t.injected(in)
	in.Stop()
	t.End(w)
}

// isReset reports whether a client was reset before it knew that it had connected.
func isReset(err error) bool { return strings.Contains(err.Error(), syscall.ECONNRESET.Error()) }

// errReset says that a connection was reset before it was served.
var errReset = errors.New("reset before it was served")

// reachOrReset echoes a little; errReset says that the server refused instead, in a
// way that cannot be taken for a short answer.
func (c *Client) reachOrReset() error {
	_ = c.SetDeadline(c.soon())
	if _, err := c.Write(c.out.Next(64)); err != nil {
		return errReset
	}
	var p [64]byte
	n, err := io.ReadFull(c, p[:])
	switch {
	case isTimeout(err):
		return breach(Hung, "client %d: accepted, and neither served nor refused", c.id)
	case n == 0 && errors.Is(err, syscall.ECONNRESET):
		return errReset
	case n == 0 && err == io.EOF:
		return breach(Lost, "client %d: a clean end instead of an answer", c.id)
	case err != nil:
		return breach(Lost, "client %d: %v after %d bytes", c.id, err, n)
	}
	if err := c.in.Check(p[:]); err != nil {
		return breach(Lost, "client %d: %v", c.id, err)
	}
	return nil
}

// alive is Alive as a breach.
func (s *Server) alive() error {
	if err := s.Alive(); err != nil {
		return breach(Ended, "%s", fmt.Sprint(err))
	}
	return nil
}
