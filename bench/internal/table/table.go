// Package table shows a run as people read it: rows of servers, columns of
// figures, as aligned text, as Markdown, or as cells for whatever else.
package table

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is lines of cells. The first line is the head; the first column is
// aligned left, the others right, except one that the head calls notes.
type Table [][]string

// Notes is the head of a column of words.
const Notes = "notes"

// Add appends a line.
func (t *Table) Add(cells ...string) { *t = append(*t, cells) }

// Print writes the table with its columns aligned.
func (t Table) Print(w io.Writer) {
	widths := t.widths()
	for _, line := range t {
		var b strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			b.WriteString("  ")
			if t.left(i) {
				b.WriteString(cell + pad)
			} else {
				b.WriteString(pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// PrintMarkdown writes the table as Markdown.
func (t Table) PrintMarkdown(w io.Writer) {
	for i, line := range t {
		for _, cell := range line {
			fmt.Fprintf(w, "| %s ", escape.Replace(cell))
		}
		fmt.Fprintln(w, "|")
		if i == 0 {
			t.printRule(w)
		}
	}
}

func (t Table) printRule(w io.Writer) {
	for i := range t[0] {
		rule := "---:"
		if t.left(i) {
			rule = ":---"
		}
		fmt.Fprint(w, "|", rule)
	}
	fmt.Fprintln(w, "|")
}

// escape keeps what a cell says from being taken for Markdown or HTML.
var escape = strings.NewReplacer("\\", "\\\\", "|", "\\|", "\n", " ", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "<", "&lt;", "&", "&amp;")

// Escape returns what Markdown shows as text.
func Escape(text string) string { return escape.Replace(text) }

func (t Table) left(column int) bool {
	return column == 0 || column < len(t[0]) && t[0][column] == Notes
}

func (t Table) widths() []int {
	var widths []int
	for _, line := range t {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}
