package frame_test

// Each format against a model that splits the whole stream at once and never sees
// a piece: the frames must not depend on where the input is cut.

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/eddyline/eddyline/loop/frame"
)

// outcome is what becomes of a stream: its frames, and why there are no more.
type outcome struct {
	frames []string
	err    error
}

// expectOutcome wants split to find what the model did, however cuts cut the stream.
func expectOutcome(t testing.TB, split frame.Split, in, cuts []byte, want outcome) {
	t.Helper()
	var arrivals [][]byte
	rest := in
	for _, cut := range cuts {
		n := min(1+int(cut)%8, len(rest))
		arrivals, rest = append(arrivals, rest[:n]), rest[n:]
	}
	frames, err := drive(split, true, append(arrivals, rest)...)
	if !slices.Equal(frames, want.frames) || !errors.Is(err, want.err) {
		t.Errorf("%q cut by %v: %q, %v; want %q, %v", in, cuts, frames, err, want.frames, want.err)
	}
}

// expectUndone wants Append to make of f what split gives back, or to refuse it.
func expectUndone(t testing.TB, split frame.Split, add func(dst, f []byte) ([]byte, error), f []byte) {
	t.Helper()
	out, err := add([]byte("before"), f)
	if err != nil {
		if string(out) != "before" {
			t.Errorf("%q was refused, and %q was appended", f, out)
		}
		return
	}
	n, got, err := split(out[len("before"):], 0, false)
	if n != len(out)-len("before") || string(got) != string(f) || err != nil {
		t.Errorf("%q became %q, which is %q, %d, %v", f, out, got, n, err)
	}
}

func checkLine(t testing.TB, in, cuts []byte, max uint8, crlf, rest bool) {
	l := frame.Line{Max: int(max) + 1, CRLF: crlf}
	model := func(in []byte) (o outcome) {
		for line := range bytes.Lines(in) {
			whole := bytes.HasSuffix(line, []byte("\n"))
			if whole {
				line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
			}
			switch {
			case len(line) > l.Max:
				o.err = frame.ErrTooLong
				return o
			case !whole && !rest:
				o.err = io.ErrUnexpectedEOF
				return o
			}
			o.frames = append(o.frames, string(line))
		}
		return o
	}
	split := withRest(l.Split, rest)
	expectOutcome(t, split, in, cuts, model(in))
	expectUndone(t, split, l.Append, in)
}

func checkDelimiter(t testing.TB, in, cuts, end []byte, max uint8, rest bool) {
	d := frame.Delimiter{End: end, Max: int(max) + 1}
	if len(end) == 0 {
		return
	}
	model := func(in []byte) (o outcome) {
		for len(in) > 0 {
			f, next, whole := bytes.Cut(in, end)
			switch {
			case len(f) > d.Max:
				o.err = frame.ErrTooLong
				return o
			case !whole && !rest:
				o.err = io.ErrUnexpectedEOF
				return o
			}
			o.frames, in = append(o.frames, string(f)), next
		}
		return o
	}
	split := withRest(d.Split, rest)
	expectOutcome(t, split, in, cuts, model(in))
	expectUndone(t, split, d.Append, in)
}

func checkFixed(t testing.TB, in, cuts []byte, size uint8, rest bool) {
	f := frame.Fixed(int(size) + 1)
	model := func(in []byte) (o outcome) {
		for piece := range slices.Chunk(in, int(f)) {
			if len(piece) < int(f) && !rest {
				o.err = io.ErrUnexpectedEOF
				return o
			}
			o.frames = append(o.frames, string(piece))
		}
		return o
	}
	split := withRest(f.Split, rest)
	expectOutcome(t, split, in, cuts, model(in))
	expectUndone(t, split, f.Append, in)
}

func checkVarint(t testing.TB, in, cuts []byte, max uint8) {
	v := frame.Varint{Max: int(max) + 1}
	model := func(in []byte) (o outcome) {
		for len(in) > 0 {
			number, ended := new(big.Int), false
			head := 0
			for head < len(in) && head < 10 && !ended {
				digit := big.NewInt(int64(in[head] & 0x7f))
				number.Add(number, digit.Lsh(digit, uint(7*head)))
				ended = in[head] < 0x80
				head++
			}
			switch {
			case number.BitLen() > 64 && ended, !ended && len(in) > 10:
				o.err = frame.ErrLength
				return o
			case !ended:
				o.err = io.ErrUnexpectedEOF
				return o
			case number.Cmp(big.NewInt(int64(v.Max))) > 0:
				o.err = frame.ErrTooLong
				return o
			case len(in)-head < int(number.Int64()):
				o.err = io.ErrUnexpectedEOF
				return o
			}
			n := head + int(number.Int64())
			o.frames, in = append(o.frames, string(in[head:n])), in[n:]
		}
		return o
	}
	expectOutcome(t, v.Split, in, cuts, model(in))
	expectUndone(t, v.Split, v.Append, in)
}

func checkLength(t testing.TB, in, cuts []byte, offset, size uint8, adjust int8, little, whole bool, max uint8) {
	l := frame.Length{
		Offset: int(offset) % 5, Size: 1 + int(size)%8, Adjust: int(adjust),
		LittleEndian: little, Whole: whole, Max: int(max) + 1,
	}
	head := l.Offset + l.Size
	model := func(in []byte) (o outcome) {
		for len(in) > 0 {
			if len(in) < head {
				o.err = io.ErrUnexpectedEOF
				return o
			}
			field := slices.Clone(in[l.Offset:head])
			if little {
				slices.Reverse(field)
			}
			follow := new(big.Int).SetBytes(field)
			follow.Add(follow, big.NewInt(int64(adjust)))
			length := new(big.Int).Set(follow)
			if whole {
				length.Add(length, big.NewInt(int64(head)))
			}
			switch {
			case follow.Sign() < 0:
				o.err = frame.ErrLength
				return o
			case length.Cmp(big.NewInt(int64(l.Max))) > 0:
				o.err = frame.ErrTooLong
				return o
			case len(in)-head < int(follow.Int64()):
				o.err = io.ErrUnexpectedEOF
				return o
			}
			n, from := head+int(follow.Int64()), head
			if whole {
				from = 0
			}
			o.frames, in = append(o.frames, string(in[from:n])), in[n:]
		}
		return o
	}
	expectOutcome(t, l.Split, in, cuts, model(in))
	if whole && len(in) >= head {
		// The frame comes back with the length that was put into it.
		out, err := l.Append(nil, in)
		if err != nil {
			return
		}
		in = out
	}
	expectUndone(t, l.Split, l.Append, in)
}

func withRest(split frame.Split, rest bool) frame.Split {
	if rest {
		return frame.Rest(split)
	}
	return split
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("a\nbc\r\n\r\n\nd\r"), []byte{0, 1, 0, 2}, uint8(1), false, true)
	f.Fuzz(func(t *testing.T, in, cuts []byte, max uint8, crlf, rest bool) {
		checkLine(t, in, cuts, max, crlf, rest)
	})
}

func FuzzDelimiter(f *testing.F) {
	f.Add([]byte("ab--c-----d-"), []byte{3, 0, 0}, []byte("--"), uint8(2), true)
	f.Fuzz(func(t *testing.T, in, cuts, end []byte, max uint8, rest bool) {
		checkDelimiter(t, in, cuts, end, max, rest)
	})
}

func FuzzFixed(f *testing.F) {
	f.Add([]byte("abcdefgh"), []byte{0, 3}, uint8(2), true)
	f.Fuzz(func(t *testing.T, in, cuts []byte, size uint8, rest bool) { checkFixed(t, in, cuts, size, rest) })
}

func FuzzVarint(f *testing.F) {
	f.Add([]byte("\x01a\x00\x81\x00b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), []byte{0, 3}, uint8(2))
	f.Fuzz(func(t *testing.T, in, cuts []byte, max uint8) { checkVarint(t, in, cuts, max) })
}

func FuzzLength(f *testing.F) {
	f.Add([]byte("\x00\x01a\x00\x00\x00\x04abcd"), []byte{0, 3}, uint8(0), uint8(1), int8(0), false, false, uint8(9))
	f.Add([]byte("T\x03\x00abU\x01\x00"), []byte{0}, uint8(1), uint8(1), int8(-1), true, true, uint8(9))
	f.Fuzz(func(t *testing.T, in, cuts []byte, offset, size uint8, adjust int8, little, whole bool, max uint8) {
		checkLength(t, in, cuts, offset, size, adjust, little, whole, max)
	})
}

// The same on streams in which delimiters and short lengths are frequent.
func TestRandomStreams(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(alphabet string, most int) []byte {
		out := make([]byte, random.IntN(most+1))
		for i := range out {
			out[i] = alphabet[random.IntN(len(alphabet))]
		}
		return out
	}
	coin := func() bool { return random.IntN(2) == 0 }
	for range 20_000 {
		cuts, small := draw("\x00\x00\x01\x02\x07", 12), uint8(random.IntN(8))
		checkLine(t, draw("ab\r\n\n", 24), cuts, small, coin(), coin())
		checkDelimiter(t, draw("aab-", 24), cuts, draw("aa-", 4), small, coin())
		checkFixed(t, draw("ab", 24), cuts, small, coin())
		checkVarint(t, draw("\x00\x01\x02\x03\x80\x81\xff", 24), cuts, small)
		adjust := int8(random.IntN(9) - 4)
		checkLength(t, draw("\x00\x00\x00\x01\x02\x05\xff", 40), cuts, small, uint8(random.IntN(8)), adjust, coin(), coin(), small*4)
		if t.Failed() {
			return
		}
	}
}
