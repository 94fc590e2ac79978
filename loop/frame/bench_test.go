package frame_test

// What a frame costs: finding it and calling for it, in a buffer that is full of
// them, as an engine does it. Beside each format bufio.Scanner for a yardstick, on
// lines.

import (
	"bufio"
	"bytes"
	"fmt"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// received is how much a loop receives at once.
const received = 64 << 10

// sizes are those of the frames to be measured.
var sizes = []int{16, 64, 1 << 10, 32 << 10}

// full returns a buffer full of frames of n bytes, and how many they are.
func full(b *testing.B, f format, n int) (in []byte, frames int) {
	b.Helper()
	for {
		more, err := f.append(in, f.frame(n))
		if err != nil {
			b.Fatal(err)
		}
		if len(more) > received {
			return in, frames
		}
		in = more
		frames++
	}
}

func BenchmarkSplit(b *testing.B) {
	for _, f := range formats() {
		for _, n := range sizes {
			if f.size != 0 && f.size != n {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", f.name, n), func(b *testing.B) {
				in, frames := full(b, f, n)
				got := 0
				var h loop.Handler = frame.New(f.split, func(*loop.Conn, []byte) error { got++; return nil })
				rounds := 0
				b.ReportAllocs()
				for b.Loop() {
					rounds++
					for rest := in; len(rest) > 0; {
						k, err := h.OnData(nil, rest)
						if k == 0 || err != nil {
							b.Fatal(k, err)
						}
						rest = rest[k:]
					}
				}
				perFrame(b, got, rounds*frames)
			})
		}
	}
}

func BenchmarkScanner(b *testing.B) {
	line := formats()[0]
	for _, n := range sizes {
		b.Run(fmt.Sprintf("Line/%d", n), func(b *testing.B) {
			in, frames := full(b, line, n)
			got, rounds := 0, 0
			buf := make([]byte, received)
			b.ReportAllocs()
			for b.Loop() {
				rounds++
				s := bufio.NewScanner(bytes.NewReader(in))
				s.Buffer(buf, received)
				for s.Scan() {
					got++
				}
			}
			perFrame(b, got, rounds*frames)
		})
	}
}

// BenchmarkSlowFrame is a frame that comes in pieces of 100 bytes: the price of a
// piece must not grow with what came before.
func BenchmarkSlowFrame(b *testing.B) {
	for _, f := range formats() {
		for _, n := range []int{10_000, 100_000} {
			if f.size != 0 {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", f.name, n), func(b *testing.B) {
				in, err := f.append(nil, f.frame(n))
				if err != nil {
					b.Fatal(err)
				}
				got, pieces := 0, 0
				h := frame.New(f.split, func(*loop.Conn, []byte) error { got++; return nil })
				rounds := 0
				for b.Loop() {
					rounds++
					for k := 0; k < len(in); pieces++ {
						k = min(k+100, len(in))
						if _, err := h.OnData(nil, in[:k]); err != nil {
							b.Fatal(err)
						}
					}
				}
				if got != rounds {
					b.Fatalf("%d frames, want %d", got, rounds)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(pieces), "ns/piece")
			})
		}
	}
}

// perFrame reports what one of got frames took, of which there must be want.
func perFrame(b *testing.B, got, want int) {
	b.Helper()
	if got != want {
		b.Fatalf("%d frames, want %d", got, want)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(got), "ns/frame")
	b.ReportMetric(0, "ns/op")
}
