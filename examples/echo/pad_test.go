package main

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sentOn returns an account on which n bytes were sent, with a copy of them.
func sentOn(p pad, start int64, n int) (*account, []byte) {
	a := &account{pad: p, start: start}
	var sent []byte
	for n > 0 {
		size := min(n, maxMessage)
		sent = append(sent, a.next(size)...)
		n -= size
	}
	return a, sent
}

func TestAccountTakesWhatWasSentInPiecesOfAnySize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	p := newPad()
	for round := range 100 {
		// Beginning near the end of the pad, some messages wrap around.
		a, sent := sentOn(p, padPeriod-random.Int64N(2*maxMessage), 1+random.IntN(maxMessage))
		for len(sent) > 0 {
			n := 1 + random.IntN(len(sent))
			if err := a.enter(sent[:n]); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			sent = sent[n:]
		}
		if a.missing() != 0 {
			t.Fatalf("round %d: %d bytes are missing after all came back", round, a.missing())
		}
	}
}

func TestAccountSeesEveryByteThatIsWrong(t *testing.T) {
	p := newPad()
	for _, at := range []int{0, 1, 4999, 9998, 9999} {
		a, back := sentOn(p, 17, 10_000)
		back[at] ^= 1
		err := a.enter(back)
		if err == nil || !strings.Contains(err.Error(), "at offset "+strconv.Itoa(at)+" ") {
			t.Errorf("byte %d is wrong: %v", at, err)
		}
	}
}

func TestAccountNamesOffsetsOfTheWholeConnection(t *testing.T) {
	a, back := sentOn(newPad(), 0, maxMessage)
	if err := a.enter(back); err != nil {
		t.Fatal(err)
	}
	second := bytes.Clone(a.next(100))
	second[5] ^= 0xff
	if err := a.enter(second); err == nil || !strings.Contains(err.Error(), "offset 65541 ") {
		t.Errorf("byte 5 of the second message, after 65536, is wrong: %v", err)
	}
}

func TestAccountSeesBytesMissingExtraAndOutOfOrder(t *testing.T) {
	p := newPad()
	const n = 10_000
	for name, change := range map[string]func([]byte) []byte{
		"a byte is missing":         func(b []byte) []byte { return slices.Delete(b, 700, 701) },
		"a segment is missing":      func(b []byte) []byte { return slices.Delete(b, 700, 2148) },
		"the last byte is missing":  func(b []byte) []byte { return b[:n-1] },
		"all is missing":            func(b []byte) []byte { return nil },
		"a byte comes twice":        func(b []byte) []byte { return slices.Insert(b, 700, b[700]) },
		"a segment comes twice":     func(b []byte) []byte { return slices.Insert(b, 700, b[700:2148]...) },
		"one byte too much":         func(b []byte) []byte { return append(b, 0) },
		"the whole comes twice":     func(b []byte) []byte { return append(b, b...) },
		"two bytes changed places":  func(b []byte) []byte { b[700], b[701] = b[701], b[700]; return b },
		"two halves changed places": func(b []byte) []byte { return append(b[n/2:], b[:n/2]...) },
		"zeros":                     func(b []byte) []byte { clear(b); return b },
		"another connection's": func([]byte) []byte {
			_, other := sentOn(p, 18, n)
			return other
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, back := sentOn(p, 17, n)
			back = change(back)
			for _, piece := range [][]byte{back[:len(back)/3], back[len(back)/3:]} {
				if a.enter(piece) != nil {
					return
				}
			}
			if a.missing() == 0 {
				t.Error("not noticed")
			}
		})
	}
}

func TestSizesGoFromOneByteToTheWholeWithAllPowersEquallyLikely(t *testing.T) {
	const draws = 17_000
	s := sizes{*rand.NewPCG(1, 2)}
	var octaves [17]int
	least, most := maxMessage, 1
	for range draws {
		n := s.next()
		if n < 1 || n > maxMessage {
			t.Fatalf("a message of %d bytes", n)
		}
		octaves[bits.Len(uint(n))-1]++
		least, most = min(least, n), max(most, n)
	}
	if least != 1 || most != maxMessage {
		t.Errorf("sizes from %d to %d, want 1 to %d", least, most, maxMessage)
	}
	for i, n := range octaves {
		if n < draws/17/2 || n > draws/17*2 {
			t.Errorf("sizes from %d on came %d times of %d, want about one in 17", 1<<i, n, draws)
		}
	}
}
