//go:build unix

package loop_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// An address means to Listen what it means to package net: where one listens the
// other does, and is reached by the same addresses. Where they differ is what Listen
// documents.
func TestListenMeansWhatNetMeans(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	hello := r.always(hooks{open: func(c *loop.Conn) error { _, err := c.WriteString("loop"); return err }})
	for _, network := range []string{"tcp", "tcp4", "tcp6", "udp", ""} {
		for _, address := range []string{
			":0", "[::]:0", "[0:0::0]:0", "0.0.0.0:0", "127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0", "[::ffff:0.0.0.0]:0", "127.0.0.1:+0",
			"127.0.0.1", "127.0.0.1:65536", "[127.0.0.1]:0", "::1:0", "[::1%]:0", "300.0.0.1:0", "",
		} {
			t.Run(network+" "+address, func(t *testing.T) {
				want := netListens(t, network, address)
				switch ip4 := (listening{"127.0.0.1": true}); {
				case address == "":
					want = nil
				case network == "tcp" && want != nil && (address == "0.0.0.0:0" || address == "[::ffff:0.0.0.0]:0"):
					want = ip4
				}
				ln, err := r.engine.Listen(loop.ListenConfig{}, network, address, hello)
				if (err == nil) != (want != nil) {
					t.Fatalf("error %v; package net is reached by %v", err, want)
				}
				if err != nil {
					return
				}
				for host, reached := range reachedBy(t, ln.Addr().AddrPort().Port(), "loop") {
					if reached != want[host] {
						t.Errorf("reached by %s: %v, want %v", host, reached, want[host])
					}
				}
			})
		}
	}
}

// listening is by which addresses a listener is reached; nil is none.
type listening map[string]bool

// netListens is what package net makes of an address.
func netListens(t *testing.T, network, address string) listening {
	ln, err := net.Listen(network, address)
	if err != nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "net ") // whoever is not reached notices
			c.Close()
		}
	}()
	defer func() {
		ln.Close()
		take(t, "the end of accepting", done)
	}()
	return reachedBy(t, uint16(ln.Addr().(*net.TCPAddr).Port), "net ")
}

// reachedBy tells by which addresses of this host who says so is found at port: with
// some the port may be another program's.
func reachedBy(t *testing.T, port uint16, says string) listening {
	found := listening{}
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(host), port).String())
		if err != nil {
			found[host] = false
			continue
		}
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, len(says))
		_, err = io.ReadFull(c, said)
		c.Close()
		found[host] = err == nil && string(said) == says
	}
	return found
}
