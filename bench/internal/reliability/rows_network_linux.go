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
		Does:    "the link of 50 clients goes down for good; then the server gives all connections an idle timeout of 500 ms",
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
			Does:    fmt.Sprintf("%d %% of the packets, by a fixed pattern, are dropped each way for 5 s (2 s) while 20 clients (5) connect, echo 32 KiB (4 KiB) and end, again and again", percent),
			Needs:   []Need{Root, IP, NFT},
			run:     func(t *Trial) { loss(t, percent) },
		})
	}
	return rows
}

// loss ends after a while, when some connections have had nothing but bad luck: they
// send again after about as long as they have waited already, which without an end
// comes to minutes.
func loss(t *Trial, percent int) {
	n := t.NewNetwork()
	s := t.StartAs(subject.Config{}, Launch{Network: n})
	sides := []*os.File{n.Near, n.Far}
	for i, ns := range sides {
		t.Must("filter", n.NFT(ns, fmt.Sprintf(filterScript, losing(percent, i))))
	}
	lasts := t.Time(2*time.Second, 5*time.Second)
	// A round-trip time that was measured with losses in it makes the last pause some
	// times as long as the loss was.
	t.Patience += 4 * lasts
	clients := t.Size(5, 20)
	var mended atomic.Bool
	var served atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- each(span(0, clients), func(id int) error {
			for ; !mended.Load(); id += clients {
				if err := t.visit(s, id, t.Size(4<<10, 32<<10)); err != nil {
					return err
				}
				served.Add(1)
			}
			return nil
		})
	}()
	t.Sleep(lasts)
	mended.Store(true)
	for _, ns := range sides {
		t.dropped(n, ns, percent)
		t.Must("mend", n.NFT(ns, "delete table ip faults"))
	}
	began := time.Now()
	t.Must("connections meanwhile", <-ended)
	t.Figure("%d connections, the last ended %.2f s after the loss", served.Load(), time.Since(began).Seconds())
}

// dropped wants one side to have lost as many packets as the row says, or half of
// it at least: a pattern need not have ended.
func (t *Trial) dropped(n *Network, ns *os.File, percent int) {
	counts, err := n.Counted(ns)
	t.Must("count", err)
	came, lost := counts[0], counts[1]
	t.Figure("%d of %d packets dropped", lost, came)
	if lost == 0 || 200*lost < percent*came {
		t.Fail(Failed, "%d of %d packets were dropped on one side, not %d %%", lost, came, percent)
	}
}

// losing are the rules by which packets are counted and lost: of each hundred the
// same ones, drawn once for each side.
func losing(percent, side int) string {
	const of = 100
	drawn := rand.New(rand.NewPCG(uint64(percent), uint64(side))).Perm(of)[:percent]
	places := make([]string, len(drawn))
	for i, place := range drawn {
		places[i] = strconv.Itoa(place)
	}
	return fmt.Sprintf("counter\n\t\tnumgen inc mod %d { %s } counter drop", of, strings.Join(places, ", "))
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
	t.Must("quiet", t.Until("what has arrived is read", settled(clients)))
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

// settled tells, asked again and again, whether clients have read all that their
// sockets have.
func settled(clients []*Client) func() bool {
	last := int64(-1)
	return func() bool {
		n, unread := received(clients), 0
		for _, c := range clients {
			unread += c.unread()
		}
		still := unread == 0 && n == last
		last = n
		return still
	}
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
	s := t.StartAs(subject.Config{Protocol: subject.Flock, Limit: limit}, Launch{Network: n})
	clients := t.served(s, 50)
	t.Must("cut", n.Exec(n.Far, "ip", "link", "set", "far", "down"))
	began := time.Now()
	s.Ask("idle", nil, nil)
	t.gone(s, len(clients)-1)
	first := time.Since(began)
	t.gone(s, 0)
	t.Figure("%d connections ended %.2f to %.2f s after they were asked to", len(clients), first.Seconds(), time.Since(began).Seconds())
	if first < limit {
		t.Breach(Broke, "an idle timeout of %v ended a connection after %v", limit, first)
	}
	if r := s.Mark().Report; r.Causes[subject.Deadline] < len(clients) {
		t.Breach(Broke, "OnClose heard %v", r.Causes)
	}
}
