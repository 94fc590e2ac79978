package subject

// The handlers of this engine's server that tell resets apart from other ends.

import (
	"errors"
	"slices"
	"syscall"

	"github.com/eddyline/eddyline/loop"
)

// handler is what protocol makes, or an echo with more to it.
func (g *engine) handler(c *loop.Conn) loop.Handler {
	h := g.protocol(c)
	s, echoes := h.(*session)
	if echoes && g.cfg.Protocol == Resets {
		return &resets{s}
	}
	return h
}

// resets makes one cause of all resets: each error of the engine names its peer.
type resets struct{ *session }

var errReset = errors.New(Reset)

func (s *resets) OnClose(c *loop.Conn, err error) {
	if slices.ContainsFunc([]error{syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE}, func(e error) bool { return errors.Is(err, e) }) {
		err = errReset
	}
	s.session.OnClose(c, err)
}
