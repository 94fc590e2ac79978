package frame_test

// The way out: what Append makes, Split gives back, and the rest is refused.

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/loop/frame"
)

// format is one way to tell frames apart, as all of them are tested and measured.
type format struct {
	name   string
	split  frame.Split
	append func(dst, f []byte) ([]byte, error)
	head   int // bytes of header that a frame has in itself
	size   int // of every frame; 0: any
}

// frame is one of about n bytes, without delimiters.
func (f format) frame(n int) []byte {
	if f.size != 0 {
		n = f.size
	}
	body := make([]byte, n)
	for i := range body {
		body[i] = 'a' + byte(i%26)
	}
	if f.head > 0 {
		out, err := f.append(nil, body)
		if err != nil {
			panic(err)
		}
		return out
	}
	return body
}

// most is the Max of the formats: enough for what is measured.
const most = 1 << 20

func formats() []format {
	line, ended := frame.Line{Max: most}, frame.Line{Max: most, CRLF: true}
	delimiter := frame.Delimiter{End: []byte("\r\n.\r\n"), Max: most}
	length, little := frame.Length{Max: most}, frame.Length{Size: 3, LittleEndian: true, Adjust: -3, Max: most}
	whole := frame.Length{Offset: 2, Adjust: 3, Whole: true, Max: most}
	varint, fixed := frame.Varint{Max: most}, frame.Fixed(64)
	return []format{
		{name: "Line", split: line.Split, append: line.Append},
		{name: "LineCRLF", split: ended.Split, append: ended.Append},
		{name: "Delimiter", split: delimiter.Split, append: delimiter.Append},
		{name: "Length", split: length.Split, append: length.Append},
		{name: "LengthLittle3", split: little.Split, append: little.Append},
		{name: "LengthWhole", split: whole.Split, append: whole.Append, head: 6},
		{name: "Varint", split: varint.Split, append: varint.Append},
		{name: "Fixed", split: fixed.Split, append: fixed.Append, size: 64},
	}
}

func TestAppend(t *testing.T) {
	for _, tc := range []struct {
		name   string
		append func(dst, f []byte) ([]byte, error)
		frame  string
		want   string
		err    error
	}{
		{"line", frame.Line{}.Append, "a", "a\n", nil},
		{"line, the long end", frame.Line{CRLF: true}.Append, "a\r", "a\r\r\n", nil},
		{"line of Max", frame.Line{Max: 2}.Append, "ab", "ab\n", nil},
		{"line above Max", frame.Line{Max: 2}.Append, "abc", "", frame.ErrTooLong},
		{"two lines", frame.Line{}.Append, "a\nb", "", frame.ErrDelimiter},
		{"a carriage return that would be lost", frame.Line{}.Append, "a\r", "", frame.ErrDelimiter},

		{"delimiter", crlf.Append, "ab", "ab\r\n", nil},
		{"delimiter of Max", crlf.Append, "abcde", "abcde\r\n", nil},
		{"delimiter above Max", crlf.Append, "abcdef", "", frame.ErrTooLong},
		{"delimiter inside", crlf.Append, "a\r\nb", "", frame.ErrDelimiter},
		{"delimiter that begins early", frame.Delimiter{End: []byte("aa")}.Append, "ba", "", frame.ErrDelimiter},
		{"delimiter that does not", crlf.Append, "a\r", "a\r\r\n", nil},
		{"no delimiter", frame.Delimiter{}.Append, "a", "", os.ErrInvalid},

		{"fixed", frame.Fixed(2).Append, "ab", "ab", nil},
		{"fixed, too short", frame.Fixed(2).Append, "a", "", frame.ErrLength},

		{"length", frame.Length{}.Append, "ab", "\x00\x00\x00\x02ab", nil},
		{"length, little-endian", frame.Length{Size: 3, LittleEndian: true}.Append, "ab", "\x02\x00\x00ab", nil},
		{"length that counts itself", frame.Length{Size: 2, Adjust: -2}.Append, "ab", "\x00\x04ab", nil},
		{"length that counts less", frame.Length{Size: 1, Adjust: 2}.Append, "abc", "\x01abc", nil},
		{"shorter than that", frame.Length{Size: 1, Adjust: 2}.Append, "a", "", frame.ErrLength},
		{"a header of nothing", frame.Length{Offset: 2, Size: 1}.Append, "a", "\x00\x00\x01a", nil},
		{"a header of its own", frame.Length{Offset: 1, Size: 1, Whole: true}.Append, "T?ab", "T\x02ab", nil},
		{"shorter than its header", frame.Length{Offset: 1, Size: 1, Whole: true}.Append, "T", "", frame.ErrLength},
		{"length of Max", frame.Length{Max: 2}.Append, "ab", "\x00\x00\x00\x02ab", nil},
		{"length above Max", frame.Length{Max: 2}.Append, "abc", "", frame.ErrTooLong},
		{"header above Max", frame.Length{Size: 1, Max: 2, Whole: true}.Append, "?ab", "", frame.ErrTooLong},
		{"length of its field", frame.Length{Size: 1}.Append, strings.Repeat("x", 255), "\xff" + strings.Repeat("x", 255), nil},
		{"length above its field", frame.Length{Size: 1}.Append, strings.Repeat("x", 256), "", frame.ErrTooLong},
		{"field beyond reason", frame.Length{Size: 9}.Append, "a", "", os.ErrInvalid},
		{"field beyond reason, whole", frame.Length{Size: 9, Whole: true}.Append, "a", "", os.ErrInvalid},

		{"varint", frame.Varint{}.Append, "ab", "\x02ab", nil},
		{"varint above Max", frame.Varint{Max: 2}.Append, "abc", "", frame.ErrTooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dst := append(make([]byte, 0, 1000), "before "...)
			got, err := tc.append(dst, []byte(tc.frame))
			if string(got) != "before "+tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%q, %v; want %q, %v", got, err, "before "+tc.want, tc.err)
			}
		})
	}
}

// A header alone is the same as that of the whole frame.
func TestAppendHeader(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header func(dst []byte, n int) ([]byte, error)
		n      int
		want   string
		err    error
	}{
		{"length", frame.Length{Size: 2}.AppendHeader, 3, "\x00\x03", nil},
		{"length, whole", frame.Length{Offset: 1, Size: 2, Whole: true}.AppendHeader, 3, "\x00\x00\x03", nil},
		{"length above Max", frame.Length{Max: 2}.AppendHeader, 3, "", frame.ErrTooLong},
		{"length above Max with its header", frame.Length{Max: 6, Whole: true}.AppendHeader, 3, "", frame.ErrTooLong},
		{"negative length", frame.Length{}.AppendHeader, -1, "", frame.ErrLength},
		{"field beyond reason", frame.Length{Offset: -1}.AppendHeader, 1, "", os.ErrInvalid},
		{"varint", frame.Varint{}.AppendHeader, 300, "\xac\x02", nil},
		{"varint above Max", frame.Varint{}.AppendHeader, math.MaxInt, "", frame.ErrTooLong},
		{"negative varint", frame.Varint{}.AppendHeader, -1, "", frame.ErrLength},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.header([]byte("before "), tc.n)
			if string(got) != "before "+tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%q, %v; want %q, %v", got, err, "before "+tc.want, tc.err)
			}
		})
	}
}

func TestSplitUndoesAppend(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			var stream []byte
			var want []string
			for _, n := range []int{9, 10, 64, 200, 70_000} {
				sent := f.frame(n)
				out, err := f.append(stream, sent)
				if err != nil {
					t.Fatal(err)
				}
				stream, want = out, append(want, string(sent))
			}
			got, err := drive(f.split, true, stream)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d frames, %v; want %d", len(got), err, len(want))
			}
		})
	}
}
