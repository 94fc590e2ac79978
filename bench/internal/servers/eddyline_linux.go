package servers

// This engine.

import (
	"context"

	"github.com/eddyline/eddyline/bench/internal/workload"
	"github.com/eddyline/eddyline/loop"
)

func serveEddyline(cfg loop.Config) func(context.Context, workload.Protocol, string, func(string)) error {
	return func(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
		protocol, err := eddylineProtocol(p)
		if err != nil {
			return err
		}
		e, err := loop.New(cfg)
		if err != nil {
			return err
		}
		ln, err := e.Listen(loop.ListenConfig{}, "tcp", addr, protocol)
		if err != nil {
			e.Close()
			return err
		}
		ready(ln.Addr().String())
		return e.Run(ctx)
	}
}

func eddylineProtocol(p workload.Protocol) (loop.Protocol, error) {
	switch p {
	case workload.Echo:
		echo := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) { return c.Write(in) })
		return echo.Protocol(), nil
	case workload.Fanout:
		all := new(members[*loop.Conn])
		return func(c *loop.Conn) loop.Handler {
			all.add(c)
			return eddylineMember{all}
		}, nil
	}
	connect, err := workload.New(p)
	if err != nil {
		return nil, err
	}
	reply := new([]byte) // one for all connections: they are on one loop
	return func(*loop.Conn) loop.Handler { return &eddylineSession{connect(), reply} }, nil
}

// eddylineMember passes on what its connection receives.
type eddylineMember struct{ all *members[*loop.Conn] }

func (m eddylineMember) OnData(_ *loop.Conn, in []byte) (int, error) {
	for _, c := range m.all.now() {
		if _, err := c.Write(in); err != nil {
			c.Abort() // it did not read, and what it has missed cannot be made up for
		}
	}
	return len(in), nil
}

func (m eddylineMember) OnClose(c *loop.Conn, _ error) { m.all.remove(c) }

// eddylineSession answers what its connection receives.
type eddylineSession struct {
	respond workload.Responder
	reply   *[]byte
}

func (s *eddylineSession) OnData(c *loop.Conn, in []byte) (int, error) {
	used, out, ended := s.respond(in, (*s.reply)[:0])
	*s.reply = out
	if len(out) > 0 {
		if _, err := c.Write(out); err != nil {
			return used, err
		}
	}
	return used, ended
}

func (s *eddylineSession) OnClose(*loop.Conn, error) {}
