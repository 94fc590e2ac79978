package frame_test

// Every format at its edges, on tables.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// drive does to a Handler what an engine does: it is offered each arrival with all
// that it left before, again and again while it takes something. ended tells whether
// the input ends behind the arrivals: then the Handler is asked whether it ends there,
// and offered what it left until it does.
func drive(split frame.Split, ended bool, arrivals ...[]byte) (frames []string, err error) {
	h := frame.New(split, func(_ *loop.Conn, f []byte) error {
		frames = append(frames, string(f))
		return nil
	})
	var in []byte
	offer := func() error {
		for len(in) > 0 {
			n, err := h.OnData(nil, in)
			if n == 0 || err != nil {
				return err
			}
			in = in[n:]
		}
		return nil
	}
	for _, a := range arrivals {
		in = append(in, a...)
		if err := offer(); err != nil {
			return frames, err
		}
	}
	for ended && !h.Ends() {
		left := len(in)
		if err := offer(); err != nil {
			return frames, err
		}
		if len(in) == left {
			return frames, errors.New("it waits for more behind the end")
		}
	}
	return frames, nil
}

// bytewise cuts in into single bytes.
func bytewise(in string) (arrivals [][]byte) {
	for i := range len(in) {
		arrivals = append(arrivals, []byte{in[i]})
	}
	return arrivals
}

var (
	crlf   = frame.Delimiter{End: []byte("\r\n"), Max: 5}
	dashes = frame.Delimiter{End: []byte("--x")}
)

var splits = []struct {
	name  string
	split frame.Split
	in    string
	want  []string
	err   error // after those frames; io.ErrUnexpectedEOF for a rest
}{
	{"lines", frame.Line{}.Split, "a\nbc\r\n", []string{"a", "bc"}, nil},
	{"empty lines", frame.Line{}.Split, "\n\r\n\n", []string{"", "", ""}, nil},
	{"only the last carriage return goes", frame.Line{}.Split, "a\rb\r\r\n", []string{"a\rb\r"}, nil},
	{"a line cut off", frame.Line{}.Split, "a\nb", []string{"a"}, io.ErrUnexpectedEOF},
	{"a last line", frame.Rest(frame.Line{}.Split), "a\nb", []string{"a", "b"}, nil},
	{"no last line", frame.Rest(frame.Line{}.Split), "a\n", []string{"a"}, nil},
	{"a line of Max", frame.Line{Max: 3}.Split, "abc\nabc\r\n", []string{"abc", "abc"}, nil},
	{"a line above Max", frame.Line{Max: 3}.Split, "abc\nabcd\n", []string{"abc"}, frame.ErrTooLong},
	{"a line above Max without an end", frame.Line{Max: 3}.Split, "abcde", nil, frame.ErrTooLong},
	{"a last line of Max", frame.Rest(frame.Line{Max: 3}.Split), "abc", []string{"abc"}, nil},
	{"a last line above Max", frame.Rest(frame.Line{Max: 3}.Split), "abcd", nil, frame.ErrTooLong},
	{"a line above the default", frame.Line{}.Split, strings.Repeat("x", frame.DefaultMax+1) + "\n", nil, frame.ErrTooLong},
	{"a negative Max lets nothing pass", frame.Line{Max: -1}.Split, "\n", nil, frame.ErrTooLong},

	{"delimiter", crlf.Split, "a\r\n\r\nb\nc\r\n", []string{"a", "", "b\nc"}, nil},
	{"half a delimiter inside", crlf.Split, "a\r\r\n", []string{"a\r"}, nil},
	{"a frame of Max", crlf.Split, "abcde\r\n", []string{"abcde"}, nil},
	{"a frame above Max", crlf.Split, "abcdef\r\n", nil, frame.ErrTooLong},
	{"half a delimiter at Max", crlf.Split, "abcde\rf\r\n", nil, frame.ErrTooLong},
	{"half a delimiter at the end", crlf.Split, "abc\r", nil, io.ErrUnexpectedEOF},
	{"a longer delimiter", dashes.Split, "a---x-xb--x", []string{"a-", "-xb"}, nil},
	{"a last frame", frame.Rest(dashes.Split), "a--xb--", []string{"a", "b--"}, nil},
	{"a last frame above Max", frame.Rest(crlf.Split), "abcdef", nil, frame.ErrTooLong},
	{"no delimiter", frame.Delimiter{}.Split, "a", nil, os.ErrInvalid},

	{"fixed", frame.Fixed(2).Split, "abcd", []string{"ab", "cd"}, nil},
	{"fixed, cut off", frame.Fixed(2).Split, "abc", []string{"ab"}, io.ErrUnexpectedEOF},
	{"fixed, a shorter last", frame.Rest(frame.Fixed(2).Split), "abc", []string{"ab", "c"}, nil},
	{"fixed at nothing", frame.Fixed(0).Split, "a", nil, os.ErrInvalid},
	{"fixed at less", frame.Fixed(-1).Split, "a", nil, os.ErrInvalid},

	{"length", frame.Length{}.Split, "\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x01c", []string{"ab", "", "c"}, nil},
	{"one byte", frame.Length{Size: 1}.Split, "\x02ab\x00", []string{"ab", ""}, nil},
	{"two bytes", frame.Length{Size: 2}.Split, "\x00\x02ab", []string{"ab"}, nil},
	{"two bytes, little-endian", frame.Length{Size: 2, LittleEndian: true}.Split, "\x02\x00ab", []string{"ab"}, nil},
	{"three bytes", frame.Length{Size: 3}.Split, "\x00\x00\x01a", []string{"a"}, nil},
	{"three bytes, little-endian", frame.Length{Size: 3, LittleEndian: true}.Split, "\x01\x00\x00a", []string{"a"}, nil},
	{"eight bytes", frame.Length{Size: 8}.Split, "\x00\x00\x00\x00\x00\x00\x00\x01a", []string{"a"}, nil},
	{"eight bytes, little-endian", frame.Length{Size: 8, LittleEndian: true}.Split, "\x01\x00\x00\x00\x00\x00\x00\x00a", []string{"a"}, nil},
	{"the length counts itself", frame.Length{Size: 2, Adjust: -2}.Split, "\x00\x04ab\x00\x02", []string{"ab", ""}, nil},
	{"... and less than itself", frame.Length{Size: 2, Adjust: -2}.Split, "\x00\x03a\x00\x01", []string{"a"}, frame.ErrLength},
	{"more than the length counts", frame.Length{Size: 1, Adjust: 2}.Split, "\x01abc\x00de", []string{"abc", "de"}, nil},
	{"a header to be seen", frame.Length{Offset: 1, Size: 1, Whole: true}.Split, "T\x02abU\x00", []string{"T\x02ab", "U\x00"}, nil},
	{"a header not to be seen", frame.Length{Offset: 1, Size: 1}.Split, "T\x02abU\x00", []string{"ab", ""}, nil},
	{"HTTP/2", frame.Length{Size: 3, Adjust: 6, Whole: true}.Split, "\x00\x00\x01tfiiiix\x00\x00\x00tfiiii",
		[]string{"\x00\x00\x01tfiiiix", "\x00\x00\x00tfiiii"}, nil},
	{"a length of Max", frame.Length{Size: 1, Max: 2}.Split, "\x02ab", []string{"ab"}, nil},
	{"a length above Max", frame.Length{Size: 1, Max: 2}.Split, "\x02ab\x03", []string{"ab"}, frame.ErrTooLong},
	{"Max counts what is to be seen", frame.Length{Size: 1, Max: 3, Whole: true}.Split, "\x02ab\x03", []string{"\x02ab"}, frame.ErrTooLong},
	{"a length above the default", frame.Length{}.Split, "\x00\x01\x00\x01", nil, frame.ErrTooLong},
	{"all bits of 32", frame.Length{Max: math.MaxInt32}.Split, "\xff\xff\xff\xff", nil, frame.ErrTooLong},
	{"all bits of 64", frame.Length{Size: 8, Max: math.MaxInt, Adjust: 10}.Split, "\xff\xff\xff\xff\xff\xff\xff\xff", nil, frame.ErrTooLong},
	{"the sign bit of 64", frame.Length{Size: 8, Max: math.MaxInt, Adjust: -10}.Split, "\x80\x00\x00\x00\x00\x00\x00\x00", nil, frame.ErrTooLong},
	{"a header cut off", frame.Length{}.Split, "\x00\x00", nil, io.ErrUnexpectedEOF},
	{"a body cut off", frame.Length{Size: 1}.Split, "\x03ab", nil, io.ErrUnexpectedEOF},
	{"a field of nine bytes", frame.Length{Size: 9}.Split, "a", nil, os.ErrInvalid},
	{"a field of less than none", frame.Length{Size: -1}.Split, "a", nil, os.ErrInvalid},
	{"a field before the frame", frame.Length{Offset: -1}.Split, "a", nil, os.ErrInvalid},
	{"a field beyond reason", frame.Length{Offset: math.MaxInt}.Split, "a", nil, os.ErrInvalid},
	{"an adjustment beyond reason", frame.Length{Adjust: math.MinInt}.Split, "a", nil, os.ErrInvalid},

	{"varint", frame.Varint{}.Split, "\x02ab\x00\x01c", []string{"ab", "", "c"}, nil},
	{"varint of two bytes", frame.Varint{}.Split, "\x80\x01" + strings.Repeat("x", 128), []string{strings.Repeat("x", 128)}, nil},
	{"varint longer than it need be", frame.Varint{}.Split, "\x81\x00a", []string{"a"}, nil},
	{"varint cut off", frame.Varint{}.Split, "\x80", nil, io.ErrUnexpectedEOF},
	{"varint, the body cut off", frame.Varint{}.Split, "\x02a", nil, io.ErrUnexpectedEOF},
	{"varint of Max", frame.Varint{Max: 2}.Split, "\x02ab\x03", []string{"ab"}, frame.ErrTooLong},
	{"varint of all 64 bits", frame.Varint{Max: math.MaxInt}.Split, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", nil, frame.ErrTooLong},
	{"varint of more than 64 bits", frame.Varint{Max: math.MaxInt}.Split, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", nil, frame.ErrLength},
	{"varint without an end", frame.Varint{}.Split, strings.Repeat("\x80", 11), nil, frame.ErrLength},
	{"varint with a negative Max", frame.Varint{Max: -1}.Split, "\x00", nil, frame.ErrTooLong},
}

func TestSplits(t *testing.T) {
	for _, tc := range splits {
		t.Run(tc.name, func(t *testing.T) {
			for _, way := range []struct {
				name     string
				arrivals [][]byte
			}{{"at once", [][]byte{[]byte(tc.in)}}, {"byte by byte", bytewise(tc.in)}} {
				got, err := drive(tc.split, true, way.arrivals...)
				if !slices.Equal(got, tc.want) || !errors.Is(err, tc.err) {
					t.Errorf("%s: %q, %v; want %q, %v", way.name, got, err, tc.want, tc.err)
				}
			}
		})
	}
}

// A frame that is too long is refused before it is there: with the length, or with
// the first byte that no end can excuse.
func TestTooLongIsKnownAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		split frame.Split
		in    string
	}{
		{"Length", frame.Length{Max: 10}.Split, "\x00\x00\x00\x0b"},
		{"Varint", frame.Varint{Max: 10}.Split, "\x0b"},
		{"Line", frame.Line{Max: 10}.Split, strings.Repeat("x", 12)},
		{"Delimiter", frame.Delimiter{End: []byte("--"), Max: 10}.Split, strings.Repeat("x", 12)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			arrivals := bytewise(tc.in)
			if _, err := drive(tc.split, false, arrivals[:len(arrivals)-1]...); err != nil {
				t.Errorf("before it is certain: %v", err)
			}
			_, err := drive(tc.split, false, arrivals...)
			if !errors.Is(err, frame.ErrTooLong) {
				t.Fatalf("got %v", err)
			}
			for _, number := range []string{" 11 ", " 10 "} {
				if !strings.Contains(err.Error(), number) {
					t.Errorf("%q does not name%s", err, number)
				}
			}
		})
	}
}

// However slowly a frame arrives, each byte is looked at once (hazard 27). Here what
// was seen is spoiled with ends of frames: who looks there finds one.
func TestWhatWasSeenIsNotSearchedAgain(t *testing.T) {
	for _, tc := range []struct {
		name  string
		split frame.Split
		end   string
	}{
		{"Line", frame.Line{}.Split, "\n"},
		{"Delimiter", frame.Delimiter{End: []byte("\r\n\r\n")}.Split, "\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := bytes.Repeat([]byte{'x'}, 1000)
			seen := 500
			copy(in[seen-2*len(tc.end)+1:], tc.end)
			if n, _, err := tc.split(in, seen, false); n != 0 || err != nil {
				t.Errorf("looked behind what was seen: %d, %v", n, err)
			}
			copy(in[seen-len(tc.end)+1:], tc.end)
			if n, _, err := tc.split(in, seen, false); n != seen+1 || err != nil {
				t.Errorf("overlooked an end across what was seen: %d, %v", n, err)
			}
		})
	}
}

// A Handler tells its Split how much of the frame it was shown before, and begins
// anew with each frame.
func TestSeenGrowsByWhatArrives(t *testing.T) {
	var calls []string
	h := frame.New(func(in []byte, seen int, eof bool) (int, []byte, error) {
		calls = append(calls, fmt.Sprint(len(in), seen, eof))
		return frame.Line{}.Split(in, seen, eof)
	}, func(*loop.Conn, []byte) error { return nil })
	for _, arrival := range []struct {
		in         string
		unfinished int
	}{{"a", 1}, {"ab", 2}, {"ab\nc", 0}, {"c", 1}, {"c\n", 0}} {
		if _, err := h.OnData(nil, []byte(arrival.in)); err != nil {
			t.Fatal(err)
		}
		if got := h.Unfinished(); got != arrival.unfinished {
			t.Errorf("%q leaves %d bytes unfinished, want %d", arrival.in, got, arrival.unfinished)
		}
	}
	if want := []string{"1 0 false", "2 1 false", "4 2 false", "1 0 false", "2 1 false"}; !slices.Equal(calls, want) {
		t.Errorf("length, seen and eof were %v, want %v", calls, want)
	}
}

func TestANilFrameIsSkipped(t *testing.T) {
	comments := func(in []byte, seen int, eof bool) (int, []byte, error) {
		n, line, err := frame.Line{}.Split(in, seen, eof)
		if bytes.HasPrefix(line, []byte("#")) {
			line = nil
		}
		return n, line, err
	}
	got, err := drive(comments, false, []byte("#a\nb\n#c\n\n"))
	if want := []string{"b", ""}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// Appending to a frame must not write over the next one.
func TestAppendingToAFrameCopiesIt(t *testing.T) {
	in := []byte("a\nb\n")
	h := frame.New(frame.Line{}.Split, func(_ *loop.Conn, f []byte) error {
		_ = append(f, "!!!"...)
		return nil
	})
	if n, err := h.OnData(nil, in); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if string(in) != "a\nb\n" {
		t.Errorf("the input is now %q", in)
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			in, err := f.append(nil, f.frame(64))
			if err != nil {
				t.Fatal(err)
			}
			out := make([]byte, 0, 2*len(in))
			h := frame.New(f.split, func(_ *loop.Conn, got []byte) error {
				out, err = f.append(out[:0], got)
				return err
			})
			if n := testing.AllocsPerRun(1000, func() {
				if n, err := h.OnData(nil, in); n != len(in) || err != nil {
					t.Fatal(n, err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if !bytes.Equal(out, in) {
				t.Errorf("%q was sent on as %q", in, out)
			}
		})
	}
}
