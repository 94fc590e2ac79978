package main

// -demo, the process with the server: it starts the client, leads it through
// its stages, and measures itself meanwhile.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"time"
)

// spareDescriptors is what a process needs beside its connections: pollers,
// pipes, the listener.
const spareDescriptors = 64

// runDemo serves, has itself tested by a second process, and reports. The error
// is nil only if every byte of every connection came back in order.
func runDemo(ctx context.Context, o options, out io.Writer) error {
	if room := descriptorLimit() - spareDescriptors; o.conns > room {
		fmt.Fprintf(out, "a process may have %d descriptors here (ulimit -Hn): %d connections instead of %d\n",
			descriptorLimit(), max(room, 1), o.conns)
		o.conns = max(room, 1)
	}
	s, err := startServer(o.addr, o.loops, o.drain)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %v\n", s.addr)
	d := &demo{opts: o, server: s, target: s.addr, screen: newScreen(out)}
	result, err := d.run(ctx)
	if drained := s.drain(); err == nil {
		err = drained
	}
	if result == nil {
		return err
	}
	result.print(out)
	return errors.Join(result.verdict(), err)
}

// demo is one run of -demo.
type demo struct {
	opts   options
	server *server
	target address // the server's; in a test, of something before it
	client *clientProcess
	screen *screen
	latest news
	stuck  *time.Timer // runs out when nothing has moved for long
	result result
}

var errClientEnded = errors.New("the client's process ended before its time")

// run leads the client from beginning to end. The result is nil if it did not
// come to the load.
func (d *demo) run(ctx context.Context) (*result, error) {
	d.result = result{conns: d.opts.conns, before: settledMemory()}
	var err error
	d.client, err = startClient(d.job())
	if err != nil {
		return nil, err
	}
	err = d.stages(ctx)
	d.screen.end()
	if ended := d.client.end(); ended != nil && err != nil {
		err = fmt.Errorf("%w: %w", err, ended)
	}
	if err != nil && d.result.elapsed == 0 {
		return nil, err
	}
	return &d.result, err
}

func (d *demo) job() job {
	ap, err := netip.ParseAddrPort(d.target.address)
	return job{
		Network: d.target.network,
		Address: d.target.address,
		Conns:   d.opts.conns,
		// Elsewhere 127.0.0.1 is the only one of these that a machine has.
		Spread: runtime.GOOS == "linux" && err == nil && ap.Addr().Unmap().Is4() && ap.Addr().Unmap().IsLoopback(),
	}
}

func (d *demo) stages(ctx context.Context) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	if err := d.load(ctx); err != nil {
		return err
	}
	return d.finish()
}

// connect has all connections opened and measures what they cost while idle.
func (d *demo) connect(ctx context.Context) error {
	err := d.await(ctx, connecting)
	if err == nil {
		err = d.awaitServer(ctx)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted while connecting: %d of %d connections were up, %d had failed",
			d.latest.Up, d.opts.conns, d.latest.Failed)
	}
	d.result.up = d.latest.Up
	d.result.idle = settledMemory()
	return err
}

// awaitServer waits until the server has accepted all that the client has
// connected: the kernel connects ahead.
func (d *demo) awaitServer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.opts.drain)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for d.server.engine.Stats().Conns < d.latest.Up {
		select {
		case <-tick.C:
		case n, ok := <-d.client.news:
			if !ok {
				return errClientEnded
			}
			d.note(connecting, n)
		case <-ctx.Done():
			return fmt.Errorf("the client has %d connections, of which the server has accepted only %d after %v",
				d.latest.Up, d.server.engine.Stats().Conns, d.opts.drain)
		}
	}
	return nil
}

// load has messages sent for the time that was asked for, and waits until the
// last has come back. What the server uses is measured from the first to the
// last.
func (d *demo) load(ctx context.Context) error {
	began, cpu := time.Now(), cpuTime()
	timed, cancel := context.WithTimeout(ctx, d.opts.time)
	defer cancel()
	d.client.begin(loading)
	err := d.await(timed, loading)
	if ctx.Err() != nil {
		d.result.interrupted = time.Since(began)
	}
	if err == nil || timed.Err() != nil {
		d.client.begin(stopping)
		err = d.awaitEnd(stopping)
	}
	d.result.elapsed = time.Since(began)
	d.result.cpu = cpuTime() - cpu
	d.result.messages, d.result.bytes = d.latest.Messages, d.latest.Bytes
	return err
}

// finish has every connection ended from the client's side, waits for the
// server to end its own, and asks for the client's report.
func (d *demo) finish() error {
	d.client.begin(finishing)
	if err := d.awaitEnd(finishing); err != nil {
		return err
	}
	d.client.begin(reporting)
	if err := d.awaitEnd(reporting); err != nil {
		return err
	}
	if d.latest.Report == nil {
		return fmt.Errorf("the client's process gave no report within %v", d.opts.drain)
	}
	d.result.report = *d.latest.Report
	return nil
}

// awaitEnd is await for a stage that should end by itself. If nothing moves for
// the time of -drain, it gives up without an error: the report will say which
// connections hang.
func (d *demo) awaitEnd(s stage) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.stuck = time.AfterFunc(d.opts.drain, cancel)
	defer d.stuck.Stop()
	if err := d.await(ctx, s); ctx.Err() == nil {
		return err
	}
	return nil
}

// await takes the client's news until it is through with stage s.
func (d *demo) await(ctx context.Context, s stage) error {
	for {
		select {
		case n, ok := <-d.client.news:
			if !ok {
				return errClientEnded
			}
			d.note(s, n)
			if n.Reached == s || n.Report != nil || (s == loading && n.Up == 0) {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note keeps and shows what the client told.
func (d *demo) note(s stage, n news) {
	if d.stuck != nil && (n.Up != d.latest.Up || n.Bytes != d.latest.Bytes) {
		d.stuck.Reset(d.opts.drain)
	}
	d.latest = n
	d.result.peak = max(d.result.peak, residentMemory())
	d.screen.show(s, n, time.Now())
}

// isTerminal tells whether somebody watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
