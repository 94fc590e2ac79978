package subject

// The handlers of this engine's server that tell resets apart from other ends, and
// those that end one another.

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/eddyline/eddyline/loop"
)

// handler is what protocol makes, or an echo with more to it.
func (g *engine) handler(c *loop.Conn) loop.Handler {
	h := g.protocol(c)
	s, echoes := h.(*session)
	switch {
	case echoes && g.cfg.Protocol == Resets:
		return &resets{s}
	case echoes && g.cfg.Protocol == Answers:
		return &answers{&resets{s}}
	case echoes && g.cfg.Protocol == Rivals:
		return g.rival(c, s)
	}
	return h
}

// resets makes one cause of all resets: each error of the engine names its peer.
type resets struct{ *session }

var errReset = errors.New(Reset)

func (s *resets) OnClose(c *loop.Conn, err error) {
	if wasReset(err) {
		err = errReset
	}
	s.session.OnClose(c, err)
}

func wasReset(err error) bool {
	return slices.ContainsFunc([]error{syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE}, func(e error) bool { return errors.Is(err, e) })
}

// answers goes on when its peer has ended its output.
type answers struct{ *resets }

func (s *answers) OnEOF(c *loop.Conn) {
	defer s.enter("OnEOF")()
	if err := reply(c); err != nil && !wasReset(err) {
		s.g.wrong("the answer: %v", err)
	}
}

// rivals are the connections of a server of Rivals.
type rivals struct {
	byPeer map[string]*rival // guarded by mu
	struck int               // have been ended and not heard OnClose, which follows in the same turn; the loop's
}

// rival echoes, and ends another connection where it was told to.
type rival struct {
	*session
	conn   *loop.Conn
	peer   string
	ends   *rival // at the next input; guarded by mu
	struck bool
}

func (g *engine) rival(c *loop.Conn, s *session) *rival {
	r := &rival{session: s, conn: c, peer: c.RemoteAddr().String()}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rivals.byPeer == nil {
		g.rivals.byPeer = map[string]*rival{}
	}
	g.rivals.byPeer[r.peer] = r
	if g.rivals.struck > 0 {
		g.seen.Within = append(g.seen.Within, r.peer)
	}
	return r
}

// strike takes pairs of peers: the next input of the first ends the second's
// connection.
func (g *engine) strike(arg []byte) error {
	pairs, err := decode[map[string]string](arg)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen.Within = nil // their ports may be had again
	for by, whom := range pairs {
		r, there := g.rivals.byPeer[by]
		if !there {
			return fmt.Errorf("no connection of %s", by)
		}
		r.ends = g.rivals.byPeer[whom]
	}
	return nil
}

func (r *rival) OnData(c *loop.Conn, in []byte) (int, error) {
	if r.struck {
		r.g.wrong("OnData after another connection's callback has called Abort")
	}
	r.g.mu.Lock()
	other := r.ends
	r.ends = nil
	r.g.mu.Unlock()
	if other != nil {
		other.struck = true
		r.g.rivals.struck++
		other.conn.Abort()
	}
	return r.session.OnData(c, in)
}

func (r *rival) OnClose(c *loop.Conn, err error) {
	if r.struck {
		r.g.rivals.struck--
	}
	r.g.mu.Lock()
	delete(r.g.rivals.byPeer, r.peer)
	r.g.mu.Unlock()
	r.session.OnClose(c, err)
}
