package main

// The server: protocol, start, end.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// echo is the whole protocol. The engine calls it with what was received, and
// wants to know how many of those bytes were used and whether to go on. Write
// takes all of in, or nothing and says why, so its results are the answer. A
// peer that sends without reading fills nothing here: the engine stops reading
// from a connection whose output waits.
func echo(c *loop.Conn, in []byte) (n int, err error) { return c.Write(in) }

// server is an engine that listens and runs.
type server struct {
	engine     *loop.Engine
	addr       address // with the port that the kernel chose, for port 0
	drainLimit time.Duration
	ended      chan error // what Run returned
}

// startServer returns a server that listens already. It gives connections as
// long as drainLimit to finish, see drain.
func startServer(addr address, loops int, drainLimit time.Duration) (*server, error) {
	engine, err := loop.New(loop.Config{
		Loops: loops,
		// What drain cuts off it reports; this limit must not come before.
		FlushTimeout: drainLimit + time.Second,
	})
	if err != nil {
		return nil, err
	}
	// A function is a handler for connections without state of their own; its
	// Protocol gives every connection that same handler.
	protocol := loop.HandlerFunc(echo).Protocol()
	ln, err := engine.Listen(loop.ListenConfig{}, addr.network, addr.address, protocol)
	if err != nil {
		_ = engine.Close()
		return nil, err
	}
	if addr.network == "tcp" {
		addr.address = ln.Addr().String()
	}
	s := &server{engine: engine, addr: addr, drainLimit: drainLimit, ended: make(chan error, 1)}
	go func() { s.ended <- engine.Run(context.Background()) }()
	return s, nil
}

// drain ends the server in order: it stops accepting, lets every connection
// send what it owes, and cuts off those that take longer than drainLimit.
func (s *server) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.drainLimit)
	defer cancel()
	err := s.engine.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("some connections had not finished after %v and were cut off (-drain sets that time)", s.drainLimit)
	}
	return errors.Join(err, <-s.ended)
}

// serve runs a server until ctx ends, and then drains it.
func serve(ctx context.Context, o options, out io.Writer) error {
	s, err := startServer(o.addr, o.loops, o.drain)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %v\n", s.addr)
	select {
	case err := <-s.ended:
		return err
	case <-ctx.Done():
	}
	fmt.Fprintf(out, "draining %d connections, for at most %v; interrupt again to end at once\n", s.engine.Stats().Conns, o.drain)
	return s.drain()
}
