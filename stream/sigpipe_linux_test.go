package stream_test

// Sends to a peer that is gone raise no SIGPIPE (hazard 30).

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"

	"github.com/eddyline/eddyline/stream"
)

// roleVariable tells a test program what it is run for by a test.
const roleVariable = "EDDYLINE_TEST_ROLE"

// rerun runs the calling test once more, in a process of its own that has a role.
func rerun(t *testing.T, role string) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	return out.String(), err
}

// dieOfSIGPIPE gives the signal its effect as the kernel has it. The runtime's own
// handler ignores it for most descriptors, so that without this nothing is seen.
func dieOfSIGPIPE(t *testing.T) {
	t.Helper()
	var byDefault [64]byte // a zero struct sigaction: SIG_DFL
	const maskSize = 8
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGPIPE),
		uintptr(unsafe.Pointer(&byDefault)), 0, maskSize, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// A process on which SIGPIPE has its usual effect outlives every way to send to a
// peer that is gone. One that asks for it does not.
func TestNoSendRaisesSIGPIPE(t *testing.T) {
	switch os.Getenv(roleVariable) {
	case "":
		if out, err := rerun(t, "send"); err != nil {
			t.Errorf("the process that only sent: %v\n%s", err, out)
		}
		out, err := rerun(t, "write")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
			t.Errorf("the process that asked for it: %v\n%s", err, out)
		}
	case "write":
		dieOfSIGPIPE(t)
		a, b := pair(t)
		must(t, "Close", b.Close())
		_, err := syscall.Write(a.FD(), []byte("x"))
		t.Fatal("it is alive after ", err)
	case "send":
		dieOfSIGPIPE(t)
		sendToNobody(t)
	}
}

// sendToNobody sends in every way, waiting and not, after the peer has gone, after a
// reset and after an end of one's own.
func sendToNobody(t *testing.T) {
	sends := map[string]func(s *stream.Stream) error{
		"Write":         func(s *stream.Stream) error { _, err := s.Write([]byte("x")); return err },
		"WriteSome":     func(s *stream.Stream) error { _, err := s.WriteSome([]byte("x")); return err },
		"WriteVectored": func(s *stream.Stream) error { _, err := s.WriteVectored([][]byte{{1}, {2}}); return err },
		"WriteBuffers":  func(s *stream.Stream) error { _, err := s.WriteBuffers(&net.Buffers{{1}, {2}}); return err },
	}
	ends := map[string]func(s, peer *stream.Stream) error{
		"the peer has gone": func(_, peer *stream.Stream) error { return peer.Close() },
		"a reset after a FIN": func(_, peer *stream.Stream) error {
			return errors.Join(peer.Shutdown(stream.ShutWrite), peer.SetLinger(0), peer.Close())
		},
		"its own end": func(s, _ *stream.Stream) error { return s.Shutdown(stream.ShutWrite) },
	}
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		for name, send := range sends {
			for end, bring := range ends {
				for _, wait := range []bool{false, true} {
					s := connect(t, listenerAddr(t, l))
					peer := accept(t, l)
					must(t, "SetNonblocking", s.SetNonblocking(!wait))
					must(t, end, bring(s, peer))
					until(t, "EPIPE", func() bool {
						err := send(s)
						if err != nil {
							expectError(t, name+" when "+end, err, syscall.EPIPE, syscall.ECONNRESET)
						}
						return errors.Is(err, syscall.EPIPE)
					})
				}
			}
		}
	})
}
