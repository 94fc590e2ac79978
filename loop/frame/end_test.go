//go:build unix

package frame_test

// Frames and the end of the input, on real connections.

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

func TestTheEndOfTheInput(t *testing.T) {
	line := frame.Line{Max: 10}.Split
	for _, tc := range []struct {
		name  string
		split frame.Split
		in    string
		out   string
		cause error
	}{
		{"nothing was sent", line, "", "", nil},
		{"behind a frame", line, "a\n", "[a]", nil},
		{"within a frame", line, "a\nb", "[a]", io.ErrUnexpectedEOF},
		{"within a frame whose rest is one", frame.Rest(line), "a\nb", "[a][b]", nil},
		{"behind a frame, a rest would be one", frame.Rest(line), "a\n", "[a]", nil},
		{"a rest that is too long", frame.Rest(line), "a\n01234567890", "[a]", frame.ErrTooLong},
		{"within a header", frame.Length{}.Split, "\x00\x00", "", io.ErrUnexpectedEOF},
		{"within a body", frame.Length{}.Split, "\x00\x00\x00\x02a", "", io.ErrUnexpectedEOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			protocol, causes := sessions(tc.split, answer)
			p := serve(t, loop.Config{}, protocol)
			p.send(tc.in)
			p.end()
			p.expectEnd(tc.out)
			if err := take(t, "OnClose", causes); !errors.Is(err, tc.cause) {
				t.Errorf("OnClose heard %v, want %v", err, tc.cause)
			}
		})
	}
}

// What the tables say of a split holds on a connection, to its end.
func TestSplitsOnConnections(t *testing.T) {
	for _, tc := range splits {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			protocol, causes := sessions(tc.split, func(_ *loop.Conn, f []byte) error {
				got = append(got, string(f))
				return nil
			})
			p := serve(t, loop.Config{}, protocol)
			_, err1 := io.WriteString(p, tc.in)
			err2 := p.CloseWrite()
			if err := errors.Join(err1, err2); err != nil && (tc.err == nil || tc.err == io.ErrUnexpectedEOF) {
				t.Fatal(err) // otherwise the connection may be closed meanwhile
			}
			if err := take(t, "OnClose", causes); !errors.Is(err, tc.err) || !slices.Equal(got, tc.want) {
				t.Errorf("frames %q, OnClose heard %v; want %q, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

// The same when this end has ended its output before: the rest is still asked about.
func TestTheEndOfBothDirections(t *testing.T) {
	line := frame.Line{}.Split
	for _, tc := range []struct {
		name  string
		split frame.Split
		want  []string
		cause error
	}{
		{"within a frame", line, []string{"a"}, io.ErrUnexpectedEOF},
		{"within a frame whose rest is one", frame.Rest(line), []string{"a", "b"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			protocol, causes := sessions(tc.split, func(c *loop.Conn, f []byte) error {
				if got = append(got, string(f)); len(got) == 1 {
					return c.CloseWrite()
				}
				return nil
			})
			p := serve(t, loop.Config{}, protocol)
			p.send("a\n")
			if _, err := p.Read(make([]byte, 1)); err != io.EOF {
				t.Fatalf("the peer reads %v", err)
			}
			p.send("b")
			p.end()
			if err := take(t, "OnClose", causes); !errors.Is(err, tc.cause) || !slices.Equal(got, tc.want) {
				t.Errorf("frames %q, OnClose heard %v; want %q, %v", got, err, tc.want, tc.cause)
			}
		})
	}
}

// What is left may be several frames, with or without a rest behind them.
func TestSeveralFramesAtTheEnd(t *testing.T) {
	letters := func(in []byte, _ int, eof bool) (int, []byte, error) {
		if !eof || in[0] == '.' {
			return 0, nil, nil
		}
		return 1, in[:1], nil
	}
	for in, tc := range map[string]struct {
		split frame.Split
		out   string
	}{"abc": {letters, "[a][b][c]"}, "ab..": {frame.Rest(letters), "[a][b][..]"}} {
		p := serve(t, loop.Config{}, frame.Protocol(tc.split, answer))
		p.send(in)
		p.end()
		p.expectEnd(tc.out)
	}
}

// halfClosed goes on writing when its peer has ended.
type halfClosed struct{ session }

func (h *halfClosed) OnEOF(c *loop.Conn) {
	if !h.End(c) {
		return
	}
	_, _ = c.WriteString("end of input")
	_ = c.Close()
}

func TestAnOnEOFOfOnesOwn(t *testing.T) {
	for in, out := range map[string]string{"": "end of input", "a\n": "[a]end of input", "a\nb": "[a][b]end of input"} {
		causes := make(chan error, 1)
		p := serve(t, loop.Config{}, func(*loop.Conn) loop.Handler {
			return &halfClosed{session{frame.New(frame.Rest(frame.Line{}.Split), answer), causes}}
		})
		p.send(in)
		p.end()
		p.expectEnd(out)
		if err := take(t, "OnClose", causes); err != nil {
			t.Errorf("after %q OnClose heard %v", in, err)
		}
	}
}
