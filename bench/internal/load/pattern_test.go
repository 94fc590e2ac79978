package load

import (
	"bytes"
	"testing"
)

func TestStreamRepeatsWithoutASeam(t *testing.T) {
	if period%stride == 0 || period%2 == 0 {
		t.Fatal("starts of connections would coincide")
	}
	var long []byte
	for at := uint32(0); len(long) < 3*period; at = advance(at, 1000) {
		long = append(long, piece(at, 1000)...)
	}
	for i := period; i < len(long); i++ {
		if long[i] != long[i-period] {
			t.Fatalf("byte %d is not the one a period before", i)
		}
	}
	for _, at := range []uint32{0, 1, period - 1} {
		if p := piece(at, maxStep); !bytes.Equal(p[:1000], long[at:at+1000]) || len(p) != maxStep {
			t.Errorf("the longest piece at %d is not the stream's", at)
		}
	}
}

func TestConnectionsDoNotShareStreams(t *testing.T) {
	seen := map[uint32]int{}
	for i := range 20_000 {
		at := origin(i)
		if other, ok := seen[at]; ok {
			t.Fatalf("connections %d and %d begin at the same place", other, i)
		}
		seen[at] = i
	}
}
