//go:build linux

package loop

// The listeners of a simulated run, which come and go as it goes on.

import (
	"errors"
	"fmt"
	"net"

	"github.com/eddyline/eddyline/internal/sys"
)

// The fronts: a listener for TCP, and one on a unix path.
const (
	simTCP = iota
	simLocal
	simFronts
)

// listen begins to accept at one of the fronts, each time somewhere else.
func (w *simWorld) listen(front int) (*Listener, error) {
	rng := w.o.rng(7 + uint64(front))
	cfg := ListenConfig{Balance: w.o.balance(), KeepDelay: rng.IntN(2) == 0}
	if rng.IntN(2) == 0 && w.may(simCrowds) {
		cfg.Options.Backlog = 1 + rng.IntN(2)
	}
	if front == simTCP {
		return w.engine.Listen(cfg, "tcp", "127.0.0.1:0", w.accepted)
	}
	if cfg.Balance == ReusePort {
		cfg.Balance = RoundRobin
	}
	return w.engine.Listen(cfg, "unix", fmt.Sprint(simPath, len(w.sockets)), w.accepted)
}

// open is listen for the front's next listener.
func (w *simWorld) open(front int) error {
	ln, err := w.listen(front)
	if err != nil {
		return err
	}
	w.tell("listening at %v", ln.Addr())
	w.listeners[front] = ln
	w.sockets = append(w.sockets, ln.sockets...)
	return nil
}

// relist closes a listener, as any goroutine may at any time, and puts another in its place.
func (w *simWorld) relist(front int) {
	old := w.listeners[front]
	if !old.closed.Load() {
		w.tell("Close of the listener at %v", old.Addr())
		if err := old.Close(); err != nil {
			w.fail("Close of a listener: %v", err)
		}
	}
	if err := old.Close(); !errors.Is(err, net.ErrClosed) {
		w.fail("C8: Close of a listener that is closed: %v", err)
	}
	if err := w.open(front); err != nil && !errors.Is(err, sys.EMFILE) {
		w.fail("Listen: %v", err)
	}
}
