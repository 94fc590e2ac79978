//go:build unix

package loop_test

// C6 of the contract: only a requested stop ends the engine.

import (
	"context"
	"testing"

	"github.com/eddyline/eddyline/loop"
)

// Run returns nil after every kind of requested stop, and not before.
func TestC6RunEndsOnlyWhenAsked(t *testing.T) {
	stops := map[string]func(e *loop.Engine, cancel func()){
		"Close":    func(e *loop.Engine, _ func()) { e.Close() },
		"context":  func(_ *loop.Engine, cancel func()) { cancel() },
		"Shutdown": func(e *loop.Engine, _ func()) { _ = e.Shutdown(context.Background()) },
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			e, err := loop.New(loop.Config{Loops: 2})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ran := make(chan error, 1)
			go func() { ran <- e.Run(ctx) }()
			ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", loop.HandlerFunc(echo).Protocol())
			if err != nil {
				t.Fatal(err)
			}
			connect(t, ln).echoes()
			select {
			case err := <-ran:
				t.Fatalf("Run returned %v before anybody asked", err)
			default:
			}
			stop(e, cancel)
			if err := take(t, "the end of Run", ran); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

// Connections that are reset while they wait to be accepted, before and after
// they sent something, are nobody else's trouble (hazard 29).
func TestC6ConnectionsThatDieInTheQueue(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	ln := r.listen(r.always(hooks{data: echo}))
	release := hold(t, r.engine.Loops()[0])
	for i := range 20 {
		c := r.dial(ln)
		if i%2 == 0 {
			c.send([]byte("x"))
		}
		c.reset()
	}
	good := r.dial(ln)
	release()
	good.echoes()
}
