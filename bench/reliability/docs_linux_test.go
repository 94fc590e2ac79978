package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/reliability"
)

// The documentation shows the rows that there are, as they are, and how the others fare in
// each that runs on them.
func TestTheDocumentationHasEveryRow(t *testing.T) {
	const document = "../../docs/reliability.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	peers := len(known()) - 1 // without this engine
	rows := reliability.Rows()
	for _, r := range rows {
		line := fmt.Sprintf("\n| `%s` | %s | %s | held |", r.Name, strings.ReplaceAll(r.Does, "_", `\_`), strings.Join(r.Clauses, ", "))
		if !strings.Contains(string(text), line) {
			t.Errorf("%s has no line that begins%s", document, line)
		}
		outcomes := regexp.MustCompile("\n\\| `" + r.Name + "` \\| held \\|" + strings.Repeat(` [^|]+ \|`, peers) + "\n")
		if compared := outcomes.Match(text); compared == r.Own {
			t.Errorf("%s compares %s with other servers: %v", document, r.Name, compared)
		}
	}
	if sum := fmt.Sprintf("%d of %d rows held", len(rows), len(rows)); !strings.Contains(string(text), sum) {
		t.Errorf("%s does not say that %s", document, sum)
	}
}
