//go:build unix

package frame_test

// What one frame per OnData costs on a connection whose peer sends without a pause,
// beside a handler that takes all that has arrived in one OnData.

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// allAtOnce takes every line that has arrived in one call.
func allAtOnce(fn func(c *loop.Conn, line []byte) error) loop.HandlerFunc {
	return func(c *loop.Conn, in []byte) (n int, err error) {
		for {
			i := bytes.IndexByte(in[n:], '\n')
			if i < 0 {
				return n, nil
			}
			if err := fn(c, bytes.TrimSuffix(in[n:n+i], []byte("\r"))); err != nil {
				return n, err
			}
			n += i + 1
		}
	}
}

func BenchmarkConnection(b *testing.B) {
	for _, size := range []int{16, 64, 1 << 10} {
		line := append(bytes.Repeat([]byte{'x'}, size-1), '\n')
		batch := bytes.Repeat(line, 4<<20/size)
		for _, way := range []string{"frame", "all at once"} {
			b.Run(fmt.Sprintf("%s/%d", way, size), func(b *testing.B) {
				got, want := 0, len(batch)/size
				done := make(chan struct{}, 1)
				count := func(*loop.Conn, []byte) error {
					if got++; got%want == 0 {
						done <- struct{}{}
					}
					return nil
				}
				protocol := frame.Protocol(frame.Line{}.Split, count)
				if way != "frame" {
					protocol = allAtOnce(count).Protocol()
				}
				p := serve(b, loop.Config{}, protocol)
				for b.Loop() {
					if _, err := p.Write(batch); err != nil {
						b.Fatal(err)
					}
					take(b, "the last line", done)
				}
				perFrame(b, got, b.N*want)
			})
		}
	}
}
