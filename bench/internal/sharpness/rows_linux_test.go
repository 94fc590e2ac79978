package sharpness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/reliability"
)

func TestEveryBreakageOfTheTableNamesARow(t *testing.T) {
	for _, b := range RowBreakages {
		rows, err := reliability.Find(reliability.Rows(), []string{b.Row})
		if err != nil || len(rows) != 1 {
			t.Errorf("%q: %d rows, %v", b.Name, len(rows), err)
		}
	}
	for _, b := range Breakages {
		if b.Row != "" {
			t.Errorf("%q is of the simulation and names row %s", b.Name, b.Row)
		}
	}
}

// The row that must notice a breakage does; on an engine that is whole it notices nothing.
func TestARowNoticesItsBreakageAndNothingElse(t *testing.T) {
	b := named(t, "OnClose twice") // so the counts of ends never agree
	b.Row = "reset-idle"
	o, err := Try(t.Context(), root(t), b, 0)
	if err != nil || o.By != b.Row || !strings.HasPrefix(o.Words, "hung: the ends: ") {
		t.Errorf("%+v, %v", o, err)
	}
	whole := Breakage{Name: "nothing", Row: b.Row, Edits: []Edit{{"loop/turn.go", "package loop\n", "package loop\n"}}}
	if o, err := Try(t.Context(), root(t), whole, 0); err != nil || o.By != "" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestVerdictsAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	for text, want := range map[string]string{
		`{"results": [{"row": "x"}]}`: "",
		`{"results": [{"breaches": [{"outcome": "hung", "text": "a\nb"}, {"outcome": "broke", "text": "c"}]}]}`: "hung a",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if outcome, words, err := verdict(file); err != nil || strings.TrimSpace(outcome+" "+words) != want {
			t.Errorf("%s: %q, %q, %v", text, outcome, words, err)
		}
	}
	for _, text := range []string{"", `{"results": []}`, `{"results": [{}, {}]}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := verdict(file); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
