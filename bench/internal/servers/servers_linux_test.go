package servers

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

// patience is how long a server may take for anything.
const patience = 2 * time.Minute

// start starts a server, which must end well at the end of the test. The floor in
// C needs cc: so does the race detector, with which these tests are run.
func start(t *testing.T, s Server, p workload.Protocol) *Running {
	t.Helper()
	r, err := Start(s, p, -1, 0, []string{"GOMAXPROCS=1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func dial(t *testing.T, network string, r *Running) net.Conn {
	t.Helper()
	c, err := net.Dial(network, r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// eachServer runs test with every server that offers p.
func eachServer(t *testing.T, p workload.Protocol, test func(t *testing.T, r *Running)) {
	list := Offering(All(), p)
	if len(list) == 0 {
		t.Fatalf("no server offers %s", p)
	}
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, s, p))
		})
	}
}

// script is what one connection sends and must get.
type script struct{ send, want []byte }

// converse sends the script in pieces of random sizes, several requests or parts of
// one each, and reads meanwhile.
func (s script) converse(c net.Conn, rng *rand.Rand, normal func([]byte) []byte) error {
	sent := make(chan error, 1)
	go func() {
		for rest := s.send; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(1+rng.IntN(20_000)))
			if _, err := c.Write(rest[:n]); err != nil {
				sent <- err
				return
			}
			rest = rest[n:]
		}
		sent <- nil
	}()
	got := make([]byte, len(s.want))
	n, err := io.ReadFull(c, got)
	if got = normal(got[:n]); !bytes.Equal(got, s.want[:n]) {
		i := 0
		for got[i] == s.want[i] {
			i++
		}
		return fmt.Errorf("byte %d of %d is wrong: %.60q, want %.60q", i, len(s.want), got[i:], s.want[i:])
	}
	if err != nil {
		return fmt.Errorf("%d of %d bytes: %w", n, len(s.want), err)
	}
	return <-sent
}

// exchanges lets 20 connections hold the conversations that write makes up.
func exchanges(t *testing.T, p workload.Protocol, normal func([]byte) []byte, write func(conn int, rng *rand.Rand) script) {
	eachServer(t, p, func(t *testing.T, r *Running) {
		var clients sync.WaitGroup
		for i := range 20 {
			c := dial(t, "tcp", r)
			clients.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 7))
				if err := write(i, rng).converse(c, rng, normal); err != nil {
					t.Errorf("connection %d: %v", i, err)
				}
			})
		}
		clients.Wait()
	})
}

func same(b []byte) []byte { return b }

func TestEcho(t *testing.T) {
	exchanges(t, workload.Echo, same, func(_ int, rng *rand.Rand) script {
		b := make([]byte, 300_000+rng.IntN(100_000))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return script{b, b}
	})
}

var date = regexp.MustCompile(`Date: [^\r]{29}`)

func TestHTTP(t *testing.T) {
	const now = "Date: Thu, 01 Jan 1970 00:00:00 GMT"
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n" + now + "\r\n\r\nHello, World!"
	undated := func(b []byte) []byte { return date.ReplaceAll(b, []byte(now)) }
	exchanges(t, workload.HTTP, undated, func(_ int, rng *rand.Rand) script {
		var s script
		for range 200 {
			s.send = append(s.send, "GET / HTTP/1.1\r\nHost: a\r\n"...)
			if rng.IntN(2) == 0 {
				s.send = fmt.Appendf(s.send, "X: %s\r\n", strings.Repeat("x", rng.IntN(5000)))
			}
			s.send = append(s.send, "\r\n"...)
			s.want = append(s.want, answer...)
		}
		return s
	})
}

func TestRedis(t *testing.T) {
	exchanges(t, workload.Redis, same, func(conn int, rng *rand.Rand) script {
		var s script
		command := func(words ...string) {
			s.send = fmt.Appendf(s.send, "*%d\r\n", len(words))
			for _, w := range words {
				s.send = fmt.Appendf(s.send, "$%d\r\n%s\r\n", len(w), w)
			}
		}
		key := fmt.Sprint("key", conn)
		for range 100 {
			value := strings.Repeat("v", rng.IntN(10_000))
			command("PING")
			command("SET", key, value)
			command("GET", key)
			s.want = fmt.Appendf(s.want, "+PONG\r\n+OK\r\n$%d\r\n%s\r\n", len(value), value)
		}
		return s
	})
}

func TestAConnectionEndsAfterTheLastAnswer(t *testing.T) {
	for p, s := range map[workload.Protocol]script{
		workload.Redis: {[]byte("PING\r\nQUIT\r\n"), []byte("+PONG\r\n+OK\r\n")},
		workload.HTTP:  {[]byte("nonsense\r\n"), []byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")},
	} {
		t.Run(string(p), func(t *testing.T) {
			eachServer(t, p, func(t *testing.T, r *Running) {
				c := dial(t, "tcp", r)
				if _, err := c.Write(s.send); err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, s.want) {
					t.Errorf("got %q, error %v", got, err)
				}
			})
		})
	}
}

func TestDiscard(t *testing.T) {
	eachServer(t, workload.Discard, func(t *testing.T, r *Running) {
		var clients sync.WaitGroup
		for range 4 {
			c := dial(t, "tcp", r).(*net.TCPConn)
			clients.Go(func() {
				// More than the sockets hold: a server that does not read is found out.
				if _, err := c.Write(make([]byte, 16<<20)); err != nil {
					t.Error(err)
					return
				}
				if err := c.CloseWrite(); err != nil {
					t.Error(err)
				}
				// nbio closes when it hears of the end, before it has read everything, and the
				// kernel makes that a reset.
				got, err := io.ReadAll(c)
				if len(got) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("got %d bytes, error %v", len(got), err)
				}
			})
		}
		clients.Wait()
	})
}

func TestFanout(t *testing.T) {
	eachServer(t, workload.Fanout, func(t *testing.T, r *Running) {
		sender := dial(t, "tcp", r)
		receivers := []net.Conn{sender}
		for range 19 {
			receivers = append(receivers, dial(t, "tcp", r))
		}
		// Each reports itself to all, so that who has got all reports knows that it gets
		// everything from then on. A report that comes before its receiver is known to
		// the server is lost, so there are as many as it takes.
		ready := make(chan int, len(receivers))
		want := make([]byte, 500_000)
		for i := range want {
			want[i] = byte(1 + i%251)
		}
		var clients sync.WaitGroup
		for i, c := range receivers {
			clients.Go(func() {
				if err := member(c, func() { ready <- i }, want); err != nil {
					t.Errorf("connection %d: %v", i, err)
				}
			})
		}
		known := map[int]bool{}
		for len(known) < len(receivers) {
			if _, err := sender.Write([]byte{probe}); err != nil {
				t.Fatal(err)
			}
			select {
			case i := <-ready:
				known[i] = true
			case <-time.After(time.Millisecond):
			}
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(20_000))
			if _, err := sender.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		clients.Wait()
	})
}

// probe is a byte that is sent until all have got one.
const probe = 0

// member reports when the first probe has come, skips the others, and must then
// get what is wanted.
func member(c net.Conn, ready func(), want []byte) error {
	got := make([]byte, 1)
	for reported := false; got[0] == probe; {
		if _, err := io.ReadFull(c, got); err != nil {
			return err
		}
		if !reported {
			reported = true
			ready()
		}
	}
	rest := make([]byte, len(want)-1)
	if n, err := io.ReadFull(c, rest); err != nil {
		return fmt.Errorf("%d bytes: %w", n, err)
	}
	if !bytes.Equal(append(got, rest...), want) {
		return fmt.Errorf("it got something else than was sent")
	}
	return nil
}

func TestUDPEcho(t *testing.T) {
	eachServer(t, workload.UDPEcho, func(t *testing.T, r *Running) {
		rng := rand.New(rand.NewPCG(1, 1))
		var conns []net.Conn
		for range 20 {
			conns = append(conns, dial(t, "udp", r))
		}
		buf := make([]byte, 2000)
		for i := range 200 {
			c := conns[rng.IntN(len(conns))]
			out := bytes.Repeat([]byte{byte(i)}, 1+rng.IntN(1000))
			if _, err := c.Write(out); err != nil {
				t.Fatal(err)
			}
			n, err := c.Read(buf)
			if err != nil || !bytes.Equal(buf[:n], out) {
				t.Fatalf("datagram %d: %d bytes came back for %d, error %v", i, n, len(out), err)
			}
		}
	})
}

func TestEveryServerTellsOfItself(t *testing.T) {
	eachServer(t, workload.Echo, func(t *testing.T, r *Running) {
		m, err := r.Mark()
		if err != nil || (m.Mallocs == 0) != r.Mute() {
			t.Errorf("%+v, error %v", m, err)
		}
		if err := r.Settle(); err != nil {
			t.Error(err)
		}
	})
}

func TestServersEndWithConnectionsUnderWay(t *testing.T) {
	for _, p := range []workload.Protocol{workload.Echo, workload.Redis, workload.Fanout} {
		t.Run(string(p), func(t *testing.T) {
			eachServer(t, p, func(t *testing.T, r *Running) {
				// Cleanups run last first: the server ends before the connections do.
				for range 5 {
					c, err := net.Dial("tcp", r.Addr)
					if err != nil {
						t.Fatal(err)
					}
					defer t.Cleanup(func() { c.Close() })
					// A reply shows that it is accepted: nbio races with itself when it ends
					// while it accepts.
					if _, err := c.Write([]byte("*1\r\n$4\r\nPING\r\nGET")); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(c, make([]byte, len("+PONG"))); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

func TestVersionsAreThosePinned(t *testing.T) {
	// Not of this program: one that is made to test does not tell.
	image, err := buildTuned()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.Read(image)
	if err != nil {
		t.Fatal(err)
	}
	versions := modules(info)
	for module, want := range map[string]string{gnetModule: "v2.10.0", evioModule: "v1.0.8", netpollModule: "v0.7.2", nbioModule: "v1.6.12"} {
		if versions[module] != want {
			t.Errorf("%s is of version %q, want %s", module, versions[module], want)
		}
	}
	if i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-tags" }); i < 0 || info.Settings[i].Value != gnetTags {
		t.Errorf("it is not built with %s", gnetTags)
	}
}

func TestWhatIsNotServedIsAnError(t *testing.T) {
	for _, s := range All() {
		if _, err := Start(s, "gopher", -1, 0, nil); err == nil || !strings.Contains(err.Error(), "there are echo, http") {
			t.Errorf("%s: error %v, want one that lists the protocols", s.Name, err)
		}
		if s.Serve == nil {
			continue
		}
		if err := s.Serve(t.Context(), "gopher", "127.0.0.1:0", func(string) { t.Errorf("%s is ready to serve gopher", s.Name) }); err == nil {
			t.Errorf("%s serves gopher", s.Name)
		}
	}
	found, err := Find(All(), []string{"evio"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(found[0], workload.Fanout, -1, 0, nil)
	if err == nil || !strings.Contains(err.Error(), "evio does not serve fanout, only echo, http, redis, discard, udp") {
		t.Errorf("error %v, want one that says what evio serves", err)
	}
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, s := range All() {
		if s.Serve == nil {
			continue
		}
		for _, p := range []workload.Protocol{workload.Echo, workload.HTTP} {
			err := s.Serve(t.Context(), p, ln.Addr().String(), func(string) { t.Errorf("%s is ready", s.Name) })
			if err == nil || !strings.Contains(err.Error(), "in use") {
				t.Errorf("%s, %s: error %v", s.Name, p, err)
			}
		}
	}
}

func TestWhatIsLackingIsSaid(t *testing.T) {
	for _, p := range workload.Protocols {
		for _, s := range All() {
			switch {
			case !s.Offers(p) && s.Lack(p) == "":
				t.Errorf("%s does not serve %s, and nothing says why", s.Name, p)
			case s.Offers(p) && s.Lacks[p] != "":
				t.Errorf("%s serves %s, and lacks it: %s", s.Name, p, s.Lacks[p])
			}
		}
	}
	if got := (Server{}).Lack(workload.Fanout); got != "it does not serve fanout" {
		t.Errorf("unexplained: %q", got)
	}
}

func TestCompared(t *testing.T) {
	got := strings.Join(Names(Compared(All())), " ")
	if want := "floor-level floor-edge eddyline eddyline-spin net gnet gnet-tuned nbio netpoll evio"; got != want {
		t.Errorf("compared are %s", got)
	}
	if got := strings.Join(Names(Usual(All())), " "); got != "floor-level floor-edge floor-again eddyline" {
		t.Errorf("usual are %s", got)
	}
}
