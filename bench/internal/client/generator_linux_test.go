package client

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// serveLoop serves p with the engine and returns the address.
func serveLoop(t *testing.T, p loop.Protocol) string {
	t.Helper()
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	t.Cleanup(func() {
		e.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func echo(c *loop.Conn, in []byte) (int, error) { return c.Write(in) }

// serveNet lets serve have every connection, and returns the address.
func serveNet(t *testing.T, serve func(c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return ln.Addr().String()
}

// through answers with what change makes of the bytes, of which it is told the
// place in the stream. A nil result ends the connection.
func through(change func(p []byte, at int) []byte) func(net.Conn) {
	return func(c net.Conn) {
		buf, at := make([]byte, 4096), 0
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			answer := change(buf[:n], at)
			if answer == nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
			at += n
		}
	}
}

func generatorFor(t *testing.T, spec Spec) *generator {
	t.Helper()
	g, err := newGenerator(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// await looks every millisecond whether what is waited for has come. The test's
// time limit bounds it.
func await(come func() bool) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !come() {
		<-look.C
	}
}

// measured returns the sum of as many windows as it takes to have so many requests.
func measured(t *testing.T, g *generator, requests uint64) Result {
	t.Helper()
	var all []window
	for seen := uint64(0); seen < requests; {
		w, err := g.measure(10 * time.Millisecond)
		must(t, "measure", err)
		seen += w.Requests
		all = append(all, w)
	}
	r, err := describe(all)
	must(t, "describe", err)
	return r
}

// checkResult asserts what holds of every result with latencies.
func checkResult(t *testing.T, r Result, size int) {
	t.Helper()
	l := r.Latency
	if l == nil {
		t.Fatal("there are no latencies")
	}
	if r.Bytes != r.Requests*uint64(size) {
		t.Errorf("%d requests of %d bytes are %d bytes", r.Requests, size, r.Bytes)
	}
	if l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Errorf("latencies %+v do not ascend", l)
	}
	if r.Seconds <= 0 || r.CPU <= 0 || r.Busy <= 0 {
		t.Errorf("%v s, %v of processor time, busy %v", r.Seconds, r.CPU, r.Busy)
	}
}

func TestClosedLoopTakesAnHonestEcho(t *testing.T) {
	var received atomic.Uint64
	addr := serveLoop(t, loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		received.Add(uint64(len(in)))
		return c.Write(in)
	}).Protocol())
	for _, spec := range []Spec{
		{Conns: 5, Size: 64},
		{Conns: 3, Size: 1, Pipeline: 16, IdleConns: 7},
		{Conns: 2, Size: 100_000, Pipeline: 4}, // more than the pattern's table, and than a receive
		{Conns: 1, Size: 1 << 20, Pipeline: 4}, // more than is written at one time
	} {
		spec.Addr, spec.Mode = addr, Closed
		received.Store(0)
		g := generatorFor(t, spec)
		must(t, "open", g.open())
		want := uint64(spec.Conns+spec.IdleConns) * uint64(spec.Size)
		if n := received.Load(); n != want {
			t.Errorf("%+v: the server received %d bytes while opening, want %d", spec, n, want)
		}
		counted := uint64(0)
		for range 2 {
			must(t, "begin", g.begin())
			r := measured(t, g, 20)
			checkResult(t, r, spec.Size)
			counted += r.Requests
			must(t, "finish", g.finish())
			if c := stuckConn(g.driver.(*closedLoop).conns); c != nil {
				t.Errorf("%+v: at the end %v", spec, c)
			}
		}
		if n := received.Load(); n < counted*uint64(spec.Size) || n%uint64(spec.Size) != 0 {
			t.Errorf("%+v: the server received %d bytes, %d requests were counted", spec, n, counted)
		}
	}
}

func TestNothingIsCountedOutsideTheLoad(t *testing.T) {
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Closed, Conns: 2, Size: 8})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	measured(t, g, 1)
	must(t, "finish", g.finish())
	w, err := g.measure(time.Millisecond)
	if err != nil || w.Requests != 0 || w.Each != nil {
		t.Errorf("after Finish: %+v, error %v", w, err)
	}
}

// onLoop lets f run on the generator's loop and waits for it.
func onLoop(t *testing.T, g *generator, f func()) {
	t.Helper()
	done := make(chan struct{})
	must(t, "post", g.loop.Post(func() {
		defer close(done)
		f()
	}))
	<-done
}

func TestWindowsAddUpToTheLoad(t *testing.T) {
	const size, conns = 8, 4
	var received atomic.Uint64
	addr := serveLoop(t, loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		received.Add(uint64(len(in)))
		return c.Write(in)
	}).Protocol())
	for _, spec := range []Spec{
		{Mode: Closed, Pipeline: 3},
		{Mode: Open, Rate: 5000},
		{Mode: Churn},
	} {
		spec.Addr, spec.Conns, spec.Size = addr, conns, size
		g := generatorFor(t, spec)
		must(t, "open", g.open())
		received.Store(0)
		var windows [3]window
		onLoop(t, g, g.startWindow)
		must(t, "begin", g.begin())
		for i := range windows {
			// Without a gap, and the last one until every reply is there.
			if i < len(windows)-1 {
				await(func() bool { return received.Load() >= uint64(i+1)*100*size })
			} else {
				must(t, "finish", g.finish())
			}
			onLoop(t, g, func() {
				windows[i] = g.window()
				g.startWindow()
			})
		}
		var parts []Result
		for _, w := range windows {
			r, err := describe([]window{w})
			must(t, "describe", err)
			parts = append(parts, r)
		}
		sum, err := Sum(parts...)
		must(t, "sum", err)
		if n := received.Load(); sum.Requests*size != n || sum.Bytes != n {
			t.Errorf("%s: %d requests of %d bytes, %d bytes in all; the server received %d", spec.Mode, sum.Requests, size, sum.Bytes, n)
		}
		if spec.Mode == Open && sum.Extra["due"] != float64(sum.Requests) {
			t.Errorf("%v messages were due, %d were answered", sum.Extra["due"], sum.Requests)
		}
		for i, r := range parts {
			if r.Latency != nil && r.Latency.Max > sum.Latency.Max {
				t.Errorf("%s: the longest latency is %d, in window %d it is %d", spec.Mode, sum.Latency.Max, i, r.Latency.Max)
			}
		}
	}
}

func TestFixedRequests(t *testing.T) {
	response := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nhi")
	other := bytes.Replace(response, []byte("Thu, 01 Jan 1970 00:00:00 GMT"), []byte("Fri, 30 Feb 2024 12:34:56 GMT"), 1)
	for _, tt := range []struct {
		name    string
		request Request
		answers []string // by turns, after the opening's
		opening string
		wrong   string
	}{
		{name: "ping", request: Ping(), answers: []string{"+PONG\r\n"}},
		{name: "set", request: Set("k", "v"), answers: []string{"+OK\r\n"}},
		{name: "get", request: Get("k", "value"), opening: "+OK\r\n", answers: []string{"$5\r\nvalue\r\n"}},
		{name: "get of another", request: Get("k", "value"), opening: "+OK\r\n", answers: []string{"$5\r\nvalve\r\n"}, wrong: "want 0x75, got 0x76"},
		{name: "date", request: HTTPGet("/", response), answers: []string{string(response), string(other)}},
		{name: "body", request: HTTPGet("/", response), answers: []string{string(response[:len(response)-1]) + "!"}, wrong: "want 0x69, got 0x21"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := serveNet(t, func(c net.Conn) {
				send, buf, n := []byte(nil), make([]byte, 4096), 0
				if tt.opening != "" {
					send = tt.request.Opening.Send
				} else {
					send = tt.request.Send
				}
				got := 0
				for {
					k, err := c.Read(buf)
					if err != nil {
						return
					}
					for got += k; got >= len(send); n++ {
						got -= len(send)
						answer := tt.answers[n%len(tt.answers)]
						if n == 0 && tt.opening != "" {
							answer, send = tt.opening, tt.request.Send
						}
						// Two pieces, so that replies come in parts.
						if _, err := c.Write([]byte(answer[:3])); err != nil {
							return
						}
						if _, err := c.Write([]byte(answer[3:])); err != nil {
							return
						}
					}
				}
			})
			g := generatorFor(t, Spec{Addr: addr, Mode: Closed, Conns: 2, Pipeline: 3, Request: tt.request})
			err := g.open()
			if err == nil {
				must(t, "begin", g.begin())
				if tt.wrong == "" {
					checkResult(t, measured(t, g, 20), len(tt.request.Want))
				}
				err = g.finish()
			}
			if tt.wrong == "" {
				must(t, "finish", err)
			} else if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("error %v, want one with %q", err, tt.wrong)
			}
		})
	}
}

// untilFault goes on until g fails: silence is noticed when the load ends.
func untilFault(g *generator) error {
	for {
		if _, err := g.measure(10 * time.Millisecond); err != nil {
			return err
		}
		if err := g.finish(); err != nil {
			return err
		}
		if err := g.begin(); err != nil {
			return err
		}
	}
}

func TestFaultsAreNamed(t *testing.T) {
	const late = 5000 // bytes into a connection, so that opening succeeds
	after := func(f func(p []byte) []byte) func([]byte, int) []byte {
		return func(p []byte, at int) []byte {
			if at > late {
				return f(p)
			}
			return p
		}
	}
	for _, tt := range []struct {
		name   string
		change func(p []byte, at int) []byte
		want   []string
	}{
		{"a changed byte", after(func(p []byte) []byte { p[len(p)-1] ^= 1; return p }), []string{"connection ", " byte ", "is wrong: want 0x", "got 0x"}},
		{"a byte lost", after(func(p []byte) []byte { return p[1:] }), []string{"is wrong"}},
		{"a byte too many", after(func(p []byte) []byte { return append(p[:len(p):len(p)], 0) }), []string{"connection ", " byte ", "of its replies"}},
		{"an end", after(func([]byte) []byte { return nil }), []string{"connection ", "bytes of replies: "}},
		{"silence", after(func([]byte) []byte { return []byte{} }), []string{"nothing happened for", "connection ", "want 0x", "got none"}},
	} {
		for _, mode := range []Mode{Closed, Open} {
			t.Run(tt.name+" "+string(mode), func(t *testing.T) {
				spec := Spec{Addr: serveNet(t, through(tt.change)), Mode: mode, Conns: 2, Size: 64}
				if mode == Open {
					spec.Rate = 50_000
				}
				g := generatorFor(t, spec)
				must(t, "open", g.open())
				if tt.name == "silence" {
					g.patience = 100 * time.Millisecond
				}
				must(t, "begin", g.begin())
				err := untilFault(g)
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want one with %q", err, want)
					}
				}
				if again := g.begin(); again == nil || again.Error() != err.Error() {
					t.Errorf("later the error is %v, before it was %v", again, err)
				}
			})
		}
	}
}

func TestOpenTellsWhoIsNotAnswered(t *testing.T) {
	mute := loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil }).Protocol()
	for _, spec := range []Spec{
		{Mode: Closed, Conns: 1, Size: 8},
		{Mode: Closed, IdleConns: 1, Size: 8},
		{Mode: Open, Conns: 1, Size: 8, Rate: 1},
		{Mode: Churn, Conns: 1, Size: 8},
		{Mode: Fanout, Conns: 1, Size: 8},
		{Mode: Slow, Conns: 1, SlowConns: 1, Size: 8},
	} {
		spec.Addr = serveLoop(t, mute)
		g := generatorFor(t, spec)
		g.patience = 100 * time.Millisecond
		err := g.open()
		if err == nil || !strings.Contains(err.Error(), "connection 0") {
			t.Errorf("%s: error %v, want one that names the connection", spec.Mode, err)
		}
	}
}

func TestOpenTellsWhoRefuses(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, "listen", err)
	addr := ln.Addr().String()
	ln.Close()
	for _, spec := range []Spec{
		{Mode: Closed, Conns: 1, Size: 1},
		{Mode: Open, Conns: 1, Size: 1, Rate: 1},
		{Mode: Churn, Conns: 1, Size: 1},
		{Mode: Fanout, Conns: 1, Size: 1},
		{Mode: Bulk, Conns: 1, Size: 1},
		{Mode: Slow, Conns: 1, SlowConns: 1, Size: 1},
	} {
		spec.Addr = addr
		err := generatorFor(t, spec).open()
		if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: error %v, want one that names %s and the refusal", spec.Mode, err, addr)
		}
	}
}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	const rate = 2000
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Open, Conns: 3, Size: 16, Rate: rate})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	r := measured(t, g, 100)
	checkResult(t, r, 16)
	if x := r.Extra; x["late"] > x["due"] || x["lateness µs"] < 0 {
		t.Errorf("%v", x)
	}
	onLoop(t, g, func() {
		d := g.driver.(*openLoop)
		due := func() int64 { return (g.now() - d.begun) * rate / int64(time.Second) }
		least := due()
		d.pace()
		if most := due() + 1; d.sent < least || d.sent > most {
			t.Errorf("%d messages became due, want %d to %d", d.sent, least, most)
		}
	})
	must(t, "finish", g.finish())
}

func TestAStallShowsInTheLatencyOfAllWhoWait(t *testing.T) {
	const rate, stall = 1000, 200 * time.Millisecond
	stalled := make(chan struct{})
	var once sync.Once
	var begun atomic.Bool
	addr := serveNet(t, through(func(p []byte, _ int) []byte {
		if begun.Load() {
			once.Do(func() {
				<-time.After(stall) // the fault that is tested for
				close(stalled)
			})
		}
		return p
	}))
	g := generatorFor(t, Spec{Addr: addr, Mode: Open, Conns: 1, Size: 16, Rate: rate})
	must(t, "open", g.open())
	begun.Store(true)
	onLoop(t, g, g.startWindow)
	must(t, "begin", g.begin())
	<-stalled
	must(t, "finish", g.finish())
	var w window
	onLoop(t, g, func() { w = g.window() })
	r, err := describe([]window{w})
	must(t, "describe", err)
	if r.Latency == nil {
		t.Fatal("no latency was recorded")
	}
	if r.Latency.Max < int64(stall) {
		t.Errorf("the longest latency is %v, the server stalled for %v", time.Duration(r.Latency.Max), stall)
	}
	// The messages that were due during the stall waited each for the rest of it,
	// those of its first half longer than half of it. A closed loop would have seen
	// one. The curve tells their number to a factor of two.
	half := stall.Seconds() / 2
	waited := 0.0
	for _, q := range r.Latency.Curve {
		if q.NS >= int64(stall/2) {
			waited = max(waited, (1-q.Q)*float64(r.Requests))
		}
	}
	if waited < rate*half/2 {
		t.Errorf("%.0f of %d messages waited for half of the stall or longer, want %v: %+v", waited, r.Requests, rate*half, r.Latency)
	}
}

func TestALateGeneratorChargesItself(t *testing.T) {
	const rate, late = 10_000, 50 * time.Millisecond
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Open, Conns: 3, Size: 16, Rate: rate})
	must(t, "open", g.open())
	onLoop(t, g, g.startWindow)
	must(t, "begin", g.begin())
	onLoop(t, g, func() {
		for from := g.now(); g.now() < from+int64(late); { // nobody else gets a turn
		}
	})
	must(t, "finish", g.finish())
	var w window
	onLoop(t, g, func() { w = g.window() })
	r, err := describe([]window{w})
	must(t, "describe", err)
	// What became due meanwhile is sent before the load ends: a loop delivers events,
	// the timer's among them, before it runs tasks.
	if r.Extra["due"] < rate*late.Seconds() {
		t.Errorf("%v messages became due in %v", r.Extra["due"], late)
	}
	if r.Latency == nil || r.Latency.Max < int64(late) || r.Extra["late"] < rate*(late-2*tardy).Seconds() || !r.Saturated {
		t.Errorf("%v late: %+v, %v, saturated %v", late, r.Latency, r.Extra, r.Saturated)
	}
}

func TestWhatNeverComesBackIsReported(t *testing.T) {
	var begun atomic.Bool
	addr := serveNet(t, through(func(p []byte, _ int) []byte {
		if begun.Load() {
			return []byte{}
		}
		return p
	}))
	g := generatorFor(t, Spec{Addr: addr, Mode: Open, Conns: 2, Size: 16, Rate: 10_000})
	must(t, "open", g.open())
	begun.Store(true)
	must(t, "begin", g.begin())
	w, err := g.measure(20 * time.Millisecond)
	must(t, "measure", err)
	r, err := describe([]window{w})
	must(t, "describe", err)
	if r.Latency != nil || r.Requests != 0 {
		t.Errorf("there were replies: %+v", r)
	}
	if r.Extra["outstanding"] < r.Extra["due"] || r.Extra["due"] == 0 || r.Extra["oldest µs"] < r.Seconds*1e6 {
		t.Errorf("after %v s without a reply: %v", r.Seconds, r.Extra)
	}
}

func TestChurn(t *testing.T) {
	var opened, closed, failed atomic.Uint64
	addr := serveLoop(t, func(*loop.Conn) loop.Handler {
		opened.Add(1)
		return &witness{&closed, &failed}
	})
	for _, size := range []int{1, 100_000} {
		opened.Store(0)
		closed.Store(0)
		failed.Store(0)
		g, err := newGenerator(Spec{Addr: addr, Mode: Churn, Conns: 4, Size: size, IdleConns: 2})
		must(t, "new", err)
		must(t, "open", g.open())
		if n := opened.Load(); n != 4+2 {
			t.Errorf("%d connections were opened, want 6", n)
		}
		must(t, "begin", g.begin())
		r := measured(t, g, 30)
		checkResult(t, r, size)
		must(t, "finish", g.finish())
		if n := opened.Load(); n < r.Requests {
			t.Errorf("%d connections for %d requests", n, r.Requests)
		}
		// All but the idle ones end with a FIN, of which the server may hear later.
		await(func() bool { return closed.Load()+failed.Load() == opened.Load()-2 })
		if n := failed.Load(); n > 0 {
			t.Errorf("%d connections did not end in order", n)
		}
		must(t, "close", g.close())
		await(func() bool { return closed.Load()+failed.Load() == opened.Load() })
		if n := failed.Load(); n != 2 {
			t.Errorf("%d idle connections were reset, want 2", n)
		}
	}
}

// witness is an echo that counts how connections end.
type witness struct{ closed, failed *atomic.Uint64 }

func (h *witness) OnData(c *loop.Conn, in []byte) (int, error) { return c.Write(in) }

func (h *witness) OnClose(_ *loop.Conn, err error) {
	if err == nil {
		h.closed.Add(1)
	} else {
		h.failed.Add(1)
	}
}

func TestChurnFindsAShortEcho(t *testing.T) {
	addr := serveNet(t, func(c net.Conn) {
		buf := make([]byte, 64)
		n, _ := c.Read(buf)
		c.Write(buf[:n-1])
	})
	err := generatorFor(t, Spec{Addr: addr, Mode: Churn, Conns: 1, Size: 64}).open()
	if err == nil || !strings.Contains(err.Error(), "connection 0, after 63 bytes of replies") {
		t.Errorf("error %v, want one that says how much came", err)
	}
}

// room passes on what one connection sends to all.
type room struct {
	members []*loop.Conn
	spoil   func(to int, p []byte) []byte
}

func (r *room) OnOpen(c *loop.Conn) error {
	r.members = append(r.members, c)
	return nil
}

func (r *room) OnData(_ *loop.Conn, in []byte) (int, error) {
	for i, m := range r.members {
		p := in
		if r.spoil != nil {
			p = r.spoil(i, in)
		}
		if _, err := m.Write(p); err != nil {
			return 0, err
		}
	}
	return len(in), nil
}

func (r *room) OnClose(c *loop.Conn, _ error) {
	for i, m := range r.members {
		if m == c {
			r.members = append(r.members[:i], r.members[i+1:]...)
			return
		}
	}
}

func TestFanout(t *testing.T) {
	r := new(room)
	addr := serveLoop(t, func(*loop.Conn) loop.Handler { return r })
	for _, spec := range []Spec{
		{Conns: 1, Size: 1},
		{Conns: 300, Size: 64},
		{Conns: 5, Size: 1000, Pipeline: 4},
		{Conns: 3, Size: 70_000, Pipeline: 2},
	} {
		spec.Addr, spec.Mode = addr, Fanout
		g, err := newGenerator(spec)
		must(t, "new", err)
		must(t, "open", g.open())
		for range 2 {
			must(t, "begin", g.begin())
			res := measured(t, g, uint64(3*spec.Conns))
			checkResult(t, res, spec.Size)
			must(t, "finish", g.finish())
			x := res.Extra
			if x["messages"]*float64(spec.Conns) > float64(res.Requests)+float64((len(res.windows)+spec.Pipeline+1)*spec.Conns) || x["messages"] == 0 {
				t.Errorf("%+v: %v messages, %d receipts", spec, x["messages"], res.Requests)
			}
			if x["all max µs"] > float64(res.Latency.Max)/1e3 || x["all p50 µs"]*1e3 < float64(res.Latency.Curve[0].NS) {
				t.Errorf("%+v: until all had it %v, each %+v", spec, x, res.Latency)
			}
		}
		must(t, "close", g.close())
	}
}

func TestFanoutFindsWhoIsLeftOut(t *testing.T) {
	r := &room{spoil: func(to int, p []byte) []byte {
		if to == 2 {
			return nil
		}
		return p
	}}
	g := generatorFor(t, Spec{Addr: serveLoop(t, func(*loop.Conn) loop.Handler { return r }), Mode: Fanout, Conns: 4, Size: 10})
	g.patience = 100 * time.Millisecond
	err := g.open()
	if err == nil || !strings.Contains(err.Error(), "does not receive what connection 0 sends") {
		t.Errorf("error %v, want one that names who receives nothing", err)
	}
}

func TestFanoutFindsAWrongReceiver(t *testing.T) {
	var begun atomic.Bool
	r := &room{spoil: func(to int, p []byte) []byte {
		if to == 2 && begun.Load() {
			p = bytes.Clone(p)
			p[0] ^= 1
		}
		return p
	}}
	g := generatorFor(t, Spec{Addr: serveLoop(t, func(*loop.Conn) loop.Handler { return r }), Mode: Fanout, Conns: 4, Size: 10})
	must(t, "open", g.open())
	begun.Store(true)
	must(t, "begin", g.begin())
	err := g.finish()
	if err == nil || !strings.Contains(err.Error(), "byte 0 of its replies is wrong") {
		t.Errorf("error %v, want that a byte is wrong", err)
	}
}

func TestBulk(t *testing.T) {
	var received atomic.Uint64
	addr := serveLoop(t, loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) {
		received.Add(uint64(len(in)))
		return len(in), nil
	}).Protocol())
	g := generatorFor(t, Spec{Addr: addr, Mode: Bulk, Conns: 3, Size: 1000})
	must(t, "open", g.open())
	for range 2 {
		must(t, "begin", g.begin())
		r := measured(t, g, 1000)
		must(t, "finish", g.finish())
		if r.Latency != nil || r.Bytes/1000 < r.Requests-uint64(len(r.windows)) || r.Bytes > g.engine.Stats().BytesOut {
			t.Errorf("%+v", r)
		}
	}
	if err := g.driver.stuck(); err != nil {
		t.Error(err)
	}
	sent := g.engine.Stats().BytesOut
	await(func() bool { return received.Load() == sent }) // its kernel has them
}

func TestBulkRefusesAnEcho(t *testing.T) {
	g := generatorFor(t, Spec{Addr: serveLoop(t, loop.HandlerFunc(echo).Protocol()), Mode: Bulk, Conns: 1, Size: 1000})
	must(t, "open", g.open())
	g.patience = 100 * time.Millisecond
	must(t, "begin", g.begin())
	// It is noticed by what it sends, or by both sides waiting for each other.
	if err := untilFault(g); !strings.Contains(err.Error(), "want no reply") && !strings.Contains(err.Error(), "bytes are left") {
		t.Errorf("error %v, want that there must be no reply, or that not all was taken", err)
	}
}

func TestSlowReaders(t *testing.T) {
	addr := serveLoop(t, loop.HandlerFunc(echo).Protocol())
	g := generatorFor(t, Spec{Addr: addr, Mode: Slow, Conns: 3, SlowConns: 4, Size: 512})
	must(t, "open", g.open())
	for range 2 {
		must(t, "begin", g.begin())
		r := measured(t, g, 200)
		checkResult(t, r, 512)
		if n := r.Extra["slow bytes"]; n <= 0 || n > 4*slowBytes {
			t.Errorf("%v bytes were taken from slow connections, of %d", n, 4*slowBytes)
		}
		must(t, "finish", g.finish())
		if err := g.driver.stuck(); err != nil {
			t.Errorf("at the end %v", err)
		}
	}
}

func TestSlowReadersFindWhatIsWrong(t *testing.T) {
	addr := serveNet(t, through(func(p []byte, at int) []byte {
		if at > 100_000 {
			p[0] ^= 1
		}
		return p
	}))
	g := generatorFor(t, Spec{Addr: addr, Mode: Slow, Conns: 1, SlowConns: 2, Size: 100})
	must(t, "open", g.open())
	must(t, "begin", g.begin())
	if err := untilFault(g); !strings.Contains(err.Error(), "is wrong") {
		t.Errorf("error %v, want that a byte is wrong", err)
	}
}

func TestConnectionsComeFromManyAddresses(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	addr := serveLoop(t, func(c *loop.Conn) loop.Handler {
		mu.Lock()
		seen[c.RemoteAddr().AddrPort().Addr().String()] = true
		mu.Unlock()
		return loop.HandlerFunc(echo)
	})
	must(t, "open", generatorFor(t, Spec{Addr: addr, Mode: Closed, Conns: 2 * burst, Size: 1}).open())
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != sources {
		t.Errorf("%d addresses, want %d", len(seen), sources)
	}
}

func TestMessagesAllocateNothing(t *testing.T) {
	const messages = 4000
	everyone := new(room)
	discard := func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil }
	for _, tt := range []struct {
		spec Spec
		p    loop.Protocol
	}{
		{Spec{Mode: Closed, Conns: 10, Size: 64}, loop.HandlerFunc(echo).Protocol()},
		{Spec{Mode: Closed, Conns: 4, Size: 64, Pipeline: 16}, loop.HandlerFunc(echo).Protocol()},
		{Spec{Mode: Open, Conns: 10, Size: 64, Rate: 20_000}, loop.HandlerFunc(echo).Protocol()},
		{Spec{Mode: Fanout, Conns: 10, Size: 64}, func(*loop.Conn) loop.Handler { return everyone }},
		{Spec{Mode: Bulk, Conns: 2, Size: 1000}, loop.HandlerFunc(discard).Protocol()},
	} {
		tt.spec.Addr = serveLoop(t, tt.p)
		g := generatorFor(t, tt.spec)
		must(t, "open", g.open())
		must(t, "begin", g.begin())
		measured(t, g, messages) // until all buffers have their size
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := g.progress()
		await(func() bool { return g.progress() >= start+messages*uint64(tt.spec.Size) })
		runtime.ReadMemStats(&after)
		if n := after.Mallocs - before.Mallocs; n > messages/100 {
			t.Errorf("%s: %d objects for some %d messages", tt.spec.Mode, n, messages)
		}
		must(t, "finish", g.finish())
	}
}
