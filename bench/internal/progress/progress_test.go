package progress

import (
	"strings"
	"testing"
	"time"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestTerminalRewritesOneLine(t *testing.T) {
	var out strings.Builder
	c := &clock{}
	l := newLine(&out, true, false, c.now)
	l.Show(0, 4, "first")
	c.t = c.t.Add(30 * time.Second)
	l.Show(1, 4, "second")
	l.Clear()
	l.Clear()
	want := "\r\x1b[K  0 %, ? left: first\r\x1b[K 25 %, 1:30 left: second\r\x1b[K"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestElsewherePlainLinesNowAndThen(t *testing.T) {
	var out strings.Builder
	c := &clock{}
	l := newLine(&out, false, false, c.now)
	for i := range 25 {
		l.Show(i, 25, "work")
		c.t = c.t.Add(time.Second)
	}
	l.Clear()
	want := " 40 %, 0:15 left: work\n 80 %, 0:05 left: work\n"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestQuiet(t *testing.T) {
	var out strings.Builder
	c := &clock{}
	l := newLine(&out, true, true, c.now)
	l.Show(1, 2, "work")
	l.Clear()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
