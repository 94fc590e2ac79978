//go:build unix

package frame_test

// What a frame costs on a real connection: no allocation.

import (
	"io"
	"runtime"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// allocated is how many allocations the process makes in some rounds, after others
// in which everything reaches its size.
func allocated(rounds int, round func()) uint64 {
	for range 200 {
		round()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range rounds {
		round()
	}
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// Frames that come alone, many at once, and in pieces are answered without an
// allocation.
func TestFramesOnConnectionsAllocateNothing(t *testing.T) {
	const rounds = 1000
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			var out []byte
			p := serve(t, loop.Config{}, frame.Protocol(f.split, func(c *loop.Conn, got []byte) (err error) {
				if out, err = f.append(out[:0], got); err != nil {
					return err
				}
				_, err = c.Write(out)
				return err
			}))
			one, err := f.append(nil, f.frame(64))
			if err != nil {
				t.Fatal(err)
			}
			var many []byte
			for range 300 {
				many = append(many, one...)
			}
			back := make([]byte, len(many))
			expect := func(n int) {
				if _, err := io.ReadFull(p, back[:n]); err != nil {
					t.Fatal(err)
				}
			}
			write := func(in []byte) {
				if _, err := p.Write(in); err != nil {
					t.Fatal(err)
				}
			}
			if n := allocated(rounds, func() {
				write(one)
				expect(len(one))
				write(one[:3])
				write(one[3:])
				expect(len(one))
			}); n > rounds/50 {
				t.Errorf("%d allocations in %d rounds", n, rounds)
			}
			if n := allocated(rounds/10, func() {
				write(many)
				expect(len(many))
			}); n > rounds/50 {
				t.Errorf("%d allocations in %d rounds of many", n, rounds/10)
			}
		})
	}
}
