package echo

// One server under load, and what is read from both at the ends of a window.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/load"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// bench is a server with its load generator.
type bench struct {
	server  *servers.Running
	load    *load.Generator
	conns   int
	sum     window // of the windows so far
	retries int    // windows measured again so far
}

// start starts a server and a generator with its connections, all idle.
func (c *Config) start(s servers.Server, p Point) (b *bench, err error) {
	b = &bench{conns: p.Conns}
	defer func() {
		if err != nil {
			err = b.end(err)
		}
	}()
	if b.server, err = servers.Start(s, workload.Echo, c.Cores.Server, c.Nice, c.Env); err != nil {
		return b, err
	}
	spec := load.Spec{Addr: b.server.Addr, Size: p.Size, Pipeline: p.Pipeline}
	if b.load, err = load.Start(spec, c.Cores.Load, c.Nice); err != nil {
		return b, err
	}
	return b, b.load.Open(p.Conns)
}

// end ends both. After an error both are killed, and the error says what the
// server had to say.
func (b *bench) end(err error) error {
	if b.load != nil && err == nil {
		err = b.load.Stop()
	} else if b.load != nil {
		b.load.Kill()
	}
	if b.server == nil {
		return err
	}
	if err == nil {
		return b.server.Stop()
	}
	if ended := b.server.Err(); ended != nil {
		err = fmt.Errorf("%w\nserver: %w", err, ended)
	} else if said := b.server.Stderr(); said != "" {
		err = fmt.Errorf("%w\nserver: %s", err, said)
	}
	return errors.Join(err, b.server.Kill())
}

// measure adds one window to the sum: load, a warm-up, the window, and then
// every byte is waited for. A window that other programs disturbed is measured
// again while retries are left; the last of them counts as it is.
func (b *bench) measure(ctx context.Context, c *Config) error {
	if err := b.load.Run(); err != nil {
		return err
	}
	if err := b.warm(ctx, c.Warmup); err != nil {
		return err
	}
	for ctx.Err() == nil {
		w, err := b.window(ctx, c.Slice)
		if err != nil {
			return err
		}
		if w.disturbed() <= c.Quiet || b.retries == c.Retries {
			b.sum.add(w)
			break
		}
		b.retries++
	}
	b.sum.retries = b.retries
	return b.load.Finish()
}

// warmMessages is how many messages every connection has exchanged, on average,
// before a window begins. What a connection sends first after a pause costs more:
// its memory has left the caches while other servers had their turn, and TCP
// acknowledges at once, in packets of their own, what comes after an idle time
// (tcp_quickack, see TCP_QUICKACK in tcp(7)).
const warmMessages = 64

// warm waits for the load to be in its stride, for at least the time least. A time alone
// would leave many connections cold, and a server that is slow to answer a
// question about itself warmer than the others.
func (b *bench) warm(ctx context.Context, least time.Duration) error {
	from := b.load.Messages.Load()
	begun := time.Now()
	harness.Sleep(ctx, least)
	for b.load.Messages.Load()-from < warmMessages*uint64(b.conns) && ctx.Err() == nil {
		if b.load.Failed.Load() != 0 {
			return b.load.Finish()
		}
		if time.Since(begun) > warmLimit {
			return fmt.Errorf("no %d messages per connection within %v", warmMessages, warmLimit)
		}
		harness.Sleep(ctx, 10*time.Millisecond)
	}
	return nil
}

// warmLimit is far more than the slowest server needs for that.
const warmLimit = time.Minute

func (b *bench) window(ctx context.Context, length time.Duration) (w window, err error) {
	markA, err := b.server.Mark()
	if err != nil {
		return w, err
	}
	from, err := b.snapshot()
	if err != nil {
		return w, err
	}
	harness.Sleep(ctx, length)
	to, err := b.snapshot()
	for err == nil && b.idle(ctx, from, to) {
		harness.Sleep(ctx, length)
		to, err = b.snapshot()
	}
	if err != nil {
		return w, err
	}
	markB, err := b.server.Mark()
	if err != nil {
		return w, err
	}
	if b.load.Failed.Load() != 0 {
		return w, b.load.Finish()
	}
	w = between(from, to)
	if w.messages == 0 {
		return w, fmt.Errorf("no message came back within %v", w.wall)
	}
	w.counted = !b.server.Mute()
	w.mallocs = markB.Mallocs - markA.Mallocs
	w.user = time.Duration(markB.UserNS - markA.UserNS)
	w.sys = time.Duration(markB.SysNS - markA.SysNS)
	return w, nil
}

// patience is how long a window may go on without a message before that is a
// failure: on a busy machine nobody may have had his turn in a short one.
const patience = 5 * time.Second

// idle tells whether the window between from and to should go on, because
// nothing came back in it and nothing has failed.
func (b *bench) idle(ctx context.Context, from, to snapshot) bool {
	return to.messages == from.messages && b.load.Failed.Load() == 0 && ctx.Err() == nil && to.at.Sub(from.at) < patience
}

// snapshot is what is read at both ends of a window.
type snapshot struct {
	at             time.Time
	messages       uint64
	server, load   time.Duration // processor time
	idle           time.Duration // of load, spent looking for something to do
	serverT, loadT child.Threads
}

func (b *bench) snapshot() (s snapshot, err error) {
	// The threads need many file reads; what the result is made of is read together
	// and last.
	if s.serverT, err = b.server.Threads(); err != nil {
		return s, err
	}
	if s.loadT, err = b.load.Threads(); err != nil {
		return s, err
	}
	if s.load, err = b.load.CPUTime(); err != nil {
		return s, err
	}
	s.at = time.Now()
	s.messages = b.load.Messages.Load()
	s.idle = time.Duration(b.load.Idle.Load())
	s.server, err = b.server.CPUTime()
	return s, err
}

// between turns the two ends of a window into what happened in it.
func between(from, to snapshot) window {
	return window{
		wall:     to.at.Sub(from.at),
		messages: to.messages - from.messages,
		server:   to.server - from.server,
		load:     max(0, to.load-from.load-(to.idle-from.idle)),
		waited:   to.serverT.Waited(from.serverT) + to.loadT.Waited(from.loadT),
	}
}
