package table

// Runs, printed.

import (
	"fmt"
	"io"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// Text prints a run as an aligned table, with what failed servers had to say
// below.
func Text(w io.Writer, run results.Run) {
	s := Of(run)
	fmt.Fprintln(w, s.Title)
	s.table().Print(w)
	for i, row := range s.Rows {
		if row.Failed != "" {
			fmt.Fprintf(w, "  %s failed: %s\n", run.Rows[i].Server, indent(row.Failed, "    "))
		}
	}
}

// Markdown prints the same below a heading of the third level.
func Markdown(w io.Writer, run results.Run) {
	s := Of(run)
	fmt.Fprintf(w, "### %s\n\n", escape.Replace(s.Title))
	s.table().PrintMarkdown(w)
	for i, row := range s.Rows {
		if row.Failed != "" {
			fmt.Fprintf(w, "\n%s failed:\n\n    %s\n", escape.Replace(run.Rows[i].Server), indent(row.Failed, "    "))
		}
	}
}

func (s Sheet) table() Table {
	t := Table{s.Heads}
	for _, row := range s.Rows {
		line := make([]string, len(row.Cells))
		for i, c := range row.Cells {
			line[i] = c.Text
			if c.Text == "" && s.Heads[i] != Notes {
				line[i] = "-"
			}
		}
		t.Add(line...)
	}
	return t
}

func indent(text, by string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}
