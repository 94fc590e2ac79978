package servers

// nbio: one poller, which also reads, level-triggered, as it is by default.

import (
	"context"
	"os"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

const nbioModule = "github.com/lesismal/nbio"

func serveNbio(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
	// Its logger writes to standard output, where a server answers its parent.
	logging.Output = os.Stderr
	logging.SetLevel(logging.LevelError)
	network := "tcp"
	if p == workload.UDPEcho {
		network = "udp"
	}
	e := nbio.NewEngine(nbio.Config{Network: network, Addrs: []string{addr}, NPoller: 1})
	if err := nbioHandle(e, p); err != nil {
		return err
	}
	if err := e.Start(); err != nil {
		return err
	}
	ready(e.Addrs[0])
	<-ctx.Done()
	// It would wait for ever for a connection that was accepted as it began.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	_ = e.Shutdown(limit)
	return nil
}

// nbioHandle sets what e does with what it receives.
func nbioHandle(e *nbio.Engine, p workload.Protocol) error {
	switch p {
	case workload.Echo, workload.UDPEcho:
		e.OnData(func(c *nbio.Conn, in []byte) { _, _ = c.Write(in) })
		return nil
	case workload.Fanout:
		all := new(members[*nbio.Conn])
		e.OnOpen(all.add)
		e.OnClose(func(c *nbio.Conn, _ error) { all.remove(c) })
		e.OnData(func(_ *nbio.Conn, in []byte) {
			for _, to := range all.now() {
				_, _ = to.Write(in)
			}
		})
		return nil
	}
	connect, err := workload.New(p)
	if err != nil {
		return err
	}
	var reply []byte // one for all connections: one poller reads them all
	e.OnData(func(c *nbio.Conn, in []byte) {
		// Made here and not in OnOpen, which runs on another goroutine.
		s, ok := c.Session().(*session)
		if !ok {
			s = &session{respond: connect()}
			c.SetSession(s)
		}
		out, ended := s.answer(in, reply[:0])
		reply = out
		if len(out) > 0 {
			_, _ = c.Write(out)
		}
		if ended != nil {
			_ = c.Close()
		}
	})
	return nil
}
