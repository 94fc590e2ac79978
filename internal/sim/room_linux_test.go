//go:build !simkernel

package sim_test

// Full buffers, which scripts do not fill because kernels differ in their size.

import (
	"net/netip"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

// ends returns both ends of a connection.
func ends(t *testing.T, c *calls, d sim.Domain) (a, b int) {
	t.Helper()
	if d == sim.Unix {
		fds, e := c.pair()
		if e != 0 {
			t.Fatal(e)
		}
		return fds[0], fds[1]
	}
	l, e := c.socket(d)
	if e != 0 || c.bind(l, sim.Addr{IP: netip.IPv6Loopback()}) != 0 || c.listen(l, 1) != 0 {
		t.Fatal("no listener")
	}
	addr, _ := c.sockname(l)
	a, _ = c.socket(d)
	c.connect(a, addr)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if b, _, e = c.accept(l); e == 0 {
			c.close(l)
			return a, b
		}
	}
	t.Fatal("no connection")
	return 0, 0
}

// drain reads until nothing comes any more although the sender has sent all.
func drain(t *testing.T, c *calls, fd, total int) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for end := time.Now().Add(patience); total > 0 && time.Now().Before(end); {
		n, e := c.recv(fd, buf[:min(total, len(buf))])
		if e != 0 && e != sim.EAGAIN {
			t.Fatal(e)
		}
		total -= n
	}
	if total != 0 {
		t.Fatalf("%d bytes are missing", total)
	}
}

// Hazard 13: a full socket is writable again, by one edge at least, when the peer
// has read, but not for a byte.
func TestAFullSocketBecomesWritableAsInTheKernel(t *testing.T) {
	for name, c := range map[string]calls{
		"model":  modelCalls(sim.New(1, sim.Options{Immediate: true})),
		"kernel": realCalls(),
	} {
		for kind, d := range map[string]sim.Domain{"tcp": sim.IPv6, "unix": sim.Unix} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				a, b := ends(t, &c, d)
				q, _ := c.epoll()
				for _, fd := range []int{a, b, q} {
					defer c.close(fd)
				}
				if e := c.ctl(q, sim.CtlAdd, a, sim.Out|sim.Edge, 1); e != 0 {
					t.Fatal(e)
				}
				if events := c.wait(q); len(events) != 1 {
					t.Fatal("not writable at first")
				}
				total := fill(t, &c, a, b)
				if events := c.wait(q); len(events) > 0 && c.poll(a, sim.Out) == 0 {
					t.Fatal("an event of a full socket")
				}
				if _, e := c.recv(b, make([]byte, 1)); e != 0 {
					t.Fatal(e)
				}
				if c.poll(a, sim.Out) != 0 {
					t.Fatal("writable for a byte")
				}
				drain(t, &c, b, total-1)
				for end := time.Now().Add(patience); len(c.wait(q)) == 0; {
					if time.Now().After(end) {
						t.Fatal("no edge")
					}
				}
				if n, e := c.send(a, []byte("more")); n != 4 || e != 0 {
					t.Fatal(n, e)
				}
			})
		}
	}
}

// fill sends until there is no room at either end, and returns how much that was.
func fill(t *testing.T, c *calls, a, b int) (total int) {
	t.Helper()
	chunk := make([]byte, 8<<10)
	for last := -1; last != c.unread(b); {
		last = c.unread(b)
		for {
			n, e := c.send(a, chunk)
			if e == sim.EAGAIN {
				break
			}
			if e != 0 {
				t.Fatal(e)
			}
			total += n
		}
	}
	return total
}

// On a unix socket a message takes its sender's room until all of it is read.
func TestAPartOfAMessageMakesNoRoomAsInTheKernel(t *testing.T) {
	const message = 32 << 10
	for name, c := range map[string]calls{
		"model":  modelCalls(sim.New(1, sim.Options{SendBuffer: 5 * message})),
		"kernel": realCalls(),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := ends(t, &c, sim.Unix)
			defer c.close(a)
			defer c.close(b)
			total := 0
			for {
				n, e := c.send(a, make([]byte, message))
				if e == sim.EAGAIN {
					break
				}
				if n != message || e != 0 {
					t.Fatal(n, e)
				}
				total += n
			}
			drain(t, &c, b, total-2*message)
			for _, piece := range []int{0, message - 1} {
				drain(t, &c, b, piece)
				if c.poll(a, sim.Out) != 0 {
					t.Fatalf("writable when %d bytes of the last two messages are read", piece)
				}
			}
			drain(t, &c, b, 1)
			if c.poll(a, sim.Out) == 0 {
				t.Fatal("not writable when one message is left")
			}
		})
	}
}
