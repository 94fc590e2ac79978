package reliability

// Rows about too much at once.

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var loadRows = []Row{
	{
		Name:    "connects",
		Promise: "Everybody who connects is served, however many come at once.",
		Clauses: []string{"C5", "C6"},
		Does:    "10,000 clients (2,000) connect at once and echo 64 bytes",
		run:     connects,
	},
	{
		Name:    "line-rate",
		Promise: "A peer at line rate does not starve the others.",
		Clauses: []string{"C5"},
		Does:    "one client streams as fast as it can for 5 s (1 s) beside 1,000 (200) that ping ten times a second",
		run:     lineRate,
	},
	{
		Name:    "line-rate-taken",
		Promise: "A peer at line rate whose input is taken slower than it comes does not starve the others.",
		Clauses: []string{"C5"},
		Does:    "the same with a stream that the server takes and does not answer, 200 us a call",
		Own:     true,
		run:     lineRateTaken,
	},
	{
		Name:    "writers",
		Promise: "What many goroutines write to one connection comes whole, once, and in the order of each.",
		Clauses: []string{"C1"},
		Does:    "64 goroutines write 2,000 records (500) each to one connection",
		Own:     true,
		run:     writers,
	},
	{
		Name:    "task-flood",
		Promise: "Goroutines that post faster than the loop runs are refused at the bound; every accepted task runs once, in order, and connections are served meanwhile.",
		Clauses: []string{"C4", "C5"},
		Does:    "64 goroutines post 50,000 tasks (2,000) each to a loop with MaxTasks 1,000, beside 10 clients that ping",
		Own:     true,
		run:     taskFlood,
	},
	{
		Name:    "shutdown",
		Promise: "Shutdown under load flushes what was answered, ends every connection with FIN, and Run returns nil.",
		Clauses: []string{"C1", "C2", "C6", "C7"},
		Does:    "Engine.Shutdown while 100 clients (20) stream",
		Own:     true,
		run:     shutdown,
	},
}

func connects(t *Trial) {
	s := t.StartLean(subject.Config{}, Launch{})
	n := t.Size(2000, 10_000)
	began := time.Now()
	clients := t.Dial(s, n)
	connected := time.Since(began)
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(64) }))
	t.Figure("%d connected in %.2f s, all served in %.2f s", n, connected.Seconds(), time.Since(began).Seconds())
	t.Must("end", each(clients, (*Client).Finish))
}

func lineRate(t *Trial) {
	s := t.Start(subject.Config{})
	t.besides(s, t.Dial(s, 1)[0], (*Client).flood)
}

// flood streams for so long and wants all of it back.
func (c *Client) flood(length time.Duration) error {
	began := time.Now()
	sent := make(chan error, 1)
	go func() {
		for time.Since(began) < length {
			if err := c.Send(64 << 10); err != nil {
				sent <- err
				return
			}
		}
		sent <- c.CloseWrite()
	}()
	return errors.Join(c.Drain(), <-sent)
}

func lineRateTaken(t *Trial) {
	s := t.Start(subject.Config{})
	fast := t.served(s, 1)[0]
	s.Ask("sink", nil, nil)
	t.besides(s, fast, (*Client).gush)
}

// gush streams for so long what is not looked at, so that it costs this side little.
func (c *Client) gush(length time.Duration) error {
	p := make([]byte, 256<<10)
	for began := time.Now(); time.Since(began) < length; {
		_ = c.SetWriteDeadline(c.soon())
		if _, err := c.Write(p); err != nil {
			return c.wrong("gush", err)
		}
	}
	_ = c.CloseWrite()
	return c.untilEnd()
}

// besides lets clients ping ten times a second while the fast one streams.
func (t *Trial) besides(s *Server, fast *Client, stream func(*Client, time.Duration) error) {
	const pause = 100 * time.Millisecond
	clients := t.Dial(s, t.Size(200, 1000))
	w := t.WatchEvery(clients, pause)
	length := t.Time(time.Second, 5*time.Second)
	t.Must("the fast client", stream(fast, length))
	pings := 0
	for _, n := range w.Pings() {
		pings += n
	}
	t.End(w)
	// Whoever is served only when the stream is over has had one or two.
	if least := max(3, int(length/pause)/5) * len(clients); pings < least {
		t.Breach(Hung, "%d pings of %d clients in %v", pings, len(clients), length)
	}
}

func writers(t *Trial) {
	s := t.Start(subject.Config{})
	c := t.Dial(s, 1)[0]
	t.Must("echo", c.Echo(64))
	f := subject.Flood{Goroutines: 64, Each: t.Size(500, 2000)}
	asked := make(chan error, 1)
	go func() { asked <- s.call("writers", f, nil) }()
	next := make([]uint64, f.Goroutines)
	var record [subject.RecordSize]byte
	_ = c.SetReadDeadline(c.soon())
	for range f.Goroutines * f.Each {
		if _, err := io.ReadFull(c.TCPConn, record[:]); err != nil {
			t.Must("records", c.wrong("receive a record", err))
		}
		id, i := binary.LittleEndian.Uint64(record[:]), binary.LittleEndian.Uint64(record[8:])
		if id >= uint64(len(next)) || i != next[id] {
			t.Fail(Lost, "record %d of goroutine %d is torn or out of its order", i, id)
		}
		next[id]++
	}
	if err := <-asked; err != nil {
		t.Breach(Broke, "%v", err)
	}
	t.Must("echo", c.Echo(64))
	t.Figure("%d records", f.Goroutines*f.Each)
}

func taskFlood(t *Trial) {
	const most = 1000
	s := t.Start(subject.Config{MaxTasks: most})
	w := t.Watch(s, 10)
	f := subject.Flood{Goroutines: 64, Each: t.Size(2000, 50_000)}
	var got subject.Flooded
	s.Ask("flood", f, &got)
	t.End(w)
	t.Figure("%d tasks ran, %d were refused, at most %d waited", got.Ran, got.Refused, got.Most)
	if got.Refused == 0 {
		t.Fail(Failed, "no task was refused")
	}
	// A batch that the loop has taken is counted as waiting until it has run, and a
	// goroutine counts its task after it has been accepted.
	if got.Accepted != got.Ran || got.Misplaced > 0 || got.Most > most+256+f.Goroutines {
		t.Breach(Broke, "%+v", got)
	}
}

func shutdown(t *Trial) {
	// The clients send until they read the end, which may take a slow machine longer
	// than the two seconds that the engine gives them by default.
	s := t.Start(subject.Config{Linger: t.Patience})
	echoed := s.Mark().Report.Echoed
	clients := t.Dial(s, t.Size(20, 100), SmallBuffers)
	for _, c := range clients {
		go func() {
			for c.Send(16<<10) == nil {
			}
		}()
	}
	t.Must("echo", each(clients, func(c *Client) error { return c.all(64 << 10) }))
	ended := make(chan error, 1)
	go func() {
		ended <- each(clients, func(c *Client) error {
			for {
				if _, err := c.receive(1 << 20); err == io.EOF {
					return c.Close()
				} else if err != nil {
					return err
				}
			}
		})
	}()
	s.Ask("shutdown", t.Patience, nil)
	t.Must("the answers", <-ended)
	t.ended(s, 0)
	echoed = s.Mark().Report.Echoed - echoed
	t.Figure("%d bytes answered", echoed)
	if came := received(clients); came != echoed {
		t.Breach(Lost, "%d bytes were answered, %d came before clean ends", echoed, came)
	}
}
