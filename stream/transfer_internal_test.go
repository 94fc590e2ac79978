package stream

// What a Read and a Write cost above the bare system call.

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

func BenchmarkPair(b *testing.B) {
	x, y, err := Pair()
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	defer y.Close()
	p := make([]byte, 64)
	b.Run("Stream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if n, err := x.Write(p); n != len(p) || err != nil {
				b.Fatal(n, err)
			}
			if n, err := y.Read(p); n != len(p) || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("sys", func(b *testing.B) {
		b.ReportAllocs()
		from, to := x.FD(), y.FD()
		for b.Loop() {
			if n, e := sys.Send(from, p); n != len(p) || e != 0 {
				b.Fatal(n, e)
			}
			if n, e := sys.Recv(to, p); n != len(p) || e != 0 {
				b.Fatal(n, e)
			}
		}
	})
}
