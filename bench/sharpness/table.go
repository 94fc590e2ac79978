package main

// How the outcomes are shown.

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/eddyline/eddyline/bench/internal/sharpness"
	"github.com/eddyline/eddyline/bench/internal/table"
)

// longest is how many characters of a seed's words are shown.
const longest = 90

func list(w io.Writer, breakages []sharpness.Breakage) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range breakages {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", b.Name, b.Clause, files(b), b.Row)
	}
	_ = t.Flush() // to the standard output
}

// files are those that a breakage breaks.
func files(b sharpness.Breakage) string {
	text := ""
	for i, e := range b.Edits {
		if i == 0 || e.File != b.Edits[i-1].File {
			text += " " + e.File
		}
	}
	return text[1:]
}

// tell prints the outcomes, and a sum.
func tell(w io.Writer, done []sharpness.Outcome, o *options) {
	by, align, within := "first seed", "--:", fmt.Sprintf("within %d seeds", o.seeds)
	if o.table {
		by, align, within = "row", ":--", "by the fault table"
	}
	row, end := "%s\t%s\t%s\t%s\n", func() {}
	if o.markdown {
		row = "| %s | %s | %s | %s |\n"
		fmt.Fprintf(w, "| broken | clause | %s | it says |\n|:--|:--|%s|:--|\n", by, align)
	} else {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		w, end = t, func() { _ = t.Flush() } // to the standard output
		fmt.Fprintf(w, row, "broken", "clause", by, "it says")
	}
	found := 0
	for _, d := range done {
		if d.By != "" {
			found++
		}
		said := words(d)
		if o.markdown {
			said = table.Escape(said)
		}
		fmt.Fprintf(w, row, d.Name, d.Clause, cmp.Or(d.By, "none"), said)
	}
	end()
	fmt.Fprintf(w, "\n%d of %d breakages noticed %s.\n", found, len(done), within)
	end()
}

func words(o sharpness.Outcome) string {
	switch text := []rune(o.Words); {
	case o.By == "" && o.Missed == "":
		return "NOT NOTICED"
	case o.By == "":
		return "not noticed: " + o.Missed
	case len(text) > longest:
		return string(text[:longest]) + "…"
	default:
		return o.Words
	}
}
