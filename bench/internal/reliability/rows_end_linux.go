package reliability

// Rows about ends: half-closes, closes, and what comes with them.

import (
	"errors"
	"io"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/proc"
	"github.com/eddyline/eddyline/bench/internal/reliability/ledger"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var endRows = []Row{
	{
		Name:    "fin-tail",
		Promise: "All bytes that were sent before a FIN are answered, however many come together with it.",
		Clauses: []string{"C1", "C3"},
		Does:    "50 clients (10) send 32 KiB and FIN to a server that is stopped and has a read budget of 8 KiB; when all of that waits there, it goes on; then the same with 1 MiB, of which a part waits there",
		run:     finTail,
	},
	{
		Name:    "late-reply",
		Promise: "A connection whose peer has ended its output can be answered later.",
		Clauses: []string{"C1", "C3"},
		Does:    "100 clients (20) send 256 KiB and FIN; the answer of 1 MiB begins 200 ms later",
		Own:     true,
		run:     lateReply,
	},
	{
		Name:    "close-unread",
		Promise: "Close loses none of the output, although the peer goes on sending.",
		Clauses: []string{"C1", "C3"},
		Does:    "the server answers the first byte with 1 MiB and closes while 50 clients (10) send 256 KiB more, which do not read before output and input wait in the server's kernel",
		Own:     true,
		run:     closeUnread,
	},
	{
		Name:    "reuse",
		Promise: "What is meant for one connection never reaches another one that has got its descriptor's number.",
		Clauses: []string{"C8"},
		Does:    "in one batch of a server that was stopped, 40 connections are reset, 40 end and 80 are new, which get numbers of those",
		run:     reuse,
	},
	{
		Name:    "reuse-in-batch",
		Promise: "A connection that another one's callback ends is silent from then on, and its descriptor's number is nobody else's within the batch.",
		Clauses: []string{"C8"},
		Does:    "in one batch of a server that was stopped, OnData of 40 connections aborts 40 others, which have input behind that, and 40 are new in between",
		Own:     true,
		run:     reuseInBatch,
	},
	{
		Name:    "fin-pending",
		Promise: "A FIN that comes while output is pending cuts none of it off.",
		Clauses: []string{"C1", "C3"},
		Does:    "200 clients (40) send 16 to 640 KiB and FIN; they read when all have stalled, some of them with more pending than the kernel holds",
		run:     finPending,
	},
}

// untilEnd receives until the connection ends, however it does; only what comes
// must be right.
func (c *Client) untilEnd() error {
	for {
		_ = c.SetReadDeadline(c.soon())
		if c.buf == nil {
			c.buf = make([]byte, 32<<10)
		}
		n, err := c.Read(c.buf)
		if wrong := c.in.Check(c.buf[:n]); wrong != nil {
			return breach(Lost, "client %d: %v", c.id, wrong)
		}
		if err == nil {
			continue
		}
		if isTimeout(err) {
			return c.wrong("wait for the end", err)
		}
		return nil
	}
}

func finTail(t *Trial) {
	const small = 32 << 10 // a receive queue takes that, and the FIN
	s := t.Start(subject.Config{Budget: small / 4})
	t.tail(s, small, func(end proc.Socket) bool { return end.State == proc.CloseWait && end.Unread >= small })
	// Of more than a queue takes the FIN waits at the client.
	t.tail(s, 1<<20, func(end proc.Socket) bool { return end.Unread >= small })
}

// tail lets clients send size bytes and FIN to a server that does not go on before
// its ends of them are as queued says.
func (t *Trial) tail(s *Server, size int, queued func(proc.Socket) bool) {
	clients := t.served(s, t.Size(10, 50))
	s.halt()
	sent := make(chan error, 1)
	go func() {
		sent <- each(clients, func(c *Client) error {
			if err := c.Send(size); err != nil {
				return err
			}
			return c.CloseWrite()
		})
	}()
	s.await("the queue is full", clients, queued)
	s.Signal(syscall.SIGCONT)
	t.Must("the answers", each(clients, func(c *Client) error { return c.all(size) }))
	t.Must("send", <-sent)
	t.Must("the end", each(clients, (*Client).Drain))
}

func lateReply(t *Trial) {
	s := t.Start(subject.Config{Protocol: subject.Late, Limit: 200 * time.Millisecond})
	clients := t.Dial(s, t.Size(20, 100))
	s.Ceiling += int64(len(clients)) * subject.Reply // the answers are written at once
	t.Must("questions", each(clients, func(c *Client) error {
		if _, err := c.Write([]byte{byte(c.id)}); err != nil {
			return c.wrong("send", err)
		}
		c.out = ledger.New(c.id % 256)
		if err := c.Send(subject.Question); err != nil {
			return err
		}
		return c.CloseWrite()
	}))
	t.Must("late answers", each(clients, (*Client).reply))
}

// reply receives the fixed answer and the clean end behind it.
func (c *Client) reply() error {
	c.in = ledger.New(0)
	if err := c.all(subject.Reply); err != nil {
		return err
	}
	if _, err := c.receive(1); err != io.EOF {
		return breach(Lost, "client %d: %v after the answer instead of a clean end", c.id, err)
	}
	c.Close()
	return nil
}

func closeUnread(t *Trial) {
	// Lingering may take a slow machine longer than the two seconds that are usual.
	s := t.Start(subject.Config{Protocol: subject.Tail, Linger: t.Patience})
	clients := t.Dial(s, t.Size(10, 50), SmallBuffers)
	s.Ceiling += int64(len(clients)) * subject.Reply // the answers are written at once
	sent := make(chan error, 1)
	go func() { sent <- each(clients, (*Client).pour) }()
	// A reset would destroy the one and be the answer to the other.
	s.await("output and input wait", clients, func(end proc.Socket) bool { return end.Unsent > 0 && end.Unread > 0 })
	t.Must("answers", each(clients, (*Client).reply))
	<-sent // it may have failed by then: the answer is what counts
}

// pour sends 256 KiB and FIN, not all at once.
func (c *Client) pour() error {
	for range 64 {
		if err := c.Send(4096); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return c.CloseWrite()
}

func reuse(t *Trial) {
	s := t.Start(subject.Config{})
	again := 0
	for range t.Size(5, 100) {
		resets, ends := served(t, s), served(t, s)
		before := s.numbers(append(resets, ends...))
		s.halt()
		t.Must("send", each(append(resets, ends...), func(c *Client) error { return c.Send(64) }))
		t.Must("reset", each(resets, (*Client).Reset))
		t.Must("end", each(ends, func(c *Client) error { return c.CloseWrite() }))
		fresh := t.Dial(s, 2*many)
		t.Must("send", each(fresh, func(c *Client) error { return c.Send(4096) }))
		s.Signal(syscall.SIGCONT)
		t.Must("new connections", each(fresh, func(c *Client) error { return c.all(4096) }))
		for n := range s.numbers(fresh) {
			if before[n] {
				again++
			}
		}
		t.Must("connections that end", each(ends, (*Client).Drain))
		t.Must("end", each(fresh, (*Client).Finish))
	}
	t.Figure("%d batches, %d numbers had again", t.Size(5, 100), again)
	if again == 0 {
		t.Fail(Failed, "no descriptor's number was had again")
	}
}

func reuseInBatch(t *Trial) {
	s := t.Start(subject.Config{Protocol: subject.Rivals})
	rounds, within := t.Size(5, 50), 0
	for range rounds {
		within += t.strike(s)
	}
	t.Figure("%d batches, %d connections accepted within one", rounds, within)
	if within == 0 {
		t.Fail(Failed, "no connection was accepted in the batch in which others were ended")
	}
}

// strike is one batch. It counts the connections that were accepted within it.
func (t *Trial) strike(s *Server) int {
	strikers, struck := served(t, s), served(t, s)
	pairs := map[string]string{}
	for i, c := range strikers {
		pairs[c.name().String()] = struck[i].name().String()
	}
	s.Ask("strike", pairs, nil)
	numbers := s.numbers(struck)
	s.halt()
	// Their events come in this order.
	s.arrive(strikers, 64)
	fresh := t.Dial(s, many)
	s.arrive(fresh, 4096)
	s.arrive(struck, 64)
	s.Signal(syscall.SIGCONT)
	t.Must("those who end others", each(strikers, func(c *Client) error { return c.all(64) }))
	t.Must("those who are ended", each(struck, (*Client).untilReset))
	t.Must("new connections", each(fresh, func(c *Client) error { return c.all(4096) }))
	names := s.Mark().Report.Within
	within := slices.DeleteFunc(slices.Clone(fresh), func(c *Client) bool { return !slices.Contains(names, c.name().String()) })
	again := s.numbers(within)
	maps.DeleteFunc(again, func(n string, _ bool) bool { return !numbers[n] })
	if len(again) > 0 {
		t.Breach(Broke, "the numbers of %d connections were had again in the batch in which they were ended", len(again))
	}
	t.Must("end", each(append(strikers, fresh...), (*Client).Finish))
	return len(within)
}

// untilReset wants nothing but a reset.
func (c *Client) untilReset() error {
	_ = c.SetReadDeadline(c.soon())
	n, err := c.Read(make([]byte, 1))
	switch {
	case isTimeout(err):
		return c.wrong("wait for the reset", err)
	case n > 0 || !errors.Is(err, syscall.ECONNRESET):
		return breach(Broke, "client %d: %d bytes, %v instead of a reset", c.id, n, err)
	}
	return nil
}

func finPending(t *Trial) {
	const step = 16 << 10 // within the high mark, whatever the kernel takes of each
	s := t.Start(subject.Config{})
	clients := t.Dial(s, t.Size(40, 200), SmallBuffers)
	sizes := map[*Client]int{}
	for i, c := range clients {
		sizes[c] = (i%40 + 1) * step
	}
	sent := make(chan error, 1)
	go func() {
		sent <- each(clients, func(c *Client) error {
			if err := c.Send(sizes[c]); err != nil {
				return err
			}
			return c.CloseWrite()
		})
	}()
	t.stall(s, clients)
	s.calm("while output is pending")
	pending := 0
	vain := t.Until("a FIN has come while the server itself has output left", func() bool {
		pending = s.answering(sizes)
		return pending > 0
	})
	t.Must("the answers", each(clients, func(c *Client) error {
		return errors.Join(c.SetReadBuffer(1<<20), c.all(sizes[c]))
	}))
	t.Must("send", <-sent)
	t.Must("the end", each(clients, (*Client).Drain))
	if vain != nil {
		t.Fail(Failed, "%v", vain) // not before data that was lost
	}
	t.Figure("%d of %d FINs came while the server itself had output left", pending, len(clients))
}

// answering counts the clients of whom the server has received all, so many bytes and
// the FIN, and has answered with more than the kernel holds on both sides.
func (s *Server) answering(sizes map[*Client]int) (n int) {
	ends := s.sockets()
	for c, size := range sizes {
		end := ends[c.name()]
		if end.State == proc.CloseWait && end.Unread == 0 && end.Unsent+c.unread() < size {
			n++
		}
	}
	return n
}
