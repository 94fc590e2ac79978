//go:build unix

package loop

// The end of a loop takes each source once, however many callbacks panic meanwhile
// (hazard 27).

import (
	"context"
	"testing"

	"github.com/eddyline/eddyline/poller"
)

// visited is a source that counts how often the end comes by.
type visited struct {
	loop          *Loop
	slot          uint32
	drains, stops int
}

func (v *visited) ready(poller.Ready) {}
func (v *visited) drain()             { v.drains++ }

// stop leaves the loop once all connections have.
func (v *visited) stop(error) {
	if v.stops++; v.loop.conns.Load() == 0 {
		v.loop.slots.remove(v.slot)
	}
}

// panicking panics when it is asked to finish, and at the end.
type panicking struct{ HandlerFunc }

func (panicking) OnShutdown(*Conn)     { panic("OnShutdown") }
func (panicking) OnClose(*Conn, error) { panic("OnClose") }

func TestTheEndIsLinearInItsConnections(t *testing.T) {
	const conns = 100
	for name, end := range map[string]func(e *Engine) error{
		"Close":    (*Engine).Close,
		"Shutdown": func(e *Engine) error { return e.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			l, ln := running(t, Config{}, func(*Conn) Handler { return panicking{echoing} })
			v := &visited{loop: l}
			on(t, l, func() { v.slot = l.slots.add(v) }) // before the others
			for range conns {
				expectEcho(t, dialed(t, ln))
			}
			if err := end(l.engine); err != nil {
				t.Error(err)
			}
			<-l.engine.ended
			if v.stops < 1 || v.stops > 5 {
				t.Errorf("%d looks at all sources", v.stops)
			}
			if name == "Shutdown" && v.drains != 1 {
				t.Errorf("it is asked %d times to finish", v.drains)
			}
		})
	}
}
