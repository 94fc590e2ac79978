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
	Time    time.Time    `json:"time"`
	Machine machine.Info `json:"machine"`
	Command string       `json:"command"`
	Results []Result     `json:"results"`
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
func Print(w io.Writer, results []Result) {
	t := table.Table{{"row", "server", "outcome", "s", table.Notes}}
	for _, r := range results {
		t.Add(r.Row, r.Server, r.Outcome(), fmt.Sprintf("%.1f", r.Seconds), strings.Join(r.Figures, "; "))
	}
	t.Print(w)
	for _, server := range servers(results) {
		held, of := tally(results, server)
		fmt.Fprintf(w, "%s: %d of %d rows held\n", server, held, of)
	}
}

// tally counts the rows of one server.
func tally(results []Result, server string) (held, of int) {
	for _, r := range results {
		if r.Server != server {
			continue
		}
		of++
		if r.Held() {
			held++
		}
	}
	return held, of
}

// PrintMarkdown prints the table: the rows with their promises and this run's
// outcomes, then why those that did not hold did not.
func PrintMarkdown(w io.Writer, rows []Row, d Document) {
	names := servers(d.Results)
	t := table.Table{slices.Concat([]string{"row"}, names, []string{"clauses", table.Notes})}
	for _, row := range rows {
		line := []string{row.Name}
		figures := ""
		for _, name := range names {
			i := slices.IndexFunc(d.Results, func(r Result) bool { return r.Row == row.Name && r.Server == name })
			if i < 0 {
				line = append(line, "-")
				continue
			}
			line = append(line, d.Results[i].Outcome())
			if figures == "" {
				figures = strings.Join(d.Results[i].Figures, "; ")
			}
		}
		t.Add(append(line, strings.Join(row.Clauses, " "), row.Does+". "+names[0]+": "+figures)...)
	}
	t.PrintMarkdown(w)
	for _, r := range d.Results {
		if !r.Held() {
			fmt.Fprintf(w, "\n%s on %s: %s\n\n    %s\n", r.Row, r.Server, r.Outcome(), strings.ReplaceAll(r.Why(), "\n", "\n    "))
		}
	}
}
