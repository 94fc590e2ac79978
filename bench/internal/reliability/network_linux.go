package reliability

// Networks of a row's own: namespaces without names, which are gone with the
// process that holds them, however it ends.

import (
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/proc"
)

// Network is two namespaces with a link between them: the server lives in one, the
// clients in the other.
type Network struct {
	t         *Trial
	here      *os.File // the namespace of this process
	Far, Near *os.File // the server's and the clients'
}

// The addresses of the two ends.
const (
	farIP  = "10.83.0.1"
	nearIP = "10.83.0.2"
)

// NewNetwork makes a network for the row.
func (t *Trial) NewNetwork() *Network {
	n := &Network{t: t}
	t.Must("network", n.make())
	for _, ns := range []*os.File{n.Near, n.Far} {
		t.Must("loopback", n.Exec(ns, "ip", "link", "set", "lo", "up"))
	}
	t.Must("link", n.Exec(n.Near, "ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", n.Path(n.Far)))
	t.Must("address", n.Exec(n.Near, "ip", "addr", "add", nearIP+"/24", "dev", "near"))
	t.Must("address", n.Exec(n.Far, "ip", "addr", "add", farIP+"/24", "dev", "far"))
	t.Must("link", n.Exec(n.Near, "ip", "link", "set", "near", "up"))
	t.Must("link", n.Exec(n.Far, "ip", "link", "set", "far", "up"))
	return n
}

func (n *Network) make() error {
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	n.here = here
	n.t.Undo(func() { here.Close() })
	for _, ns := range []**os.File{&n.Far, &n.Near} {
		made, err := n.unshare()
		if err != nil {
			return err
		}
		*ns = made
		n.t.Undo(func() { made.Close() })
	}
	return nil
}

// unshare makes a new namespace.
func (n *Network) unshare() (ns *os.File, err error) {
	return ns, onThread(n.here, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		ns, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
}

// onThread calls f on a thread of its own, which comes back to the namespace here
// or ends.
func onThread(here *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := f()
		if unix.Setns(int(here.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// In calls f on a thread in the namespace ns: sockets and programs that f makes
// are there.
func (n *Network) In(ns *os.File, f func() error) error {
	return onThread(n.here, func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return f()
	})
}

// Exec runs a program in the namespace ns.
func (n *Network) Exec(ns *os.File, program string, args ...string) error {
	return n.In(ns, func() error { return execute("", program, args...) })
}

// NFT gives the packet filter of the namespace ns a script.
func (n *Network) NFT(ns *os.File, script string) error {
	return n.In(ns, func() error { return execute(script, "nft", "-f", "-") })
}

// Set sets an option of the network of the namespace ns, by its name under /proc/sys/net.
func (n *Network) Set(ns *os.File, option, value string) error {
	return n.In(ns, func() error { return os.WriteFile("/proc/sys/net/"+option, []byte(value), 0) })
}

// Counted is how many packets each counter in the filter of the namespace ns has
// seen, in the order of its script.
func (n *Network) Counted(ns *os.File) (packets []int, err error) {
	err = n.In(ns, func() error {
		said, err := say("", "nft", "list", "table", "ip", "faults")
		if err != nil {
			return err
		}
		packets, err = counters(string(said))
		return err
	})
	return packets, err
}

// counters are the counts of packets in a listing of nft, in its order.
func counters(said string) (packets []int, err error) {
	words := append(strings.Fields(said), "")
	for i := range len(words) - 2 {
		if words[i] != "counter" || words[i+1] != "packets" {
			continue
		}
		n, err := proc.Count(words[i+2], 1)
		if err != nil || n > math.MaxInt {
			return nil, fmt.Errorf("nft: %q packets in %q", words[i+2], said)
		}
		packets = append(packets, int(n))
	}
	return packets, nil
}

// execute runs a program; a failure says what it said.
func execute(input, program string, args ...string) error {
	_, err := say(input, program, args...)
	return err
}

// say is execute that returns what the program said.
func say(input, program string, args ...string) ([]byte, error) {
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, said)
	}
	return said, nil
}

// Path is the file by which another process finds the namespace.
func (n *Network) Path(ns *os.File) string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.Fd())
}

// dialer connects from within the clients' namespace.
func (n *Network) dialer(d net.Dialer, addr string) (nc net.Conn, err error) {
	return nc, n.In(n.Near, func() error {
		nc, err = d.DialContext(n.t.ctx, "tcp", addr)
		return err
	})
}

// filterScript is the packet filter of what comes in.
const filterScript = `table ip faults {
	chain in {
		type filter hook input priority 0
		%s
	}
}`
