package servers

// netpoll: one poller, no goroutine pool (its guide advises against one where
// stacks do not grow), the reader and writer that do not copy.

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/cloudwego/netpoll"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

const netpollModule = "github.com/cloudwego/netpoll"

func serveNetpoll(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
	server, err := netpollLoop(p)
	if err != nil {
		return err
	}
	config := netpoll.Config{PollerNum: 1, Runner: func(_ context.Context, f func()) { go f() }}
	if err := netpoll.Configure(config); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	ready(ln.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for {
		// It does nothing, and says nothing, as long as Serve has not begun.
		_ = server.Shutdown(limit)
		select {
		case err := <-served:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func netpollLoop(p workload.Protocol) (netpoll.EventLoop, error) {
	switch p {
	case workload.Echo:
		return netpoll.NewEventLoop(netpollEcho)
	case workload.Fanout:
		f := new(netpollFanout)
		return netpoll.NewEventLoop(f.onRequest, netpoll.WithOnPrepare(f.onPrepare))
	}
	connect, err := workload.New(p)
	if err != nil {
		return nil, err
	}
	return netpoll.NewEventLoop(netpollAnswer, netpoll.WithOnPrepare(func(netpoll.Connection) context.Context {
		return context.WithValue(context.Background(), netpollKey{}, &netpollSession{respond: connect()})
	}))
}

func netpollEcho(_ context.Context, c netpoll.Connection) error {
	r, w := c.Reader(), c.Writer()
	in, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	if _, err := w.WriteBinary(in); err != nil {
		return err
	}
	// It returns when all is sent, and then the input is free.
	if err := w.Flush(); err != nil {
		return err
	}
	return r.Release()
}

// netpollFanout sends one message at a time: a writer takes one caller only.
type netpollFanout struct {
	all     members[netpoll.Connection]
	sending sync.Mutex
}

func (f *netpollFanout) onPrepare(c netpoll.Connection) context.Context {
	f.all.add(c)
	_ = c.AddCloseCallback(func(c netpoll.Connection) error {
		f.all.remove(c)
		return nil
	})
	return context.Background()
}

func (f *netpollFanout) onRequest(_ context.Context, c netpoll.Connection) error {
	r := c.Reader()
	in, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	f.sending.Lock()
	defer f.sending.Unlock()
	for _, to := range f.all.now() {
		// One that has ended is taken out by its own callback.
		if w := to.Writer(); to.IsActive() {
			_, _ = w.WriteBinary(in)
			_ = w.Flush()
		}
	}
	return r.Release()
}

type netpollKey struct{}

// netpollSession is one connection.
type netpollSession struct {
	respond workload.Responder
	reply   []byte
}

// netpollAnswer answers until the input ends with a whole request: netpoll calls
// it again at once while any is left, so it waits for the rest of one itself.
func netpollAnswer(ctx context.Context, c netpoll.Connection) error {
	s := ctx.Value(netpollKey{}).(*netpollSession)
	r, w := c.Reader(), c.Writer()
	for r.Len() > 0 {
		in, err := r.Peek(r.Len())
		if err != nil {
			return err
		}
		used, out, ended := s.respond(in, s.reply[:0])
		s.reply = out
		if len(out) > 0 {
			if _, err := w.WriteBinary(out); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		if ended != nil {
			return c.Close()
		}
		rest := len(in) - used
		if err := r.Skip(used); err != nil {
			return err
		}
		if err := r.Release(); err != nil {
			return err
		}
		if rest > 0 {
			if _, err := r.Peek(rest + 1); err != nil {
				return err // the peer has ended
			}
		}
	}
	return nil
}
