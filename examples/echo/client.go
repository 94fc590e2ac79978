package main

// The second process of -demo: it opens the connections, through the engine's
// own Dial, sends, and checks what comes back.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

const (
	maxDials     = 128 // under way at a time on one loop, well within the server's queue
	maxKick      = 64  // connections set going in one turn: bounds what is queued before it is sent
	sources      = 250 // 127.0.0.1 to 127.0.0.250
	newsInterval = 100 * time.Millisecond
	maxLatency   = int64(time.Minute) // the histogram's last value; what is slower counts as that
)

// client is the whole process.
type client struct {
	job     job
	pad     pad
	engine  *loop.Engine
	workers []*worker
	reached chan stage // from a worker that is through with a stage
	news    *json.Encoder
}

// runClient takes a job and then orders from in, and writes news to out. It
// ends when in does.
func runClient(in io.Reader, out io.Writer) error {
	// A terminal's interrupt reaches both processes. What becomes of it is the
	// server's to say.
	signal.Ignore(os.Interrupt)
	dec := json.NewDecoder(in)
	c := &client{pad: newPad(), news: json.NewEncoder(out)}
	if err := dec.Decode(&c.job); err != nil {
		return fmt.Errorf("%s is not for use by hand, -demo starts it: %w", clientArgument, err)
	}
	engine, err := loop.New(loop.Config{})
	if err != nil {
		return err
	}
	c.engine = engine
	c.start()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		c.obey(listen(dec))
		cancel()
	}()
	return engine.Run(ctx)
}

// listen returns the orders, closed when there are no more.
func listen(dec *json.Decoder) <-chan stage {
	orders := make(chan stage)
	go func() {
		defer close(orders)
		for {
			var o order
			if dec.Decode(&o) != nil {
				return
			}
			orders <- o.Begin
		}
	}()
	return orders
}

// start spreads the connections over the loops: each loop has a worker, which
// shares nothing with the others.
func (c *client) start() {
	loops := c.engine.Loops()
	c.reached = make(chan stage, len(loops)*8) // more than there are stages
	for i, l := range loops {
		w := &worker{
			client:  c,
			loop:    l,
			next:    i,
			latency: hdrhistogram.New(int64(time.Microsecond), maxLatency, 3),
			epoch:   time.Now(),
		}
		c.workers = append(c.workers, w)
	}
	c.each(func(w *worker) { w.enter(connecting) })
}

// each runs f for every worker, on the worker's loop.
func (c *client) each(f func(*worker)) {
	for _, w := range c.workers {
		_ = w.loop.Post(func() { f(w) }) // fails only when the process ends
	}
}

// obey follows orders and writes news.
func (c *client) obey(orders <-chan stage) {
	tick := time.NewTicker(newsInterval)
	defer tick.Stop()
	done := map[stage]int{}
	for {
		select {
		case s, ok := <-orders:
			if !ok {
				return
			}
			if s == reporting {
				c.tell(news{Report: c.report()})
				continue
			}
			c.each(func(w *worker) { w.enter(s) })
		case s := <-c.reached:
			if done[s]++; done[s] == len(c.workers) {
				c.tell(news{Reached: s})
			}
		case <-tick.C:
			c.tell(news{})
		}
	}
}

// tell writes n with the numbers of now.
func (c *client) tell(n news) {
	for _, w := range c.workers {
		n.Up += w.up.Load()
		n.Failed += w.failed.Load()
		n.Messages += w.messages.Load()
		n.Bytes += w.bytes.Load()
	}
	_ = c.news.Encode(n) // whoever does not listen has ended, and so will the orders
}

// report sums up the workers.
func (c *client) report() *report {
	sum := hdrhistogram.New(int64(time.Microsecond), maxLatency, 3)
	var failed failures
	over := make(chan struct{})
	for _, w := range c.workers {
		err := w.loop.Post(func() {
			w.giveUp()
			sum.Merge(w.latency)
			failed.merge(&w.failures)
			over <- struct{}{}
		})
		if err == nil {
			<-over
		}
	}
	return &report{
		Failed: failed.total,
		Causes: failed.causes,
		P50:    time.Duration(sum.ValueAtQuantile(50)),
		P99:    time.Duration(sum.ValueAtQuantile(99)),
		P999:   time.Duration(sum.ValueAtQuantile(99.9)),
		Max:    time.Duration(sum.Max()),
	}
}

// worker is the part of the client on one loop. All but the counters belong to
// that loop's goroutine.
type worker struct {
	client   *client
	loop     *loop.Loop
	stage    stage
	told     stage // the last stage that was reported as reached
	next     int   // the next connection to dial
	dialing  int
	sessions []*session
	open     int // sessions whose connection is up
	busy     int // sessions with a message under way
	latency  *hdrhistogram.Histogram
	epoch    time.Time
	failures failures

	up, failed, messages, bytes atomic.Int64 // for the news
}

// enter begins a stage.
func (w *worker) enter(s stage) {
	w.stage = s
	switch s {
	case connecting:
		w.dial()
	case loading:
		w.visit(0, (*session).send)
	case finishing:
		w.visit(0, (*session).finish)
	}
	w.settle()
}

// settle tells the client when the worker is through with its stage.
func (w *worker) settle() {
	through := false
	switch w.stage {
	case connecting:
		through = w.dialing == 0 && w.next >= w.client.job.Conns
	case stopping:
		through = w.busy == 0
	case finishing:
		through = w.open == 0
	}
	if through && w.told != w.stage {
		w.told = w.stage
		w.client.reached <- w.stage
	}
}

// visit calls f for the sessions from the i-th on that are up, some in each
// turn, as long as the stage lasts.
func (w *worker) visit(i int, f func(*session)) {
	begun := w.stage
	end := min(i+maxKick, len(w.sessions))
	for _, s := range w.sessions[i:end] {
		if s.conn != nil {
			f(s)
		}
	}
	if end == len(w.sessions) {
		return
	}
	_ = w.loop.Post(func() { // fails only when the process ends
		if w.stage == begun {
			w.visit(end, f)
		}
	})
}

// dial opens the worker's connections: as many at a time as maxDials says.
func (w *worker) dial() {
	c := w.client
	for w.dialing < maxDials && w.next < c.job.Conns {
		s := newSession(w, w.next)
		w.next += len(c.workers)
		var cfg loop.DialConfig
		if c.job.Spread {
			cfg.LocalAddr = source(s.index)
		}
		protocol := func(*loop.Conn) loop.Handler { return s }
		err := w.loop.Dial(context.Background(), cfg, c.job.Network, c.job.Address, protocol, s.dialed)
		if err != nil {
			w.fail(s.index, err)
			continue
		}
		w.dialing++
	}
}

// source returns the address that connection i comes from: one address has
// fewer ports than a demonstration may want connections.
func source(i int) stream.Addr {
	ip := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i%sources)})
	return stream.AddrFrom(netip.AddrPortFrom(ip, 0))
}

func (w *worker) fail(index int, err error) {
	w.failed.Add(1)
	w.failures.add(index, err.Error())
}

// giveUp counts connections that should have ended and have not.
func (w *worker) giveUp() {
	for _, s := range w.sessions {
		if s.conn != nil && w.stage == finishing {
			w.fail(s.index, fmt.Errorf("the server neither sent the %d bytes still owed nor ended the connection", s.account.missing()))
		}
	}
}

// session is one connection's handler. Its state is all that a connection costs
// here beside the engine's share: no buffer, since messages are slices of the
// pad and what comes back is checked where the engine received it.
type session struct {
	worker  *worker
	conn    *loop.Conn // nil unless up
	index   int
	account account
	sizes   sizes
	began   time.Duration // when the message under way was sent
	busy    bool          // there is one
	ended   bool          // the server's FIN was received
}

func newSession(w *worker, index int) *session {
	start := rand.NewPCG(uint64(index), 1).Uint64() % padPeriod
	return &session{
		worker:  w,
		index:   index,
		account: account{pad: w.client.pad, start: int64(start)},
		sizes:   sizes{*rand.NewPCG(uint64(index), 2)},
	}
}

// dialed is the outcome of the session's Dial.
func (s *session) dialed(c *loop.Conn, err error) {
	w := s.worker
	w.dialing--
	if err != nil {
		w.fail(s.index, err)
	} else {
		s.conn = c
		w.sessions = append(w.sessions, s)
		w.open++
		w.up.Add(1)
	}
	w.dial()
	w.settle()
}

// send sends the next message.
func (s *session) send() {
	w := s.worker
	s.began = time.Since(w.epoch)
	s.busy = true
	w.busy++
	// One message is far below MaxPending: the only error is that the
	// connection has ended, and OnClose says why.
	_, _ = s.conn.Write(s.account.next(s.sizes.next()))
}

// finish ends the output; the server shall then end its own.
func (s *session) finish() { _ = s.conn.CloseWrite() }

// OnData checks what came back and sends on when that was the whole message.
func (s *session) OnData(_ *loop.Conn, in []byte) (int, error) {
	w := s.worker
	if err := s.account.enter(in); err != nil {
		return 0, err
	}
	w.bytes.Add(int64(len(in)))
	if s.account.missing() > 0 {
		return len(in), nil
	}
	s.idle()
	w.messages.Add(1)
	took := time.Since(w.epoch) - s.began
	_ = w.latency.RecordValue(min(int64(took), maxLatency)) // fails only past maxLatency
	if w.stage == loading {
		s.send()
	}
	w.settle()
	return len(in), nil
}

// OnEOF notes that the server has ended its output. The engine closes the
// connection if this side has done so before; if not, it is closed here.
func (s *session) OnEOF(c *loop.Conn) {
	s.ended = true
	if s.worker.stage != finishing {
		_ = c.Close()
	}
}

// OnClose counts the connection as failed unless all that was sent came back
// and both sides have ended in order.
func (s *session) OnClose(_ *loop.Conn, err error) {
	w := s.worker
	switch missing := s.account.missing(); {
	case err != nil:
		w.fail(s.index, fmt.Errorf("%w (after %d bytes, %d on their way)", err, s.account.back, missing))
	case missing > 0:
		w.fail(s.index, fmt.Errorf("the server ended it at offset %d with %d bytes still owed", s.account.back, missing))
	case w.stage != finishing || !s.ended:
		w.fail(s.index, fmt.Errorf("the server ended it at offset %d, before its turn", s.account.back))
	}
	s.conn = nil
	s.idle()
	w.open--
	w.up.Add(-1)
	w.settle()
}

// idle notes that no message is under way.
func (s *session) idle() {
	if s.busy {
		s.busy = false
		s.worker.busy--
	}
}
