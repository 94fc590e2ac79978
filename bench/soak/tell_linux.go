package main

// What came out, as people read it.

import (
	"fmt"
	"io"

	"github.com/eddyline/eddyline/bench/internal/soak"
	"github.com/eddyline/eddyline/bench/internal/table"
)

// tell prints a run.
func tell(w io.Writer, d *soak.Document) {
	r := d.Result
	for _, line := range d.About() {
		fmt.Fprintln(w, line)
	}
	if r.Ended != "" {
		fmt.Fprintln(w, "ENDED before its time:", r.Ended)
	}
	fmt.Fprintln(w)
	did := table.Table{{"load", "done", "lost", "MB checked"}}
	for _, a := range r.Actions {
		did.Add(a.Kind, fmt.Sprint(a.Done), fmt.Sprint(a.Lost), megabytes(a.Bytes))
	}
	did.Print(w)
	fmt.Fprintln(w)
	counts(w, "seen by the server", r.Seen)
	counts(w, "fault", r.Faults)
	for _, why := range r.Lost {
		fmt.Fprintf(w, "  LOST: %s\n", why)
	}
	stayed := table.Table{{"figure", "before", "median", "rise", "noticed from", "peak", "after", table.Notes}}
	for _, v := range r.Verdicts {
		stayed.Add(v.Figure, v.Before, v.Median, v.Rise, v.Noticed, v.Peak, v.After, v.Says)
	}
	stayed.Print(w)
}

func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(n)/(1<<20))
}

func counts(w io.Writer, what string, list []soak.Count) {
	t := table.Table{{what, "times"}}
	for _, c := range list {
		t.Add(c.What, fmt.Sprint(c.Times))
	}
	t.Print(w)
	fmt.Fprintln(w)
}
