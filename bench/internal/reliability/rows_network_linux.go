package reliability

// Rows on a network that is not as it should be.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var networkRows = append(lossRows(),
	Row{
		Name:    "slow-link",
		Promise: "A link of 1 Mbit is used, half of it at least, by all its connections, and no byte is lost.",
		Clauses: []string{"C1", "C5"},
		Does:    "a token bucket of 1 Mbit/s each way; 4 clients echo 128 KiB (64 KiB) over it",
		Needs:   []Need{Root, IP, TC},
		run:     slowLink,
	},
	Row{
		Name:    "link-down",
		Promise: "While a link is down nothing spins, and when it comes back everything goes on where it was.",
		Clauses: []string{"C1", "C10"},
		Does:    "the server's link goes down for 5 s (1 s) without FIN or reset while 20 clients echo without a pause",
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
			Does:    fmt.Sprintf("%d %% of the packets, by a fixed pattern, are dropped each way while 20 clients (5) echo 32 KiB (4 KiB) and end", percent),
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
	sides := []*os.File{n.Near, n.Far}
	for i, ns := range sides {
		t.Must("filter", n.NFT(ns, fmt.Sprintf(filterScript, losing(percent, i))))
	}
	began := time.Now()
	// A packet that is lost again and again is tried after at most 120 s
	// (TCP_RTO_MAX): only what takes longer is more than bad luck.
	t.Patience += 130 * time.Second
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(t.Size(4<<10, 32<<10)) }))
	t.Must("end", each(clients, (*Client).Finish))
	t.Figure("%d connections in %.1f s", len(clients), time.Since(began).Seconds())
	for _, ns := range sides {
		dropped, err := n.Dropped(ns)
		t.Must("count", err)
		t.Figure("%d packets dropped", dropped)
		if dropped == 0 {
			t.Fail(Failed, "no packet was dropped on one side")
		}
		t.Must("cure", n.NFT(ns, "delete table ip faults"))
	}
}

// losing is the rule by which packets are lost: of each hundred the same ones,
// drawn once for each side.
func losing(percent, side int) string {
	const of = 100
	drawn := rand.New(rand.NewPCG(uint64(percent), uint64(side))).Perm(of)[:percent]
	places := make([]string, len(drawn))
	for i, place := range drawn {
		places[i] = strconv.Itoa(place)
	}
	return fmt.Sprintf("numgen inc mod %d { %s } counter drop", of, strings.Join(places, ", "))
}

func slowLink(t *Trial) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{}, Launch{Network: n})
	clients := t.Dial(s, 4)
	tbf := "root tbf rate 1mbit burst 5kb latency 200ms"
	t.Must("slow down", n.Exec(n.Near, "tc", strings.Fields("qdisc add dev near "+tbf)...))
	t.Must("slow down", n.Exec(n.Far, "tc", strings.Fields("qdisc add dev far "+tbf)...))
	size := t.Size(64<<10, 128<<10)
	t.Patience *= 2
	began := time.Now()
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(size) }))
	took := time.Since(began)
	t.Must("end", each(clients, (*Client).Finish))
	rate := float64(8*size*len(clients)) / took.Seconds() / 1e6
	t.Figure("%.2f Mbit/s each way", rate)
	if rate < 0.5 {
		t.Breach(Hung, "%.2f Mbit/s over a link of 1 Mbit/s", rate)
	}
	if rate > 1.1 {
		t.Fail(Failed, "%.2f Mbit/s: the link is not slow", rate)
	}
}

func linkDown(t *Trial) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{}, Launch{Network: n})
	clients := t.Dial(s, 20)
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(4096) }))
	t.Patience *= 2
	var mended atomic.Bool
	echoed := make(chan error, 1)
	go func() {
		echoed <- each(clients, func(c *Client) error {
			for !mended.Load() {
				if err := c.Echo(1 << 20); err != nil {
					return err
				}
			}
			return c.Echo(4096)
		})
	}()
	t.Must("load", t.Until("every client has had an answer", func() bool {
		return !slices.ContainsFunc(clients, func(c *Client) bool { return c.in.Done() <= 4096 })
	}))
	t.Must("cut", n.Exec(n.Far, "ip", "link", "set", "far", "down"))
	t.Sleep(50 * time.Millisecond) // what has arrived is read
	before := received(clients)
	load := s.Load(t.Time(time.Second, 5*time.Second))
	if got := received(clients) - before; got > 0 {
		t.Fail(Failed, "%d bytes came while the link was down", got)
	}
	waiting := 0
	for _, c := range clients {
		if c.in.Done() < c.out.Done() {
			waiting++
		}
	}
	t.Figure("%.1f %% of a core while it is down and %d of %d wait for answers", 100*load, waiting, len(clients))
	if waiting < len(clients) {
		t.Fail(Failed, "%d of %d clients wait for nothing", len(clients)-waiting, len(clients))
	}
	if load > 2*calmCPU {
		t.Breach(Spun, "%.0f %% of a core while the link is down", 100*load)
	}
	mended.Store(true)
	t.Must("mend", n.Exec(n.Far, "ip", "link", "set", "far", "up"))
	t.Must("go on", <-echoed)
	t.Must("end", each(clients, (*Client).Finish))
}

// received is how many bytes clients have received together.
func received(clients []*Client) (n int64) {
	for _, c := range clients {
		n += c.in.Done()
	}
	return n
}

func linkGone(t *Trial) {
	const limit = 500 * time.Millisecond
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{Protocol: subject.Quiet, Limit: limit}, Launch{Network: n})
	clients := t.served(s, 50)
	began := time.Now()
	t.Must("echo", each(clients, func(c *Client) error { return c.Echo(64) }))
	t.Must("cut", n.Exec(n.Far, "ip", "link", "set", "far", "down"))
	t.gone(s, len(clients)-1)
	first := time.Since(began)
	t.gone(s, 0)
	t.Figure("%d connections ended %.2f to %.2f s after the last echo began", len(clients), first.Seconds(), time.Since(began).Seconds())
	if first < limit {
		t.Breach(Broke, "an idle timeout of %v ended a connection after %v", limit, first)
	}
	if r := s.Mark().Report; r.Causes[subject.Deadline] < len(clients) {
		t.Breach(Broke, "OnClose heard %v", r.Causes)
	}
}
