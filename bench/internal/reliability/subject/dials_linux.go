package subject

// Connections that the server makes itself, many at once, and how each dial ended.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
)

var errCalledOff = errors.New(CalledOff)

// dials begins as many as it is asked to, and forgets how earlier ones ended.
func (g *engine) dials(arg []byte) error {
	d, err := decode[Dials](arg)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.ended = Dialed{Outcomes: map[string]int{}, Soonest: map[string]time.Duration{}}
	g.mu.Unlock()
	for range d.Count {
		if err := g.dialOnce(d); err != nil {
			return err
		}
	}
	return nil
}

func calledOffAfter(d time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(d, func() { cancel(errCalledOff) })
	return ctx
}

// dialOnce begins one of them.
func (g *engine) dialOnce(d Dials) error {
	began := time.Now()
	ctx := context.Background()
	if d.CallOff > 0 {
		ctx = calledOffAfter(d.CallOff)
	}
	made, ended := false, false // the loop's
	protocol := func(c *loop.Conn) loop.Handler {
		made = true
		return g.handler(c)
	}
	cfg := loop.DialConfig{Timeout: d.Timeout, AttemptDelay: d.Delay}
	return g.e.Dial(ctx, cfg, "tcp", d.To, protocol, func(c *loop.Conn, err error) {
		if ended {
			g.wrong("done of a dial came again, with %v", err)
		}
		if ended = true; made != (err == nil) || made != (c != nil) {
			g.wrong("done of a dial heard %v, %v; a handler was made: %v", c, err, made)
		}
		g.note(outcome(err), time.Since(began))
	})
}

// note notes how a dial ended.
func (g *engine) note(outcome string, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if soonest, known := g.ended.Soonest[outcome]; !known || took < soonest {
		g.ended.Soonest[outcome] = took
	}
	g.ended.Outcomes[outcome]++
}

// dialed tells how those ended that were asked for last.
func (g *engine) dialed() Dialed {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Dialed{maps.Clone(g.ended.Outcomes), maps.Clone(g.ended.Soonest)}
}

// outcome names what done of a dial heard: an errno, where there is one.
func outcome(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return Connected
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Deadline
	case errors.Is(err, errCalledOff):
		return CalledOff
	case errors.Is(err, net.ErrClosed):
		return Closed
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return fmt.Sprint(err)
}
