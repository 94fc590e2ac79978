package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/reliability"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// The documentation shows the rows that there are, as the command prints them, all held by
// this engine, and how the others fare in each that runs on them.
func TestTheDocumentationHasEveryRow(t *testing.T) {
	const document = "../../docs/reliability.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	rows := reliability.Rows()
	var d reliability.Document
	for _, r := range rows {
		d.Results = append(d.Results, reliability.Result{Row: r.Name, Server: subject.Own})
		for _, peer := range known()[1:] {
			if !r.Own {
				d.Results = append(d.Results, reliability.Result{Row: r.Name, Server: peer})
			}
		}
	}
	var printed strings.Builder
	reliability.PrintMarkdown(&printed, rows, d)
	for line := range strings.Lines(printed.String()) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		// Figures and the outcomes of others are a run's.
		const held, any = `\| held `, `\| [^|\n]+ `
		want := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), `\|  \|`, any+`\|`)
		want = strings.Replace(strings.ReplaceAll(want, held, any), any, held, 1)
		if !regexp.MustCompile("(?m)^" + want + "$").Match(text) {
			t.Errorf("%s has no line like %s", document, line)
		}
	}
	if sum := fmt.Sprintf("%s: %d of %d rows held", subject.Own, len(rows), len(rows)); !strings.Contains(string(text), sum) {
		t.Errorf("%s does not say that %s", document, sum)
	}
}
