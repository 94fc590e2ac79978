package client

import (
	"strings"
	"testing"
)

func TestADatagramIsKnownByItsContents(t *testing.T) {
	const size, index, number = 100, 70_000, 1<<39 + 5
	p := make([]byte, size)
	fillDatagram(p, index, number)
	if n, err := readDatagram(p, index, size); err != nil || n != number {
		t.Errorf("number %d, %v", n, err)
	}
	for name, tt := range map[string]struct {
		spoil func(p []byte) []byte
		want  string
	}{
		"short":              {func(p []byte) []byte { return p[:99] }, "came back with 99"},
		"long":               {func(p []byte) []byte { return append(p, 0) }, "came back with 101"},
		"empty":              {func(p []byte) []byte { return nil }, "came back with 0"},
		"its last byte":      {func(p []byte) []byte { p[99]++; return p }, "byte 99 of 100 is wrong"},
		"another connection": {func(p []byte) []byte { fillDatagram(p, 3, number); return p }, "of connection 3"},
		"another's contents": {func(p []byte) []byte {
			q := make([]byte, size)
			fillDatagram(q, index, 6)
			copy(p[stamp:], q[stamp:])
			return p
		}, "byte 8 of 100 is wrong"},
		"another of the same": {func(p []byte) []byte { p[7]++; return p }, "is wrong"},
	} {
		fillDatagram(p, index, number)
		if _, err := readDatagram(tt.spoil(p[:size:size]), index, size); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

func TestTheSmallestDatagramIsAllStamp(t *testing.T) {
	p := make([]byte, stamp)
	fillDatagram(p, 1, 2)
	if n, err := readDatagram(p, 1, stamp); err != nil || n != 2 {
		t.Errorf("number %d, %v", n, err)
	}
}

func TestEveryReplyLandsOnce(t *testing.T) {
	f := newFlights(2)
	first, second := f.leave(&f.places[0], 1, 1), f.leave(&f.places[1], 2, 2)
	if p, awaited, err := f.land(second); err != nil || !awaited || p.due != 2 || f.n != 1 {
		t.Errorf("the second: due %d, awaited %v, %v; %d are left", p.due, awaited, err, f.n)
	}
	if _, _, err := f.land(second); err == nil {
		t.Error("the second came twice, and nobody noticed")
	}
	if _, _, err := f.land(7); err == nil {
		t.Error("one came that was never sent, and nobody noticed")
	}
	again := f.leave(&f.places[1], 3, 3)
	if again == second || again == first {
		t.Errorf("the number %d is given twice", again)
	}
}

func TestWhatWasGivenUpMayStillComeOnce(t *testing.T) {
	f := newFlights(1)
	lost := f.leave(&f.places[0], 1, 1)
	f.giveUp(&f.places[0])
	if f.n != 0 {
		t.Errorf("%d are under way after the only one was given up", f.n)
	}
	again := f.leave(&f.places[0], 1, 9)
	if _, awaited, err := f.land(lost); err != nil || awaited || f.n != 1 {
		t.Errorf("what was given up: awaited %v, %v; %d are under way", awaited, err, f.n)
	}
	if _, _, err := f.land(lost); err == nil {
		t.Error("what was given up came twice, and nobody noticed")
	}
	if p, awaited, err := f.land(again); err != nil || !awaited || p.due != 1 {
		t.Errorf("what was sent instead: awaited %v, %v", awaited, err)
	}
}
