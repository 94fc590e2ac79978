package main

// The tables that people read.

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/echo"
	"github.com/eddyline/eddyline/bench/internal/expiry"
	"github.com/eddyline/eddyline/bench/internal/idle"
	"github.com/eddyline/eddyline/bench/internal/stats"
	"github.com/eddyline/eddyline/bench/internal/table"
	"github.com/eddyline/eddyline/bench/internal/timers"
)

// between shows the two quartiles of a sample.
func between(s stats.Summary, digits int) string {
	return fmt.Sprintf("%.*f..%.*f", digits, s.Q1, digits, s.Q3)
}

// printEcho prints a point of the grid.
func printEcho(w io.Writer, r echo.Result, verbose bool) {
	fmt.Fprintf(w, "%v\n", r.Point)
	t := table.Table{{"server", "CPU µs/msg", "quartiles", "ratio", "quartiles", "user", "allocs/msg", "msg/s", "server", "load", table.Notes}}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.CPU.N == 0 {
			t.Add(row.Server, "-", "-", "-", "-", "-", "-", "-", "-", "-", strings.Join(echoNotes(row), "; "))
			continue
		}
		t.Add(row.Server,
			fmt.Sprintf("%.3f", row.CPU.Median), between(row.CPU, 3),
			ratio(row.Ratio), ratioQuartiles(row.Ratio),
			user(row), allocs(row),
			fmt.Sprintf("%.0f", row.Median(rate)),
			percent(row.Median(serverShare)), percent(row.Median(loadShare)),
			strings.Join(echoNotes(row), "; "))
	}
	t.Print(w)
	if verbose {
		printRounds(w, r)
	}
	printFailures(w, r)
	fmt.Fprintln(w)
}

func rate(s echo.Sample) float64        { return float64(s.Messages) / s.Seconds }
func serverShare(s echo.Sample) float64 { return s.Server }
func loadShare(s echo.Sample) float64   { return s.Load }
func disturbed(s echo.Sample) float64   { return s.Disturbed }

func ratio(s stats.Summary) string {
	if s.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", s.Median)
}

func ratioQuartiles(s stats.Summary) string {
	if s.N == 0 {
		return "-"
	}
	return between(s, 3)
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// user and allocs show what only servers of this program tell.

func user(r *echo.Row) string {
	if !r.Samples[0].Counted {
		return "-"
	}
	return percent(r.Median(func(s echo.Sample) float64 { return s.UserShare }))
}

func allocs(r *echo.Row) string {
	if !r.Samples[0].Counted {
		return "-"
	}
	return fmt.Sprintf("%.4f", r.Median(func(s echo.Sample) float64 { return s.Allocs }))
}

// What is noted about a row: shares of the time.
const (
	saturation = 0.95 // of its core, at which the generator does no more
	noisy      = 0.10 // lost to other programs
)

func echoNotes(r *echo.Row) []string {
	var notes []string
	if r.Err != "" {
		notes = append(notes, "FAILED")
	}
	if r.CPU.N == 0 {
		return notes
	}
	switch {
	case r.Base == r.Server:
		notes = append(notes, "the floor here")
	case r.Again != "" && r.Base == r.Again:
		notes = append(notes, "ratio to "+r.Base)
	}
	if load := r.Median(loadShare); load >= saturation && load > r.Median(serverShare) {
		notes = append(notes, "load saturated")
	}
	if lost := r.Median(disturbed); lost >= noisy {
		notes = append(notes, "disturbed "+percent(lost))
	}
	return notes
}

func printRounds(w io.Writer, r echo.Result) {
	t := table.Table{{"round", "server", "CPU µs/msg", "messages", "server", "load", "disturbed", "thrown away"}}
	for _, row := range r.Rows {
		for _, s := range row.Samples {
			t.Add(fmt.Sprint(s.Round+1), row.Server, fmt.Sprintf("%.3f", s.CPU), fmt.Sprint(s.Messages),
				percent(s.Server), percent(s.Load), percent(s.Disturbed), fmt.Sprint(s.Retries))
		}
	}
	t.Print(w)
}

func printFailures(w io.Writer, r echo.Result) {
	for _, row := range r.Rows {
		printFailure(w, row.Server, row.Err)
	}
}

func printFailure(w io.Writer, who, err string) {
	if err != "" {
		fmt.Fprintf(w, "  %s failed: %s\n", who, strings.ReplaceAll(err, "\n", "\n    "))
	}
}

// printIdle prints the memory per idle connection.
func printIdle(w io.Writer, rows []idle.Row, verbose bool) {
	fmt.Fprintln(w, "Anonymous resident memory of the server per idle connection, bytes")
	t := table.Table{{"server", "settled", "min..max", "as is", "min..max", "worst fit R²", table.Notes}}
	for _, r := range rows {
		note := ""
		if r.Err != "" {
			note = "FAILED"
		}
		t.Add(r.Server,
			fmt.Sprintf("%.0f", r.Settled.Median), fmt.Sprintf("%.0f..%.0f", r.Settled.Min, r.Settled.Max),
			fmt.Sprintf("%.0f", r.AsIs.Median), fmt.Sprintf("%.0f..%.0f", r.AsIs.Min, r.AsIs.Max),
			fmt.Sprintf("%.3f", r.Settled.R2), note)
	}
	t.Print(w)
	if verbose {
		printPoints(w, rows)
	}
	for _, r := range rows {
		printFailure(w, r.Server, r.Err)
	}
	fmt.Fprintln(w, "\nAs is, with garbage and memory that the runtime keeps; settled, after a collection that gave it back.")
}

func printPoints(w io.Writer, rows []idle.Row) {
	t := table.Table{{"round", "server", "connections", "settled", "as is"}}
	for _, r := range rows {
		for i, points := range r.Rounds {
			for _, p := range points {
				t.Add(fmt.Sprint(i+1), r.Server, fmt.Sprint(p.Conns), fmt.Sprint(p.Settled), fmt.Sprint(p.AsIs))
			}
		}
	}
	t.Print(w)
}

// printTimers prints what re-arming costs.
func printTimers(w io.Writer, rows []timers.Row, count int, verbose bool) {
	fmt.Fprintf(w, "Re-arming one of %d timers\n", count)
	var t table.Table
	var last timers.Pattern
	for _, r := range rows {
		if r.Pattern != last {
			last = r.Pattern
			t.Add(string(r.Pattern), "CPU ns", "quartiles", "ratio", "quartiles", "allocs", table.Notes)
		}
		note := ""
		switch {
		case r.Err != "":
			note = "FAILED"
		case r.Fired() > 0:
			note = fmt.Sprintf("%d fired", r.Fired())
		}
		t.Add("  "+string(r.Kind), fmt.Sprintf("%.1f", r.NS.Median), between(r.NS, 1),
			ratio(r.Ratio), ratioQuartiles(r.Ratio), fmt.Sprintf("%.6f", r.Allocs.Median), note)
	}
	t.Print(w)
	for _, r := range rows {
		if verbose {
			for i, s := range r.Samples {
				fmt.Fprintf(w, "  round %d, %s, %s: %.1f ns, %d re-arms\n", i+1, r.Kind, r.Pattern, s.NS, s.Rearms)
			}
		}
		printFailure(w, string(r.Kind), r.Err)
	}
}

// printConnect prints how late connect time-outs came.
func printConnect(w io.Writer, rows []expiry.Row) {
	fmt.Fprintln(w, "How much later than its limit a connect gives up that nobody answers")
	t := table.Table{{"limit", "", "tries", "median µs", "p99 µs", "max µs", "early", table.Notes}}
	for _, r := range rows {
		note := ""
		if r.Err != "" {
			note = "FAILED"
		}
		t.Add(r.Limit.String(), string(r.Kind), fmt.Sprint(len(r.Late)),
			micros(r.Quantile(0.5)), micros(r.Quantile(0.99)), micros(r.Quantile(1)), fmt.Sprint(r.Early()), note)
	}
	t.Print(w)
	for _, r := range rows {
		printFailure(w, string(r.Kind), r.Err)
	}
}

func micros(d time.Duration) string { return fmt.Sprint(d.Microseconds()) }
