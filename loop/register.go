package loop

// Raw readiness: the layer that Conn is built on, for descriptors of any kind.

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/poller"
)

// Registration is a descriptor whose readiness a loop reports to a function.
// Its methods belong to the loop's goroutine. The zero Registration is closed.
type Registration struct {
	loop *Loop
	fd   int
	slot uint32
	f    func(poller.Event)
	held bool // not closed
}

// Register calls f on the loop's goroutine whenever fd is ready for interest,
// level-triggered unless interest says otherwise (see package poller). The
// descriptor stays the caller's, who must Close the registration before closing
// the descriptor. A panic of f is logged and closes the registration; so does
// the end of the loop. Loop goroutine only. The errors are those of
// [poller.Poller.Add], and os.ErrInvalid for a nil f.
func (l *Loop) Register(fd int, interest poller.Interest, f func(poller.Event)) (*Registration, error) {
	if f == nil {
		return nil, fmt.Errorf("loop: register fd %d: nil function: %w", fd, os.ErrInvalid)
	}
	if l.stopping {
		return nil, fmt.Errorf("loop: register fd %d: %w", fd, net.ErrClosed)
	}
	r := &Registration{loop: l, fd: fd, f: f, held: true}
	r.slot = l.slots.add(r)
	if err := l.poller.Add(fd, interest, l.slots.token(r.slot)); err != nil {
		l.slots.remove(r.slot)
		return nil, err
	}
	return r, nil
}

// Modify replaces the interest; a one-shot registration is armed again. What the last wait
// has reported for the old interest may still be delivered in this turn. The errors are
// net.ErrClosed after Close, and those of [poller.Poller.Modify].
func (r *Registration) Modify(interest poller.Interest) error {
	if !r.held {
		return fmt.Errorf("loop: modify fd %d: %w", r.fd, net.ErrClosed)
	}
	return r.loop.poller.Modify(r.fd, interest, r.loop.slots.token(r.slot))
}

// Close ends the registration: f is not called again, not even for events of
// this turn. A second Close returns net.ErrClosed. Other errors are the kernel's,
// such as fs.ErrNotExist and EBADF for a descriptor that was closed before; f is not
// called again all the same.
func (r *Registration) Close() error {
	if !r.held {
		return fmt.Errorf("loop: close registration of fd %d: %w", r.fd, net.ErrClosed)
	}
	r.held = false
	return r.deregister()
}

// deregister keeps the slot where the kernel keeps the registration: the next event
// then tries again, and finds nobody else.
func (r *Registration) deregister() error {
	err := r.loop.poller.Delete(r.fd)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, sys.EBADF) {
		r.loop.slots.remove(r.slot)
	}
	return err
}

func (r *Registration) ready(ready poller.Ready) {
	if !r.held {
		_ = r.deregister()
		return
	}
	r.loop.culprit = r
	r.f(poller.Event{Token: r.loop.slots.token(r.slot), Ready: ready})
	r.loop.culprit = nil
}

func (r *Registration) stop(error) {
	// Closing fails only if the user closed it, or the descriptor, before.
	_ = r.Close()
	// What the kernel keeps goes with the poller: no event comes to try again.
	if l := r.loop; l.stopping && l.slots.at(r.slot).source == source(r) {
		l.slots.remove(r.slot)
	}
}
