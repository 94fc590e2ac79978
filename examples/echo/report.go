package main

// What -demo shows: progress and the outcome.

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// screen shows progress: one line that is rewritten on a terminal, a line a
// second elsewhere.
type screen struct {
	out      io.Writer
	terminal bool
	interval time.Duration
	shown    time.Time // when the last line was
	messages int64     // what it counted
	open     bool      // the last line is not ended
}

func newScreen(out io.Writer) *screen {
	if isTerminal(out) {
		return &screen{out: out, terminal: true, interval: newsInterval - newsInterval/10}
	}
	return &screen{out: out, interval: time.Second}
}

// doing is what a stage is to somebody who watches.
var doing = map[stage]string{
	connecting: "connecting",
	loading:    "sending",
	stopping:   "stopping",
	finishing:  "ending",
	reporting:  "reporting",
}

// show shows n, unless the last line is too fresh.
func (s *screen) show(st stage, n news, now time.Time) {
	since := now.Sub(s.shown)
	if since < s.interval {
		return
	}
	var rate float64
	if !s.shown.IsZero() {
		rate = float64(n.Messages-s.messages) / since.Seconds()
	}
	s.shown, s.messages = now, n.Messages
	line := fmt.Sprintf("%-10s %6d connections up %8.0f messages/s %4d errors", doing[st], n.Up, rate, n.Failed)
	if s.terminal {
		s.open = true
		fmt.Fprintf(s.out, "\r%s", line)
		return
	}
	fmt.Fprintln(s.out, line)
}

// end ends the line that is rewritten.
func (s *screen) end() {
	if s.open {
		s.open = false
		fmt.Fprintln(s.out)
	}
}

// result is the outcome of a demo.
type result struct {
	conns       int           // that were asked for
	up          int64         // that came up
	interrupted time.Duration // when, since the load began; 0 is never
	elapsed     time.Duration // from the first message to the last echo
	cpu         time.Duration // of the server's process in that time
	messages    int64
	bytes       int64

	// The server's resident memory: before any connection, with all of them
	// idle, and the most that was seen. 0 is unknown.
	before, idle, peak int64

	report report
}

// print writes the table.
func (r *result) print(out io.Writer) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	seconds := r.elapsed.Seconds()
	row("connections", "%s of %s", grouped(r.up), grouped(int64(r.conns)))
	row("messages", "%s in %.1f s", grouped(r.messages), seconds)
	row("bytes", "%s each way", binary(float64(r.bytes)))
	row("throughput", "%s messages/s, %s/s each way", grouped(int64(float64(r.messages)/seconds)), binary(float64(r.bytes)/seconds))
	row("latency", "p50 %v, p99 %v, p99.9 %v, max %v", short(r.report.P50), short(r.report.P99), short(r.report.P999), short(r.report.Max))
	if r.messages > 0 && r.cpu > 0 {
		row("server CPU", "%v per message, %.2f processors busy", short(r.cpu/time.Duration(r.messages)), r.cpu.Seconds()/seconds)
	}
	if r.up > 0 && r.before > 0 {
		row("server memory", "%s per idle connection, %s at the peak of the load", r.perConnection(r.idle), r.perConnection(r.peak))
	}
	row("outcome", "%s", r.outcome())
	for _, c := range r.report.Causes {
		row("", "%s", c)
	}
}

// perConnection is a connection's share of what was added since before.
func (r *result) perConnection(resident int64) string {
	return binary(float64(max(resident-r.before, 0)) / float64(r.up))
}

func (r *result) outcome() string {
	if err := r.verdict(); err != nil {
		return err.Error()
	}
	return "every byte of every connection came back in order"
}

// verdict is nil if all went well.
func (r *result) verdict() error {
	switch {
	case r.report.Failed > 0:
		return fmt.Errorf("%s of %s connections failed", grouped(r.report.Failed), grouped(int64(r.conns)))
	case r.interrupted > 0:
		return fmt.Errorf("interrupted after %v; every byte that was sent until then came back in order", short(r.interrupted))
	case r.messages == 0:
		return fmt.Errorf("no message came back")
	}
	return nil
}

// String is the cause with the first connection that it happened to.
func (c cause) String() string {
	if c.Count == 1 {
		return fmt.Sprintf("connection %d: %s", c.First, c.Text)
	}
	return fmt.Sprintf("connection %d and %s more: %s", c.First, grouped(c.Count-1), c.Text)
}

// grouped writes n, which is not negative, with its digits in groups of three.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, groups...), ",")
}

// binary writes a number of bytes in the largest unit that it fills.
func binary(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// short rounds d to three digits or so.
func short(d time.Duration) time.Duration {
	for unit := time.Duration(1); unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
	return d
}
