package main

import (
	"bytes"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// dial connects to a running program.
func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// roundTrip sends text and wants it back.
func roundTrip(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(c, back); err != nil || string(back) != text {
		t.Fatalf("sent %q, got %q, %v", text, back, err)
	}
}

func TestEchoOverTCP(t *testing.T) {
	p := start(t, "-addr", "127.0.0.1:0", "-loops", "1")
	c := dial(t, "tcp", p.line("listening on "))
	roundTrip(t, c, "hello\n")
	// What a client that half-closes sent before still comes back, then the end.
	if _, err := io.WriteString(c, "goodbye"); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c); err != nil || string(rest) != "goodbye" {
		t.Errorf("after the half-close: %q, %v", rest, err)
	}
	p.signal(os.Interrupt)
	p.expect(exitOK, "draining")
}

func TestEchoOverAUnixSocketDrainsOnSIGTERM(t *testing.T) {
	path := filepath.Join(t.TempDir(), "echo.sock")
	p := start(t, "-addr", "unix:"+path)
	if got := p.line("listening on "); got != "unix:"+path {
		t.Errorf("it listens on %q, want unix:%s", got, path)
	}
	c := dial(t, "unix", path)
	roundTrip(t, c, "hello\n")
	p.signal(syscall.SIGTERM)
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Errorf("a drained connection ends with %q, %v, want EOF", rest, err)
	}
	p.expect(exitOK, "draining 1 connections")
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket's file is left behind: %v", err)
	}
}

// stall makes the program owe a client more than the kernel takes: nobody reads
// at the other end. It returns how much was sent.
func stall(t *testing.T, c net.Conn) (sent int) {
	t.Helper()
	block := bytes.Repeat([]byte("eddyline"), 8<<10)
	for {
		// Once the server stops reading, nothing is taken however long one waits.
		if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(block)
		sent += n
		if os.IsTimeout(err) {
			return sent
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDrainSendsWhatIsOwed(t *testing.T) {
	p := start(t, "-addr", "127.0.0.1:0", "-drain", "1h")
	c := dial(t, "tcp", p.line("listening on "))
	sent := stall(t, c)
	p.signal(syscall.SIGTERM)
	p.line("draining 1 connections")
	back, err := io.Copy(io.Discard, c)
	if err != nil || back == 0 || back > int64(sent) {
		t.Errorf("%d of %d bytes came back, then %v; want some, then EOF", back, sent, err)
	}
	p.expect(exitOK)
}

func TestDrainCutsOffWhoDoesNotRead(t *testing.T) {
	p := start(t, "-addr", "127.0.0.1:0", "-drain", "50ms")
	stall(t, dial(t, "tcp", p.line("listening on ")))
	p.signal(syscall.SIGTERM)
	p.expect(exitFailed, "cut off", "-drain")
}

func TestASecondInterruptEndsAtOnce(t *testing.T) {
	p := start(t, "-addr", "127.0.0.1:0", "-drain", "1h")
	stall(t, dial(t, "tcp", p.line("listening on ")))
	p.signal(os.Interrupt)
	p.line("draining 1 connections")
	p.signal(os.Interrupt)
	p.expect(exitFailed, "interrupted again")
}

func TestATakenPortIsExplained(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	start(t, "-addr", taken).expect(exitFailed, taken, "Something else listens there", "-addr")
	start(t, "-demo", "-addr", taken).expect(exitFailed, taken, "Something else listens there", "-addr")
}

func TestAFileInTheWayIsExplainedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, "-addr", "unix:"+path).expect(exitFailed, path, "a file that is no socket")
	if data, err := os.ReadFile(path); err != nil || string(data) != "data" {
		t.Errorf("the file is now %q, %v", data, err)
	}
}

func TestAMissingDirectoryIsExplained(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "echo.sock")
	start(t, "-addr", "unix:"+path).expect(exitFailed, path, "directory of the socket must exist")
}

func TestAStrangersAddressIsExplained(t *testing.T) {
	start(t, "-addr", "192.0.2.1:7000").expect(exitFailed, "192.0.2.1:7000", "no such address")
}

func TestAForbiddenPlaceIsExplained(t *testing.T) {
	// Whoever runs the tests as root may do all this.
	if err := explain(fs.ErrPermission, options{}); err.Error() == fs.ErrPermission.Error() {
		t.Error("no explanation is given")
	}
	if err := explain(io.ErrUnexpectedEOF, options{}); err != io.ErrUnexpectedEOF {
		t.Errorf("an error that means nothing to us became %v", err)
	}
}

func TestABadFlagEndsWithStatus2(t *testing.T) {
	start(t, "-port", "80").expect(exitUsage, "-port", "echo -h")
	start(t, "-addr", "unix:").expect(exitUsage, "no path", "echo -h")
}

func TestHelpTeaches(t *testing.T) {
	p := start(t, "-h")
	out, status := p.wait()
	if status != exitOK || out != help {
		t.Errorf("-h ends with %d and says\n%s", status, out)
	}
}

func TestTheClientIsNotForUseByHand(t *testing.T) {
	start(t, clientArgument).expect(exitFailed, "not for use by hand")
}
