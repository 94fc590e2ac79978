//go:build !unix

package stream_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Where the engine has no backend yet, every constructor says so.
func TestConstructorsAreUnsupported(t *testing.T) {
	to := stream.AddrFrom(netip.MustParseAddrPort("127.0.0.1:1"))
	for name, call := range map[string]func() error{
		"Connect":        func() error { _, err := stream.Connect(to); return err },
		"ConnectTimeout": func() error { _, err := stream.ConnectTimeout(to, time.Second); return err },
		"Start":          func() error { _, err := stream.Start(to); return err },
		"StartFrom":      func() error { _, err := stream.StartFrom(to, to); return err },
		"Dial":           func() error { _, err := stream.Dial(t.Context(), "tcp", "127.0.0.1:1"); return err },
		"Pair":           func() error { _, _, err := stream.Pair(); return err },
		"Listen":         func() error { _, err := stream.Listen(to, stream.ListenOptions{}); return err },
		"FromFD":         func() error { _, err := stream.FromFD(0); return err },
		"ListenerFromFD": func() error { _, err := stream.ListenerFromFD(0); return err },
		"FromConn":       func() error { a, _ := net.Pipe(); _, err := stream.FromConn(a); return err },
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want errors.ErrUnsupported", name, err)
		}
	}
}
