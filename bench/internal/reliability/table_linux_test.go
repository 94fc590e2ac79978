package reliability

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

var (
	long = flag.Bool("long", false, "the sizes that the fault table is about, not those for every day")
	// It is no promise of the engine: whatever takes this long has hung.
	patience = flag.Duration("patience", time.Minute, "how long a row waits for what must happen")
)

func TestMain(m *testing.M) {
	if child.Dispatch(map[string]child.Role{subject.Role: play}) {
		return
	}
	// A program with the race detector otherwise sleeps for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// TestFaultTable runs every row on this engine.
func TestFaultTable(t *testing.T) {
	for _, row := range Rows() {
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			if missing := Missing(row); missing != "" {
				t.Fatal(missing)
			}
			r := Run(t.Context(), row, Options{Server: subject.Own, Long: *long, Patience: *patience})
			for _, f := range r.Figures {
				t.Log(f)
			}
			for _, b := range r.Breaches {
				t.Errorf("%s: %s", b.Outcome, b.Text)
			}
		})
	}
}
