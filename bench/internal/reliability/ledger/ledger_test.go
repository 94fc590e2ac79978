package ledger

import (
	"slices"
	"strings"
	"testing"
)

// take returns n bytes of a stream in a slice of their own.
func take(s *Stream, n int) []byte {
	var all []byte
	for len(all) < n {
		all = append(all, s.Next(n-len(all))...)
	}
	return all
}

func TestAStreamChecksItself(t *testing.T) {
	const n = 3*period + 17
	out, in := New(5), New(5)
	if err := in.Check(take(out, n)); err != nil || in.Done() != n || out.Done() != n {
		t.Errorf("%v, %d and %d bytes", err, in.Done(), out.Done())
	}
}

func TestEveryWrongByteShows(t *testing.T) {
	sent := New(1)
	good := take(sent, 1000)
	for name, bad := range map[string][]byte{
		"lost":    slices.Delete(slices.Clone(good), 500, 501),
		"doubled": slices.Insert(slices.Clone(good), 500, good[499]),
		"changed": append(append(slices.Clone(good[:500]), good[500]^1), good[501:]...),
	} {
		s := New(1)
		if err := s.Check(bad); err == nil || !strings.Contains(err.Error(), "of stream 1") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	other := New(2)
	if err := other.Check(good); err == nil {
		t.Error("the bytes of another stream pass")
	}
}
