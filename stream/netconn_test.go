//go:build unix

package stream_test

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/eddyline/eddyline/stream"
)

// What NetConn returns is held to the rules of net.Conn.

func TestNetConnObeysNetConn(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		l := listen(t, at)
		nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
			client := connect(t, listenerAddr(t, l))
			server := accept(t, l)
			if a, err = client.NetConn(); err != nil {
				return nil, nil, nil, err
			}
			if b, err = server.NetConn(); err != nil {
				a.Close()
				return nil, nil, nil, err
			}
			return a, b, func() { a.Close(); b.Close() }, nil
		})
	})
}
