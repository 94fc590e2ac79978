package client

import (
	"bytes"
	"strings"
	"testing"
)

func TestPatternRepeatsWithoutASeam(t *testing.T) {
	if echoPeriod%stride == 0 {
		t.Fatal("starts of connections would coincide")
	}
	for _, p := range []*pattern{echoed, repeat([]byte("abc")), repeat(bytes.Repeat([]byte("x1"), maxStep))} {
		var long []byte
		for at := 0; len(long) < 3*p.period; at = p.advance(at, 1000) {
			long = append(long, p.piece(at, 1000)...)
		}
		for i := p.period; i < len(long); i++ {
			if long[i] != long[i-p.period] {
				t.Fatalf("period %d: byte %d is not the one a period before", p.period, i)
			}
		}
		for _, at := range []int{0, 1, p.period - 1} {
			if piece := p.piece(at, maxStep); piece[0] != long[at] || len(piece) != maxStep {
				t.Errorf("period %d: the longest piece at %d is not the pattern's", p.period, at)
			}
		}
	}
}

func TestConnectionsDoNotShareStreams(t *testing.T) {
	seen := map[int]int{}
	for i := range 60_000 {
		at := origin(i)
		if other, ok := seen[at]; ok {
			t.Fatalf("connections %d and %d begin at the same place", other, i)
		}
		seen[at] = i
	}
}

// readIn gives stream to a reader in steps, as if all of it were outstanding.
func readIn(e *exchange, stream []byte, step int) (replies int, err error) {
	r := reader{in: e.in, size: e.inSize}
	for left := stream; len(left) > 0 && err == nil; {
		n := min(step, len(left))
		var k int
		k, err = r.read(bytes.Clone(left[:n]), len(left))
		replies += k
		left = left[n:]
	}
	return replies, err
}

func TestReaderTakesRepliesInAnyPieces(t *testing.T) {
	dated := func(date string) string { return "HTTP/1.1 200 OK\r\nDate: " + date + "\r\n\r\nDate: 1" }
	const dates = 7
	for _, tt := range []struct {
		name, want, got string
		fits            bool
	}{
		{"the same", "+PONG\r\n", "+PONG\r\n", true},
		{"another letter", "+PONG\r\n", "+PING\r\n", false},
		{"another date", dated("Thu, 01"), dated("Fri, 02"), true},
		{"a longer date", dated("Thu, 01"), dated("Fri, 02 "), false},
		{"another body", dated("Thu, 01"), strings.Replace(dated("Thu, 01"), "Date: 1", "Date: 2", 1), false},
		{"a date that is no header", "Date: 1\r\n\r\n", "Date: 2\r\n\r\n", false},
	} {
		e := newFixed(Exchange{[]byte("?"), []byte(tt.want)})
		stream := bytes.Repeat([]byte(tt.got), dates)
		for step := 1; step <= len(stream); step++ {
			replies, err := readIn(e, stream, step)
			if tt.fits && (err != nil || replies != dates) {
				t.Fatalf("%s, in steps of %d: %d replies, error %v", tt.name, step, replies, err)
			}
			if !tt.fits && err == nil {
				t.Fatalf("%s, in steps of %d: no error", tt.name, step)
			}
		}
	}
}

func TestReaderNamesTheByte(t *testing.T) {
	e := newFixed(Exchange{[]byte("?"), []byte("abc")})
	_, err := readIn(e, []byte("abcabcabXabc"), 4)
	if err == nil || err.Error() != "byte 8 of its replies is wrong: want 0x63, got 0x58 (0 bytes into a receive of 4)" {
		t.Errorf("error %v", err)
	}
	r := reader{in: e.in, size: 3, offset: 9}
	if _, err := r.read([]byte("abca"), 3); err == nil || err.Error() != "byte 9 of its replies: 4 bytes came when 3 were outstanding" {
		t.Errorf("error %v", err)
	}
}
