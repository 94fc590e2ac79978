package reliability

// The table as people read it.

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/table"
)

// Document is a run of the table.
type Document struct {
	Time            time.Time    `json:"time"`
	Machine         machine.Info `json:"machine"`
	machine.Version              // of this engine and the table
	Command         string       `json:"command"`
	Results         []Result     `json:"results"`
}

// Head says what was run, and where.
func (d Document) Head() string {
	source := d.Source()
	if source == "" {
		source = "unknown"
	}
	m := d.Machine
	return fmt.Sprintf("Linux %s on %d cores (%s), %s, commit %s, by %s", m.Kernel, m.Cores, m.CPU, m.Go, source, d.Command)
}

// Held reports whether every row held that was run on the server.
func (d Document) Held(server string) bool {
	return !slices.ContainsFunc(d.Results, func(r Result) bool { return r.Server == server && !r.Held() })
}

// servers are the names of the servers in results, in their order.
func servers(results []Result) []string {
	var names []string
	for _, r := range results {
		if !slices.Contains(names, r.Server) {
			names = append(names, r.Server)
		}
	}
	return names
}

// PrintList prints what rows there are.
func PrintList(w io.Writer, rows []Row) {
	for _, r := range rows {
		fmt.Fprintf(w, "%s (%s)\n    %s\n    %s\n", r.Name, strings.Join(r.Clauses, ", "), r.Does, r.Promise)
		if missing := Missing(r); missing != "" {
			fmt.Fprintf(w, "    not here: %s\n", missing)
		}
	}
}

// Print prints a line for each row of each server.
func Print(w io.Writer, d Document) {
	fmt.Fprintln(w, d.Head())
	t := table.Table{{"row", "server", "outcome", "s", table.Notes}}
	for _, r := range d.Results {
		t.Add(r.Row, r.Server, r.Outcome(), fmt.Sprintf("%.1f", r.Seconds), strings.Join(r.Figures, "; "))
	}
	t.Print(w)
	fmt.Fprintln(w, d.sum())
}

// sum says of each server how many of its rows held.
func (d Document) sum() string {
	var texts []string
	for _, name := range servers(d.Results) {
		held, of := 0, 0
		for _, r := range d.Results {
			if r.Server != name {
				continue
			}
			of++
			if r.Held() {
				held++
			}
		}
		texts = append(texts, fmt.Sprintf("%s: %d of %d rows held", name, held, of))
	}
	return strings.Join(texts, "; ") + "."
}

// PrintMarkdown prints what docs/reliability.md has of a run: what each row does and
// what was measured of the first server, the outcomes of all beside each other where
// there are more, and why rows did not hold.
func PrintMarkdown(w io.Writer, rows []Row, d Document) {
	fmt.Fprintf(w, "%s. %s\n\n", table.Escape(d.Head()), table.Escape(d.sum()))
	names := servers(d.Results)
	if len(names) == 0 {
		return
	}
	printFaults(w, rows, d, names[0])
	if len(names) > 1 {
		fmt.Fprintln(w)
		printOutcomes(w, rows, d, names)
	}
	for _, r := range d.Results {
		if !r.Held() {
			fmt.Fprintf(w, "\n%s on %s: %s\n\n    %s\n", r.Row, r.Server, r.Outcome(), strings.ReplaceAll(r.Why(), "\n", "\n    "))
		}
	}
}

// printFaults prints the rows, and one server's outcomes and figures.
func printFaults(w io.Writer, rows []Row, d Document, server string) {
	printLine(w, "row", "the fault", "clauses", "outcome", "measured")
	printLine(w, slices.Repeat([]string{":--"}, 5)...)
	for _, row := range rows {
		if r := d.find(row.Name, server); r != nil {
			printLine(w, "`"+row.Name+"`", table.Escape(row.Does), strings.Join(row.Clauses, ", "), r.Outcome(), table.Escape(strings.Join(r.Figures, "; ")))
		}
	}
}

// printOutcomes prints the outcomes of the rows that more than one server has run.
func printOutcomes(w io.Writer, rows []Row, d Document, names []string) {
	printLine(w, append([]string{"row"}, names...)...)
	printLine(w, slices.Repeat([]string{":--"}, len(names)+1)...)
	for _, row := range rows {
		line, ran := []string{"`" + row.Name + "`"}, 0
		for _, name := range names {
			outcome := "-"
			if r := d.find(row.Name, name); r != nil {
				outcome = r.Outcome()
				ran++
			}
			line = append(line, outcome)
		}
		if ran > 1 {
			printLine(w, line...)
		}
	}
}

// printLine prints a line of a table in Markdown.
func printLine(w io.Writer, cells ...string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// find is what a row came to on a server, nil if it has not run there.
func (d Document) find(row, server string) *Result {
	i := slices.IndexFunc(d.Results, func(r Result) bool { return r.Row == row && r.Server == server })
	if i < 0 {
		return nil
	}
	return &d.Results[i]
}
