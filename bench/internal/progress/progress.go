// Package progress tells how far a long run has come: one line that is
// rewritten on a terminal, plain lines now and then elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"
)

// plainEvery is the time between lines where they stay.
const plainEvery = 10 * time.Second

// Line shows progress. Its methods belong to one goroutine.
type Line struct {
	w        io.Writer
	terminal bool
	quiet    bool
	now      func() time.Time
	start    time.Time
	last     time.Time
	shown    bool // a line that is to be rewritten is on the terminal
}

// New returns a Line on f; it shows nothing if quiet.
func New(f *os.File, quiet bool) *Line {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return newLine(f, terminal, quiet, time.Now)
}

func newLine(w io.Writer, terminal, quiet bool, now func() time.Time) *Line {
	start := now()
	return &Line{w: w, terminal: terminal, quiet: quiet, now: now, start: start, last: start}
}

// Show says that done of total steps are done and what goes on now.
func (l *Line) Show(done, total int, doing string) {
	if l.quiet {
		return
	}
	now := l.now()
	text := fmt.Sprintf("%3d %%, %s left: %s", 100*done/max(total, 1), left(now.Sub(l.start), done, total), doing)
	if l.terminal {
		fmt.Fprintf(l.w, "\r\x1b[K%s", text)
		l.shown = true
		return
	}
	if now.Sub(l.last) >= plainEvery {
		l.last = now
		fmt.Fprintln(l.w, text)
	}
}

// Clear removes the line from a terminal, so that other output can follow.
func (l *Line) Clear() {
	if l.shown {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.shown = false
	}
}

// left estimates the time that the remaining steps take.
func left(spent time.Duration, done, total int) string {
	if done == 0 {
		return "?"
	}
	rest := spent / time.Duration(done) * time.Duration(total-done)
	return fmt.Sprintf("%d:%02d", int(rest.Minutes()), int(rest.Seconds())%60)
}
