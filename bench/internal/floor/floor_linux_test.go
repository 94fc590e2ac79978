package floor

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience is how long a loop may take for anything.
const patience = time.Minute

// last connects, sends its last bytes and ends its output.
func last(t *testing.T, addr, text string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	tcp := c.(*net.TCPConn)
	if _, err := tcp.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := tcp.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return tcp
}

// ended asserts that c gets the text, and then the end.
func ended(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != text {
		t.Errorf("got %q, %v; want %q and the end", got, err, text)
	}
}

// The end of a stream that comes with its last bytes makes one edge.
func TestTheEndBehindTheLastBytesIsSeen(t *testing.T) {
	for name, trigger := range map[string]Trigger{"level": Level, "edge": Edge} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			connected := make(chan *net.TCPConn, 1)
			go func() {
				served <- Serve(ctx, "127.0.0.1:0", trigger, func(addr string) {
					// The loop has not begun: both are there when it accepts.
					connected <- last(t, addr, "the last")
				})
			}()
			ended(t, <-connected, "the last")
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheEndBehindTheLastBytesIsSeenInC(t *testing.T) {
	dir := t.TempDir()
	source, program := filepath.Join(dir, "floor.c"), filepath.Join(dir, "floor")
	if err := os.WriteFile(source, Source, 0o600); err != nil {
		t.Fatal(err)
	}
	// The race detector needs a C compiler too, so there is one where this is tested.
	if said, err := exec.Command("cc", "-O2", "-Wall", "-Werror", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, trigger := range []string{"level", "edge"} {
		t.Run(trigger, func(t *testing.T) {
			cmd := exec.Command(program, trigger)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			line, err := bufio.NewReader(out).ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			var at struct{ Addr string }
			if err := json.Unmarshal(line, &at); err != nil {
				t.Fatal(err)
			}
			// Both are there when it goes on.
			stopped(t, cmd.Process)
			c := last(t, at.Addr, "the last")
			if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			ended(t, c, "the last")
		})
	}
}

// stopped stops a child and waits until it has.
func stopped(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("status %v, %v", status, err)
	}
}

func TestDatagramsGoBack(t *testing.T) {
	for name, trigger := range map[string]Trigger{"level": Level, "edge": Edge} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			ready := make(chan string, 1)
			go func() { served <- ServePackets(ctx, "127.0.0.1:0", trigger, func(addr string) { ready <- addr }) }()
			c, err := net.Dial("udp", <-ready)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"one", "", "three"} {
				if _, err := c.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 100)
				if n, err := c.Read(buf); err != nil || string(buf[:n]) != text {
					t.Errorf("got %q, %v; want %q", buf[:n], err, text)
				}
			}
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}
