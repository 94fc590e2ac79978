//go:build unix && faultinject

package loop_test

// What an engine makes, with its k-th system call failing: engines, listeners, dials.

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/loop"
)

func TestNewWithEachCallFailing(t *testing.T) {
	eachCall(t, func(*testing.T) error {
		e, err := loop.New(loop.Config{Loops: 3})
		if err == nil {
			err = e.Close()
		}
		return err
	}, "loop")
}

func TestListenWithEachCallFailing(t *testing.T) {
	for _, balance := range []loop.Balance{loop.RoundRobin, loop.ReusePort} {
		t.Run(balance.String(), func(t *testing.T) {
			r := newRig(t, loop.Config{Loops: 2})
			eachCall(t, func(t *testing.T) error {
				ln, err := r.engine.Listen(loop.ListenConfig{Balance: balance}, "tcp", "127.0.0.1:0", r.always(hooks{}))
				if err != nil {
					return err
				}
				ln.Close()
				for _, l := range r.engine.Loops() {
					turn(t, l)
				}
				return nil
			}, "listen", "127.0.0.1:")
		})
	}
	t.Run("unix", func(t *testing.T) {
		r := newRig(t, loop.Config{Loops: 1})
		dir := socketPath(t)
		n := 0
		eachCall(t, func(t *testing.T) error {
			n++ // where removing a file fails, it stays
			ln, err := r.engine.Listen(loop.ListenConfig{}, "unix", fmt.Sprint(dir, n), r.always(hooks{}))
			if err != nil {
				return err
			}
			ln.Close()
			turn(t, r.engine.Loops()[0])
			return nil
		}, "listen", dir)
	})
}

// A listener whose registration fails tries again: it was promised to accept.
func TestListenerRegistrationIsTriedAgain(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	_, remove := kth(t, 1, sys.CallEpollCtl)
	ln := r.listen(r.always(hooks{data: echo}))
	r.dial(ln).echoes()
	remove()
}

func TestDialWithEachCallFailing(t *testing.T) {
	onEachNetwork(t, func(t *testing.T, listen func(*rig, loop.Protocol) *loop.Listener) {
		// The listener is another engine's process in effect: only this engine's
		// calls are to fail, so accepting is package net's.
		network, addr := "tcp", "127.0.0.1:0"
		if strings.HasSuffix(t.Name(), "unix") {
			network, addr = "unix", socketPath(t)
		}
		ln, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		accepted := make(chan net.Conn, 1)
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					close(accepted)
					return
				}
				nc.Close()
			}
		}()
		r := newRig(t, loop.Config{Loops: 1, MaxConns: 1}) // a place that is not given back is missed
		eachCall(t, func(t *testing.T) error {
			out := take(t, "the outcome", r.dialing(context.Background(), loop.DialConfig{}, network, ln.Addr().String(), r.always(hooks{})))
			until(t, "the connection is gone", func() bool { return r.engine.Stats().Conns == 0 })
			return out.err
		}, "dial", ln.Addr().String())
		ln.Close()
		for range accepted {
		}
	})
}
