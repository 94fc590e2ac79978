package servers

// Package net, a goroutine and a 4 KiB buffer per connection.

import (
	"context"
	"io"
	"net"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

const netBuffer = 4096

func serveNet(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
	if p == workload.UDPEcho {
		return serveNetPackets(ctx, addr, ready)
	}
	handle, err := netHandler(p)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	ready(ln.Addr().String())
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			handle(c)
		}()
	}
}

// netHandler returns what serves one connection to its end.
func netHandler(p workload.Protocol) (func(net.Conn), error) {
	switch p {
	case workload.Echo:
		return netEcho, nil
	case workload.Fanout:
		all := new(members[net.Conn])
		return func(c net.Conn) { netFanout(c, all) }, nil
	}
	connect, err := workload.New(p)
	if err != nil {
		return nil, err
	}
	return func(c net.Conn) { netAnswer(c, connect()) }, nil
}

func netEcho(c net.Conn) {
	buf := make([]byte, netBuffer)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

func netFanout(c net.Conn, all *members[net.Conn]) {
	all.add(c)
	defer all.remove(c)
	buf := make([]byte, netBuffer)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		for _, to := range all.now() {
			// One that has ended finds it out itself.
			_, _ = to.Write(buf[:n])
		}
	}
}

// netAnswer keeps unconsumed input at the beginning of its buffer, which grows to
// the length of the longest request.
func netAnswer(c net.Conn, respond workload.Responder) {
	buf, have := make([]byte, netBuffer), 0
	var reply []byte
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		used, out, ended := respond(buf[:have], reply[:0])
		reply = out
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return
			}
		}
		if ended != nil {
			netEnd(c)
			return
		}
		have = copy(buf, buf[used:have])
		if have == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// netEnd ends the output and takes the input that is still coming: a reset would
// overtake the answer.
func netEnd(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, c)
	}
}

func serveNetPackets(ctx context.Context, addr string, ready func(string)) error {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return err
	}
	c, err := net.ListenUDP("udp", at)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	ready(c.LocalAddr().String())
	buf := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		// A datagram may be lost.
		_, _ = c.WriteToUDPAddrPort(buf[:n], from)
	}
}
