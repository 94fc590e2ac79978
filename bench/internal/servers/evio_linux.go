package servers

// evio: one loop, input buffers reused. There is no fan-out: the one way to
// another connection, Wake, throws away what that one has not sent yet.

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/tidwall/evio"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

const evioModule = "github.com/tidwall/evio"

func serveEvio(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
	network := "tcp"
	if p == workload.UDPEcho {
		network = "udp"
	}
	var ending atomic.Bool
	events, err := evioEvents(p, &ending)
	if err != nil {
		return err
	}
	events.NumLoops = 1
	events.Serving = func(s evio.Server) evio.Action {
		at := s.Addrs[0].String()
		context.AfterFunc(ctx, func() {
			ending.Store(true)
			knock(network, at)
		})
		ready(at)
		return evio.None
	}
	return evio.Serve(events, network+"://"+addr)
}

// knock makes a server's loop run once: what ends evio is what an event returns.
func knock(network, addr string) {
	c, err := net.Dial(network, addr)
	if err != nil {
		return // it has ended already
	}
	defer c.Close()
	_, _ = c.Write([]byte("\n"))
}

func evioEvents(p workload.Protocol, ending *atomic.Bool) (evio.Events, error) {
	switch p {
	case workload.Echo:
		return evio.Events{Opened: evioOpened(ending), Data: evioEcho}, nil
	case workload.UDPEcho:
		return evio.Events{Data: func(c evio.Conn, in []byte) ([]byte, evio.Action) {
			if ending.Load() {
				return nil, evio.Shutdown
			}
			return evioEcho(c, in)
		}}, nil
	}
	connect, err := workload.New(p)
	if err != nil {
		return evio.Events{}, err
	}
	open := evioOpened(ending)
	var reply []byte // one for all connections: they are on one loop, and evio copies it
	return evio.Events{
		Opened: func(c evio.Conn) ([]byte, evio.Options, evio.Action) {
			c.SetContext(&evioSession{respond: connect()})
			return open(c)
		},
		Data: func(c evio.Conn, in []byte) ([]byte, evio.Action) {
			s := c.Context().(*evioSession)
			in = s.stream.Begin(in)
			used, out, ended := s.respond(in, reply[:0])
			s.stream.End(in[used:])
			reply = out
			if ended != nil {
				return out, evio.Close
			}
			return out, evio.None
		},
	}, nil
}

// evioOpened sets a new connection's options, or ends the server.
func evioOpened(ending *atomic.Bool) func(evio.Conn) ([]byte, evio.Options, evio.Action) {
	return func(evio.Conn) ([]byte, evio.Options, evio.Action) {
		if ending.Load() {
			return nil, evio.Options{}, evio.Shutdown
		}
		return nil, evio.Options{ReuseInputBuffer: true}, evio.None
	}
}

func evioEcho(_ evio.Conn, in []byte) ([]byte, evio.Action) { return in, evio.None }

// evioSession is one connection.
type evioSession struct {
	respond workload.Responder
	stream  evio.InputStream
}
