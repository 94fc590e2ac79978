//go:build unix

package frame_test

// Random frames on real connections whose handler does random things between them.

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// restless returns a handler that sends every frame back and then, now and then,
// pauses for a task's time, or gives way to another of its kind.
func restless(f format, random *rand.Rand) *frame.Handler {
	return frame.New(f.split, func(c *loop.Conn, got []byte) error {
		out, err := f.append(nil, got)
		if err != nil {
			return err
		}
		switch random.IntN(8) {
		case 0:
			c.Pause()
			if err := c.Ref().Do((*loop.Conn).Resume); err != nil {
				return err
			}
		case 1:
			c.SetHandler(restless(f, random))
		case 2:
			c.Pause()
			c.SetHandler(restless(f, random))
			c.Resume()
		}
		_, err = c.Write(out)
		return err
	})
}

var (
	randomSeed = flag.Uint64("random.seed", 0, "first seed of the random connections")
	randomRuns = flag.Uint64("random.runs", 6, "how many seeds there are of them, for each format")
)

func TestRandomConnections(t *testing.T) {
	for _, f := range formats() {
		for seed := *randomSeed; seed < *randomSeed+*randomRuns; seed++ {
			t.Run(fmt.Sprintf("%s/%d", f.name, seed), func(t *testing.T) {
				defer func() {
					if t.Failed() {
						t.Logf("again with -random.seed %d -random.runs 1", seed)
					}
				}()
				random := rand.New(rand.NewPCG(seed, 1))
				var in []byte
				for range 300 {
					out, err := f.append(in, f.frame(9+random.IntN(1<<random.IntN(14))))
					if err != nil {
						t.Fatal(err)
					}
					in = out
				}
				pieces := rand.New(rand.NewPCG(seed, 2))
				// A small buffer cuts the input wherever its size says.
				p := serve(t, loop.Config{ReadBuffer: 1 + random.IntN(300), HighMark: 1000, LowMark: 10},
					func(*loop.Conn) loop.Handler { return restless(f, random) })
				sent := make(chan error, 1)
				go func() {
					for rest := in; len(rest) > 0; {
						n := min(len(rest), 1+pieces.IntN(1<<pieces.IntN(16)))
						if _, err := p.Write(rest[:n]); err != nil {
							sent <- err
							return
						}
						rest = rest[n:]
					}
					sent <- p.CloseWrite()
				}()
				got, err := io.ReadAll(p)
				if err != nil || !bytes.Equal(got, in) {
					t.Errorf("%d bytes came back of %d, %v", len(got), len(in), err)
				}
				if err := take(t, "the end of sending", sent); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
