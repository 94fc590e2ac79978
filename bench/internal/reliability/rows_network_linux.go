package reliability

// Rows on a network that is not as it should be.

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var networkRows = append(lossRows(),
	Row{
		Name:    "slow-link",
		Promise: "A link of 1 Mbit is used in full by all its connections, and no byte is lost.",
		Clauses: []string{"C1", "C5"},
		Does:    "a token bucket of 1 Mbit/s each way; 4 clients echo 128 KiB (32 KiB) over it",
		Needs:   []Need{Root, IP, TC},
		run:     slowLink,
	},
	Row{
		Name:    "link-down",
		Promise: "While a link is down nothing spins, and when it comes back everything goes on where it was.",
		Clauses: []string{"C1", "C10"},
		Does:    "the server's link goes down for 5 s (1 s) without FIN or reset while 20 clients echo 1 MiB",
		Needs:   []Need{Root, IP},
		run:     linkDown,
	},
	Row{
		Name:    "link-gone",
		Promise: "A connection whose peer has gone without a word ends when its idle timeout says so, not before.",
		Clauses: []string{"C7", "C9"},
		Does:    "the link of 50 clients goes down for good; the server's idle timeout is 500 ms",
		Needs:   []Need{Root, IP},
		Own:     true,
		run:     linkGone,
	},
)

func lossRows() []Row {
	var rows []Row
	for _, percent := range []int{5, 15, 30} {
		rows = append(rows, Row{
			Name:    fmt.Sprintf("loss-%d", percent),
			Promise: "Lost packets delay connections and cost none of them a byte.",
			Clauses: []string{"C1"},
			Does:    fmt.Sprintf("%d %% of the packets are dropped each way while 20 clients (5) echo 32 KiB (4 KiB) and end", percent),
			Needs:   []Need{Root, IP, NFT},
			run:     func(t *Trial) { loss(t, percent) },
		})
	}
	return rows
}

func loss(t *Trial, percent int) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{}, Launch{Network: n})
	clients := t.Dial(s, t.Size(5, 20))
	script := fmt.Sprintf(filterScript, fmt.Sprintf("numgen random mod 100 < %d drop", percent))
	t.Must("filter", n.NFT(n.Near, script))
	t.Must("filter", n.NFT(n.Far, script))
	began := time.Now()
	// A packet that is lost again and again is tried after at most 120 s
	// (TCP_RTO_MAX): only what takes longer is more than bad luck.
	t.Patience += 130 * time.Second
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(t.Size(4<<10, 32<<10)) }))
	t.Must("end", each(clients, (*Client).Finish))
	t.Figure("%d connections in %.1f s", len(clients), time.Since(began).Seconds())
	for _, ns := range []*os.File{n.Near, n.Far} {
		t.Must("cure", n.NFT(ns, "delete table ip faults"))
	}
}

func slowLink(t *Trial) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{}, Launch{Network: n})
	clients := t.Dial(s, 4)
	tbf := "root tbf rate 1mbit burst 5kb latency 200ms"
	t.Must("slow down", n.Exec(n.Near, "tc", strings.Fields("qdisc add dev near "+tbf)...))
	t.Must("slow down", n.Exec(n.Far, "tc", strings.Fields("qdisc add dev far "+tbf)...))
	size := t.Size(32<<10, 128<<10)
	t.Patience *= 2
	began := time.Now()
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(size) }))
	took := time.Since(began)
	t.Must("end", each(clients, (*Client).Finish))
	t.Figure("%.2f Mbit/s each way", float64(8*size*len(clients))/took.Seconds()/1e6)
}

func linkDown(t *Trial) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{}, Launch{Network: n})
	clients := t.Dial(s, 20)
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(4096) }))
	t.Patience *= 2
	echoed := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		close(begun)
		echoed <- each(clients, func(c *Client) error { return c.Echo(1 << 20) })
	}()
	<-begun
	t.Must("cut", n.Exec(n.Far, "ip", "link", "set", "far", "down"))
	down := t.Time(time.Second, 5*time.Second)
	load := s.Load(down)
	t.Figure("%.1f %% of a core while it is down", 100*load)
	if load > 2*calmCPU {
		t.Breach(Spun, "%.0f %% of a core while the link is down", 100*load)
	}
	t.Must("mend", n.Exec(n.Far, "ip", "link", "set", "far", "up"))
	t.Must("go on", <-echoed)
	t.Must("end", each(clients, (*Client).Finish))
}

func linkGone(t *Trial) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{Protocol: subject.Quiet, Limit: 500 * time.Millisecond}, Launch{Network: n})
	clients := t.served(s, 50)
	began := time.Now()
	t.Must("cut", n.Exec(n.Far, "ip", "link", "set", "far", "down"))
	t.gone(s, 0)
	t.Figure("%d connections ended %.2f s later", len(clients), time.Since(began).Seconds())
	if r := s.Mark().Report; r.Causes[subject.Deadline] < len(clients) {
		t.Breach(Broke, "OnClose heard %v", r.Causes)
	}
}
