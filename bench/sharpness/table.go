package main

// How the outcomes are shown.

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/eddyline/eddyline/bench/internal/sharpness"
)

// longest is how many characters of a seed's words are shown.
const longest = 90

func list(w io.Writer, breakages []sharpness.Breakage) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range breakages {
		fmt.Fprintf(t, "%s\t%s\t%s\n", b.Name, b.Clause, files(b))
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
	row, end := "%s\t%s\t%s\t%s\n", func() {}
	if o.markdown {
		row = "| %s | %s | %s | %s |\n"
		fmt.Fprint(w, "| broken | clause | first seed | it says |\n|:--|:--|--:|:--|\n")
	} else {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		w, end = t, func() { _ = t.Flush() } // to the standard output
		fmt.Fprintf(w, row, "broken", "clause", "first seed", "it says")
	}
	found := 0
	for _, d := range done {
		if d.Seed > 0 {
			found++
		}
		fmt.Fprintf(w, row, d.Name, d.Clause, seed(d), words(d))
	}
	end()
	fmt.Fprintf(w, "\n%d of %d breakages noticed within %d seeds.\n", found, len(done), o.seeds)
	end()
}

func seed(o sharpness.Outcome) string {
	if o.Seed == 0 {
		return "none"
	}
	return fmt.Sprint(o.Seed)
}

func words(o sharpness.Outcome) string {
	switch text := []rune(o.Words); {
	case o.Seed == 0 && o.Missed == "":
		return "NOT NOTICED"
	case o.Seed == 0:
		return "not noticed: " + o.Missed
	case len(text) > longest:
		return string(text[:longest]) + "…"
	default:
		return o.Words
	}
}
