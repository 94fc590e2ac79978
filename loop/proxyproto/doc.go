// Package proxyproto reads and writes the header by which a proxy tells a server whom it
// speaks for: the PROXY protocol, versions 1 (a line of text) and 2 (binary), as HAProxy's
// doc/proxy-protocol.txt specifies it.
//
// # A server behind a proxy
//
// A server behind a load balancer sees the balancer's address on every connection. With
// the PROXY protocol switched on there (send-proxy, proxy_protocol, "proxy protocol v2"),
// each connection begins with a header that has the client's. [Config.Protocol] reads it
// and then makes the handler, which sees the connection as if the header had never been
// there:
//
//	accept := proxyproto.Config{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
//	p := accept.Protocol(func(c *loop.Conn, h proxyproto.Header) loop.Handler {
//		client := c.RemoteAddr()
//		if h.Source.IsValid() {
//			client = h.Source
//		}
//		return newSession(client)
//	})
//	e.Listen(loop.ListenConfig{}, "tcp", "10.0.0.7:7000", p)
//
// Where a header is expected it is required; nothing is guessed, since a client that could
// choose would choose its own address. For the same reason the header is taken from
// trusted addresses only: [Config.Trusted].
//
// # A proxy
//
// The one who connects sends a header first:
//
//	h := proxyproto.Header{Source: client.RemoteAddr(), Destination: client.LocalAddr()}
//	e.Dial(ctx, loop.DialConfig{}, "tcp", server, func(c *loop.Conn) loop.Handler {
//		out, err := h.Append(nil)
//		if err != nil {
//			return nil
//		}
//		_, _ = c.Write(out) // an error is told to OnClose
//		return newRelay(client)
//	})
//
// # Other facts about the client
//
// Version 2 can carry more: the host name of the client's TLS, a checksum, an identifier of
// the connection, a cloud's own. See [TLVs].
package proxyproto
